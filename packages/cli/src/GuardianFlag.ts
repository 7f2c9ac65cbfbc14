/**
 * The option that says whether somebody stands by to release the endpoint when the command is killed.
 */
import * as Flag from "effect/cli/Flag"
import * as Lazy from "./Lazy.ts"

/** `--no-guardian` */
export const flags = {
  guardian: Flag.Boolean("guardian").pipe(
    Flag.withDescription(
      "Start a small process that releases the endpoint when this one is killed; --no-guardian leaves it off"
    ),
    Flag.withDefault(true)
  )
}

/** The records of this machine, with a guardian unless it is left off. */
export const layer = (guardian: boolean) =>
  Lazy.layer(() =>
    import("@stint/batch/node/LeaseRecords").then(({ layerConfig }) => layerConfig({ guardian }))
  )
