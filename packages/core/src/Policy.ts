/**
 * When calls to the management API are tried again, and how often it is asked how things stand.
 *
 * Each policy is a reference with a default: replace it for a part of a program with `Effect.provideService`.
 *
 * **Example** (Polling every second in one place)
 *
 * ```ts
 * import { Policy } from "@stint/core"
 * import { Effect, Schedule } from "effect"
 *
 * const eager = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
 *   Effect.provideService(effect, Policy.CurrentPolling, Schedule.spaced("1 second"))
 * ```
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Headers from "effect/http/Headers"
import type { ApiError } from "./EndpointError.ts"

/** The longest that a server is obeyed which asks to be left alone. */
const longestWait = Duration.minutes(5)

/**
 * Five retries, from half a second doubling to eight, jittered, and never sooner than the server asked for, up to five
 * minutes.
 *
 * @source The retries, cap and statuses are those of `huggingface_hub`'s own back-off.
 */
export const transient: Schedule.Schedule<unknown, ApiError> = Schedule.min([
  Schedule.exponential("500 millis"),
  Schedule.spaced("8 seconds")
]).pipe(
  Schedule.jittered,
  Schedule.setInputType<ApiError>(),
  Schedule.modifyDelay(({ duration, input }) =>
    Effect.succeed(
      input.reason._tag === "RateLimited" && input.reason.retryAfter !== undefined
        ? Duration.max(duration, Duration.min(input.reason.retryAfter, longestWait))
        : duration
    )
  ),
  Schedule.upTo({ times: 5 })
)

/**
 * How a state is polled: every second for 10 seconds, every 5 seconds until a minute and a half, every 1.6 seconds until
 * seven minutes, then every 5 seconds.
 *
 * What is nearly up answers in the first seconds, or not before a container has been fetched and a model loaded: three to
 * five minutes, as a rule. So few calls are made where few endpoints become ready, and most where most do. Over boots of one
 * to seven minutes that is less than one call in two seconds on average, and half of them are noticed within a second; a boot
 * that ends elsewhere is noticed up to 5 seconds late. It is at most 190 calls in any five minutes; the hub allows a free account
 * 1,000 in that time.
 *
 * @source https://huggingface.co/docs/hub/rate-limits for the hub; no number is published for the management API
 */
export const polling: Schedule.Schedule<unknown> = Schedule.spaced("1 second").pipe(
  Schedule.upTo({ duration: "10 seconds" }),
  Schedule.concat(Schedule.spaced("5 seconds").pipe(Schedule.upTo({ duration: "80 seconds" }))),
  Schedule.concat(Schedule.spaced("1.6 seconds").pipe(Schedule.upTo({ duration: "330 seconds" }))),
  Schedule.concat(Schedule.spaced("5 seconds"))
)

/** The schedule of retries after a transient failure. Default: {@link transient}. */
export const CurrentTransient = Context.Reference<Schedule.Schedule<unknown, ApiError>>(
  "@stint/core/Policy/CurrentTransient",
  { defaultValue: () => transient }
)

/** The schedule of polls while waiting for a state. Default: {@link polling}. */
export const CurrentPolling = Context.Reference<Schedule.Schedule<unknown>>(
  "@stint/core/Policy/CurrentPolling",
  { defaultValue: () => polling }
)

/** How long one call may take before it counts as a transport failure. Default: 30 seconds. */
export const CurrentCallTimeout = Context.Reference<Duration.Input>("@stint/core/Policy/CurrentCallTimeout", {
  defaultValue: () => "30 seconds"
})

/** The time until a date that a server names, by the server's own clock. */
const untilDate = (headers: Headers.Headers): Duration.Duration | undefined => {
  const then = DateTime.make(headers["retry-after"] ?? "")
  const now = DateTime.make(headers["date"] ?? "")
  if (Option.isNone(then) || Option.isNone(now)) return undefined
  return Duration.millis(Math.max(0, then.value.epochMilliseconds - now.value.epochMilliseconds))
}

/**
 * How long an answer asks to wait: `Retry-After` in seconds, or as a date beside the server's own. The `RateLimit` header stands on every answer, so it counts only when nothing is left.
 *
 * @source IETF draft "RateLimit header fields"; Hugging Face sends `RateLimit: "api";r=0;t=55`
 */
export const retryAfterOf = (headers: Headers.Headers): Duration.Duration | undefined => {
  const seconds = /^\s*(\d+)\s*$/.exec(headers["retry-after"] ?? "")?.[1]
  if (seconds !== undefined) return Duration.seconds(Number(seconds))
  const date = untilDate(headers)
  if (date !== undefined) return date
  const limit = headers["ratelimit"] ?? ""
  const reset = /\bt=(\d+)/.exec(limit)?.[1]
  return /\br=0\b/.test(limit) && reset !== undefined ? Duration.seconds(Number(reset)) : undefined
}
