/** `stint endpoints pause` and `scale-to-zero`: the end of a bill, read back. */
import * as Command from "effect/cli/Command"
import * as Lazy from "../../Lazy.ts"
import * as Target from "./Target.ts"

const flags = { names: Target.names, ...Target.flags, json: Target.json }

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

const load = () => import("../../handlers/endpoints/stop.ts")

/** `stint endpoints pause` */
export const pause = Command.make(
  "pause",
  flags,
  Lazy.handler(() => load().then(({ pause }) => ({ handle: pause })))
).pipe(
  Command.withDescription("Stop endpoints and their bill until they are resumed"),
  Command.withExamples([
    {
      command: "stint endpoints pause a b c",
      description: "All three at once; exit code 5 unless all are paused"
    }
  ])
)

/** `stint endpoints scale-to-zero` */
export const scaleToZero = Command.make(
  "scale-to-zero",
  flags,
  Lazy.handler(() => load().then(({ scaleToZero }) => ({ handle: scaleToZero })))
).pipe(Command.withDescription("Stop endpoints and their bill until the next request"))
