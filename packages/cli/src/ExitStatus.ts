/**
 * The code that the command will exit with when nothing fails.
 */
import * as Context from "effect/Context"
import type * as Ref from "effect/Ref"

/** The code that the command will exit with when nothing fails. */
export class ExitStatus extends Context.Service<ExitStatus, Ref.Ref<number>>()("@stint/cli/ExitStatus") {}
