/**
 * A run under signals: the first lets it come to an end, the second ends it.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Signals } from "./Signals.ts"

/** Where a run is. */
export type Phase = "waking" | "running" | "releasing"

/** What there is to know of a run in order to end it well. */
export interface Options {
  readonly phase: () => Phase
  /** Completed when the run should take nothing more. */
  readonly drain: Deferred.Deferred<void>
  /** How long what is in flight may go on. */
  readonly drainTimeout: Duration.Input
  readonly say: (line: string) => Effect.Effect<void>
}

/** Runs to the end, whatever the end is. */
export const run = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: Options
): Effect.fn.Return<Exit.Exit<A, E>, never, R | Signals> {
  const { first, second } = yield* Signals
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  const onSignal = Effect.gen(function* () {
    const signal = yield* first
    const phase = options.phase()
    if (phase === "running") {
      yield* options.say(`${signal}: finishing what is in flight, then releasing. Once more: release now.`)
      yield* Deferred.succeed(options.drain, undefined)
      yield* Effect.raceFirst(Effect.asVoid(second), Effect.sleep(options.drainTimeout))
      yield* options.say("Releasing now. Once more leaves at once: it may then go on billing.")
    } else {
      const now = phase === "releasing" ? "being released already" : "releasing the endpoint"
      yield* options.say(`${signal}: ${now}. Twice more leaves at once: it may then go on billing.`)
    }
    yield* Fiber.interrupt(fiber)
  })
  const watcher = yield* Effect.forkChild(onSignal)
  const exit = yield* Fiber.await(fiber)
  yield* Fiber.interrupt(watcher)
  return exit
})
