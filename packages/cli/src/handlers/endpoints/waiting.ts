/** Waiting for an endpoint, with a line on stderr for each change. */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as Endpoints from "@stint/core/Endpoints"
import { StateNotReached } from "../../StateNotReached.ts"

const tell = ({ name, readyReplica, state, status }: Endpoint): Effect.Effect<void> => {
  const ready =
    typeof status.targetReplica === "number" ? `, ${readyReplica} of ${status.targetReplica} ready` : ""
  return Console.error(`${name}: ${state}${ready}${status.message ? `: ${status.message}` : ""}`)
}

/** `2.1s`, `3m 5s`: as exact as one may want. */
const brief = (duration: Duration.Duration): string => {
  const seconds = Duration.toSeconds(duration)
  return seconds < 60 ? `${seconds.toFixed(1)}s` : Duration.format(Duration.seconds(Math.round(seconds)))
}

/** Waits until the endpoint answers requests. */
export const untilReady = (endpoints: Endpoints.Service, name: string, timeout: Duration.Duration) =>
  Effect.gen(function* () {
    const [took, endpoint] = yield* Effect.timed(endpoints.awaitReady(name, { timeout, onChange: tell }))
    yield* Console.error(`${name} is ready after ${brief(took)}.`)
    return endpoint
  })

/** Waits until the endpoint is in a state. A failed one gets to none by itself. */
export const untilState = (
  endpoints: Endpoints.Service,
  name: string,
  wanted: string,
  timeout: Duration.Duration
) => {
  let state = "unknown"
  const look = endpoints.changes(name).pipe(
    Stream.tap((endpoint) => {
      state = endpoint.state
      return tell(endpoint)
    }),
    Stream.filter((endpoint) => endpoint.state === wanted || endpoint.state === "failed"),
    Stream.runHead
  )
  return Effect.gen(function* () {
    const [took, found] = yield* Effect.timed(Effect.timeoutOption(look, timeout))
    const endpoint = Option.getOrUndefined(Option.flatten(found))
    if (endpoint?.state === wanted) return endpoint
    const detail = endpoint?.status.errorMessage ?? undefined
    return yield* new StateNotReached({ name, wanted, state, waited: brief(took), detail })
  })
}
