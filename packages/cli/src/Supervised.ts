/**
 * A run under signals: the first lets it come to an end, the second ends it, the third leaves.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Signal } from "./ExitCode.ts"
import { Signals } from "./Signals.ts"

/** In which answers that are here already are read and written down. */
const MOMENT = "500 millis"

/** Where a run is. */
export type Phase = "claiming" | "taken" | "creating" | "resuming" | "waking" | "running" | "releasing"

const phases: Partial<Record<ManagedEndpoint.Event["_tag"], Phase>> = {
  TookOver: "taken",
  Creating: "creating",
  Resuming: "resuming",
  Acquired: "waking",
  Ready: "running",
  Releasing: "releasing"
}

/** Where a run is after an event of its lease. */
export const phaseAfter = (event: ManagedEndpoint.Event, phase: Phase): Phase => phases[event._tag] ?? phase

/** What there is to know of a run in order to end it well. */
export interface Options {
  readonly phase: () => Phase
  /** Completed when the run should take nothing more. */
  readonly drain: Deferred.Deferred<void>
  /** How long what is in flight may go on. */
  readonly drainTimeout: Duration.Input
  readonly say: (line: string) => Effect.Effect<void>
}

const doing: Record<Exclude<Phase, "running">, string> = {
  claiming: "stopping; nothing was woken",
  taken: "stopping; this run has woken nothing, but what the run before it left may be awake still",
  creating: "the endpoint is being created; as soon as that is answered it is released",
  resuming: "the endpoint is being resumed; as soon as that is answered it is released",
  waking: "releasing the endpoint",
  releasing: "the endpoint is being released already"
}

const times = (left: number) => (left === 1 ? "Once more" : "Twice more")

/** What the signals that are left would do. */
const leaving = (left: number) => `${times(left)} leaves at once: it may then go on billing.`

/** Runs to the end, whatever the end is. */
export const run = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options: Options
): Effect.fn.Return<Exit.Exit<A, E>, never, R | Signals> {
  const { first, left, second } = yield* Signals
  const { say } = options
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  const end = Effect.sync(() => fiber.interruptUnsafe())

  const drained = Effect.fnUntraced(function* (signal: Signal) {
    yield* say(`${signal}: finishing what is in flight, then releasing. Once more: release now.`)
    yield* Deferred.succeed(options.drain, undefined)
    // A program that stood still (stopped, starved, asleep with its machine) finds the time over before it reads what has
    // come in meanwhile: a moment more, and the answers are kept.
    const over = Effect.andThen(Effect.sleep(options.drainTimeout), Effect.sleep(MOMENT))
    yield* Effect.raceFirst(Effect.asVoid(second), over)
    const now = options.phase() === "releasing" ? "The endpoint is being released already." : "Releasing now."
    yield* say(`${now} ${leaving(left())}`)
    yield* end
  })

  const onSignal = Effect.gen(function* () {
    const signal = yield* first
    const phase = options.phase()
    if (phase === "running") {
      yield* drained(signal)
      if (left() === 1) return
    } else {
      const rest = phase === "claiming" ? "" : ` ${leaving(left())}`
      yield* say(`${signal}: ${doing[phase]}.${rest}`)
      yield* end
    }
    const again = yield* second
    yield* say(`${again}: still releasing the endpoint. ${leaving(left())}`)
  })
  const watcher = yield* Effect.forkChild(onSignal, { startImmediately: true })
  const exit = yield* Fiber.await(fiber)
  yield* Fiber.interrupt(watcher)
  return exit
})

/**
 * Brings a release to its end, whatever signals come: cut short, it would leave the endpoint to its bill. The signals say what
 * they do; the third leaves, as everywhere.
 */
export const toItsEnd = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  say: (line: string) => Effect.Effect<void>
): Effect.fn.Return<A, E, R | Signals> {
  const { first, left, second } = yield* Signals
  const words = Effect.gen(function* () {
    yield* say(`${yield* first}: the release that has begun is brought to its end. ${leaving(left())}`)
    yield* say(`${yield* second}: still releasing the endpoint. ${leaving(left())}`)
  })
  return yield* Effect.acquireUseRelease(
    Effect.forkChild(words, { startImmediately: true }),
    () => Effect.uninterruptible(effect),
    (watcher) => Fiber.interrupt(watcher)
  )
})
