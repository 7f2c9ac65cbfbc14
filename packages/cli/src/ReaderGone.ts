/**
 * Whoever read what is written has left, as `head` does.
 */
import * as Effect from "effect/Effect"
import NodeProcess from "node:process"

/** Waits until stdout can be written no more: what would go on for ever has come to its end. */
export const readerGone: Effect.Effect<void> = Effect.callback<void>((resume) => {
  const { stdout } = NodeProcess
  const onError = () => resume(Effect.void)
  stdout.once("error", onError)
  return Effect.sync(() => stdout.off("error", onError))
})
