/**
 * Calls that start an endpoint, and what one whose answer never came may still do: on its way through a proxy or a queue it
 * may land long after it was given up, and wake what was put to sleep since.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { ApiError } from "@stint/core/EndpointError"
import type { Endpoints } from "@stint/core/Endpoints"
import * as Policy from "@stint/core/Policy"

/** How long after it was given up a call is believed to land still: most proxies hold one for a minute at the most. */
const LANDS_WITHIN = Duration.toMillis("60 seconds")
const LOOK_EVERY = Duration.toMillis("5 seconds")
const LOOK_TIMEOUT = "10 seconds"

/** Whether nobody said what became of it: a gateway that gave up knows as little as we do. */
const isUnanswered = (error: unknown) =>
  error instanceof ApiError &&
  (error.reason._tag === "TransportError" || error.reason.status === 502 || error.reason.status === 504)

/**
 * Sends a call that starts an endpoint. `onUnanswered` is told the time when one of its attempts was given up without an
 * answer, be it that a later one was answered.
 */
export const start = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  onUnanswered: (at: number) => Effect.Effect<void>
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const schedule = yield* Policy.CurrentTransient
    const callTimeout = Duration.toMillis(Duration.fromInputUnsafe(yield* Policy.CurrentCallTimeout))
    const from = yield* Clock.currentTimeMillis
    const unanswered = Effect.flatMap(Clock.currentTimeMillis, onUnanswered)
    const heard = (error: unknown) => (isUnanswered(error) ? unanswered : Effect.void)
    return yield* call.pipe(
      Effect.tapError(heard),
      // A create looks whether it happened before it is tried again, and does not tell of its first attempt.
      Effect.tap(() =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          now - from >= callTimeout ? unanswered : Effect.void
        )
      ),
      Effect.provideService(
        Policy.CurrentTransient,
        Schedule.tap(schedule, ({ input }) => heard(input))
      )
    )
  })

/**
 * Releases, and goes on looking for as long as a start may land that was given up; should it, releases again. Answers with
 * the state that was read last.
 */
export const settled = Effect.fnUntraced(function* <E>(options: {
  readonly endpoints: Endpoints["Service"]
  readonly name: string
  /** When a start was given up, in milliseconds of the clock. */
  readonly givenUpAt: number | undefined
  readonly release: Effect.Effect<string, E>
}) {
  const { endpoints, givenUpAt, name, release } = options
  let state = yield* release
  if (givenUpAt === undefined) return state
  const leftOf = Effect.map(Clock.currentTimeMillis, (now) => givenUpAt + LANDS_WITHIN - now)
  const look = endpoints.get(name).pipe(
    Effect.map((endpoint) => endpoint.isAsleep),
    Effect.catchTag("NotFound", () => Effect.succeed(true)),
    // Whatever cannot be read is released once more, which says whether it can be.
    Effect.orElseSucceed(() => false),
    Effect.provideService(Policy.CurrentTransient, Schedule.recurs(0)),
    Effect.provideService(Policy.CurrentCallTimeout, LOOK_TIMEOUT)
  )
  let left = yield* leftOf
  if (left > 0) {
    yield* Effect.logInfo(
      `Endpoint "${name}" is ${state}. A call that starts it was not answered and may land yet: looking on for ${Math.ceil(left / 1000)} s.`
    )
  }
  for (; left > 0; left = yield* leftOf) {
    yield* Effect.sleep(Duration.millis(Math.min(left, LOOK_EVERY)))
    if (!(yield* look)) state = yield* release
  }
  return state
})
