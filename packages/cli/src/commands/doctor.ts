/**
 * `stint doctor`: what a run needs, how it stands with it, and how to mend it.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { ExitCode } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import { version } from "../version.ts"

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One JSON document, for a program to read"),
    Flag.withDefault(false)
  )
}

/** `stint doctor` */
export const doctor = Command.make(
  "doctor",
  flags,
  Effect.fn("doctor")(function* ({ json }) {
    // Loaded when it is asked for.
    const [{ examine }, Check] = yield* Effect.promise(() =>
      Promise.all([import("../doctor/examine.ts"), import("../doctor/Check.ts")])
    )
    const checks = yield* examine
    const isWell = checks.every(({ mark }) => mark !== "fail")
    if (json) {
      const encode = Schema.encodeEffect(Schema.fromJsonString(Check.Findings))
      yield* Console.log(yield* encode({ ok: isWell, version, checks }))
    } else {
      const { canColor } = yield* TerminalCapabilities
      yield* Console.log(Check.format(checks, canColor))
    }
    if (!isWell) yield* Ref.set(yield* ExitStatus, ExitCode.unwell)
  })
).pipe(
  Command.withDescription(
    "Look at what a run needs: token, permissions, network, Node, disk. Wakes nothing, costs nothing; exit code 9 when a check failed"
  ),
  Command.withExamples([{ command: "stint doctor --json", description: "For a program to read" }])
)
