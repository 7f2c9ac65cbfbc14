/**
 * `stint doctor`: what a run needs, how it stands with it, and how to mend it.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Lazy from "../Lazy.ts"

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One JSON document, for a program to read"),
    Flag.withDefault(false)
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint doctor` */
export const doctor = Command.make(
  "doctor",
  flags,
  Lazy.handler(() => import("../handlers/doctor.ts"))
).pipe(
  Command.withShortDescription("Look at what a run needs, and how to mend it"),
  Command.withDescription(
    "Look at what a run needs: token, permissions, network, Node, disk. Wakes nothing, costs nothing; exit code 9 when a check failed"
  ),
  Command.withExamples([{ command: "stint doctor --json", description: "For a program to read" }])
)
