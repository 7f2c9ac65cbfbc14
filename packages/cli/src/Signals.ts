/**
 * Ctrl-C and its kin, as the run sees them: the first asks to come to an end, the second to come to it at once.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Signal } from "./ExitCode.ts"

/** The signals that have come. */
export class Signals extends Context.Service<
  Signals,
  {
    /** Waits for the first signal. Whoever does takes care of it. */
    readonly first: Effect.Effect<Signal>
    /** Waits for a first signal that nobody takes care of. */
    readonly unattended: Effect.Effect<Signal>
    /** Waits for the second. */
    readonly second: Effect.Effect<Signal>
    /** How many more it takes to leave without releasing. */
    readonly left: () => number
    /** The first signal, if one has come. */
    readonly received: () => Signal | undefined
    /**
     * What to say should the program leave without releasing: the endpoint, its price, the command that ends it. Absent: no
     * endpoint is awake because of it.
     */
    readonly atRisk: () => string | undefined
    readonly setAtRisk: (text: string | undefined) => void
    /** Tells of a signal; gives how many more it takes to leave. */
    readonly raise: (signal: Signal) => number
  }
>()("@stint/cli/Signals") {}

/** So many signals leave at once. */
const LAST = 3

/** No signal has come yet. */
export const make: Effect.Effect<Signals["Service"]> = Effect.gen(function* () {
  const first = yield* Deferred.make<Signal>()
  const second = yield* Deferred.make<Signal>()
  const seen: Array<Signal> = []
  let atRisk: string | undefined
  let isAttended = false
  return {
    first: Effect.suspend(() => {
      isAttended = true
      return Deferred.await(first)
    }),
    unattended: Effect.flatMap(Deferred.await(first), (signal) =>
      isAttended ? Effect.never : Effect.succeed(signal)
    ),
    second: Deferred.await(second),
    left: () => Math.max(0, LAST - seen.length),
    received: () => seen[0],
    atRisk: () => atRisk,
    setAtRisk: (text) => {
      atRisk = text
    },
    raise: (signal) => {
      seen.push(signal)
      Deferred.doneUnsafe(seen.length === 1 ? first : second, Effect.succeed(signal))
      return Math.max(0, LAST - seen.length)
    }
  }
})
