/**
 * Ends what takes too long: an attempt, an item, a run. One fiber looks at everything in flight now and then: a timer for
 * each request would cost a third of what the request costs.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Cells, Progress } from "../../Progress.ts"
import type { Halt } from "./halt.ts"
import type { Cap } from "../lease/spending.ts"
import { DeadlineReached } from "./stop.ts"

/** Something in flight that has its time. */
export interface Flight {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  /** In milliseconds of the clock. */
  deadline: number
  isOver: boolean
  /** Ends it for the run, whatever its fiber goes on with. */
  readonly abandon: () => void
}

/** The longest that something may go on past its deadline. */
const COARSE = Duration.seconds(1)
const FINE = Duration.millis(50)

/** How often to look, for deadlines of about this length. */
export const grain = (timeout: Duration.Duration): Duration.Duration =>
  Duration.clamp(Duration.times(timeout, 0.05), { minimum: FINE, maximum: COARSE })

/** Interrupts each flight whose deadline has passed, for ever. */
export const watch = (flights: Iterable<Flight>, every: Duration.Duration): Effect.Effect<never> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    while (true) {
      yield* Effect.sleep(every)
      const now = clock.currentTimeMillisUnsafe()
      for (const flight of flights) {
        if (flight.deadline > now) continue
        flight.isOver = true
        flight.fiber.interruptUnsafe()
        // What cannot be interrupted is not waited for.
        flight.abandon()
      }
    }
  })

/** A run, as far as its end needs to know it. */
export interface Work<SE> {
  readonly halt: Halt<SE>
  /** Whatever is in flight then is cut off. */
  readonly endAt: (at: number) => void
  /** Whether the source has given all that it has. */
  readonly isFed: () => boolean
  /** Whether all of that has its fate. */
  readonly isOver: () => boolean
}

/** Ends a run when its time is over; what is in flight then may go on for `grace`. */
export const deadline = <SE>(
  work: Work<SE>,
  after: Duration.Input,
  grace: Duration.Duration
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const time = Duration.fromInputUnsafe(after)
    yield* Effect.sleep(time)
    if (work.isOver()) return
    work.halt.because(new DeadlineReached({ after: Duration.format(time) }))
    work.endAt(clock.currentTimeMillisUnsafe() + Duration.toMillis(grace))
  })

/** What is in flight gets three times what an attempt takes on the average, within bounds. */
const SHORTEST_DRAIN = 2000
const LONGEST_DRAIN = 30_000

/** How long what is in flight may take to be answered; never more than half of the time that there is. */
const drainOf = (cells: Cells, now: number, cutAt: number): number => {
  const done = cells.succeeded + cells.failed
  const longest = Math.min(LONGEST_DRAIN, Math.max(0, cutAt - (cells.startedAt ?? now)) / 2)
  if (done === 0) return longest
  const worked = now - (cells.startedAt ?? now) - cells.heldMillis()
  // By Little's law: as many are in flight as come in during the time that one takes.
  const each = (cells.inFlight * worked) / done
  return Math.min(longest, Math.max(SHORTEST_DRAIN, 3 * each))
}

/**
 * Ends a run before it costs more than it may: takes nothing more while there is still time for what is in flight, and cuts
 * that off when there is none. A run whose items are all taken may use that time to the end.
 */
export const costCap = <SE>(work: Work<SE>, cap: Cap, progress: Progress): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const { cells } = progress
    const now = () => clock.currentTimeMillisUnsafe()
    const until = (at: () => number) =>
      Effect.gen(function* () {
        for (let left = at() - now(); left > 0; left = at() - now()) {
          yield* Effect.sleep(Duration.min(COARSE, Duration.millis(Math.ceil(left))))
        }
      })
    const why = Effect.flatMap(progress.snapshot, ({ failed, skipped, succeeded, total }) =>
      cap.reached(total === undefined ? undefined : Math.max(0, total - succeeded - failed - skipped))
    )
    yield* until(() => {
      const cutAt = cap.cutAt()
      return cutAt - drainOf(cells, now(), cutAt)
    })
    if (work.isFed()) yield* until(cap.cutAt)
    if (work.isOver()) return
    // Before anything is cut off: what is cut off is missing for this reason.
    work.halt.because(why)
    work.endAt(cap.cutAt())
  })
