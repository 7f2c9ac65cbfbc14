/**
 * `stint leases`: who holds which endpoint on this machine.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../Lazy.ts"

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each lease, with its history"),
    Flag.withDefault(false)
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint leases` */
export const leases = Command.make(
  "leases",
  flags,
  Lazy.handler(() => import("../handlers/leases.ts"))
).pipe(
  Command.withDescription("List the endpoints that are leased on this machine, and by whom"),
  Command.withExamples([{ command: "stint leases --json", description: "For a program to read" }])
)
