/**
 * How wide a table may be.
 */
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"

/** The columns of the terminal that stdout is; `undefined` in a pipe or a file, where nothing is cut. */
export const ofStdout = Effect.gen(function* () {
  const { stdoutIsTerminal } = yield* Stdio.Stdio
  if (!(yield* stdoutIsTerminal)) return undefined
  const { columns } = yield* Terminal.Terminal
  const width = yield* columns
  return width > 0 ? width : 80
})
