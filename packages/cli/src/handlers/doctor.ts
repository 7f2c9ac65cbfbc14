/** What `stint doctor` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { ExitCode } from "../ExitCode.ts"
import { ExitStatus } from "../ExitStatus.ts"
import * as Check from "../doctor/Check.ts"
import { examine } from "../doctor/examine.ts"
import { version } from "../version.ts"
import type { Given } from "../commands/doctor.ts"

/** What the command does. */
export const handle = Effect.fn("doctor")(function* ({ json }: Given) {
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
