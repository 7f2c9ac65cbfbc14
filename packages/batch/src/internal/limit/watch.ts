/** What an adaptive limit looks at beside the answers: the engine's metrics and the number of replicas. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type { Endpoint } from "@stint/core/Endpoint"
import * as EngineMetrics from "./engineMetrics.ts"

/** Seconds between two readings: few while the limit looks for its size, and then more. */
const FIRST_SECONDS = 1
const SECONDS = 2
const QUICK_READINGS = 15
/** After failures, at most. */
const LAST_SECONDS = 60
const TIMEOUT = "2 seconds"

/** Answers that will be the same the next time. */
const isFinal = (status: number) => [401, 403, 404, 405, 410, 501].includes(status)

type Read = EngineMetrics.Reading | "never" | "later"

const read = (client: HttpClient.HttpClient): Effect.Effect<Read> =>
  client.get("/metrics").pipe(
    Effect.flatMap((response) => {
      if (isFinal(response.status)) return Effect.succeed<Read>("never")
      if (response.status !== 200) return Effect.succeed<Read>("later")
      return Effect.map(response.text, (text): Read => EngineMetrics.parse(text) ?? "never")
    }),
    Effect.timeout(TIMEOUT),
    Effect.orElseSucceed((): Read => "later"),
    // A span every two seconds would drown the others.
    Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
  )

/**
 * Reads the metrics for as long as it runs, and ends where there are none. Nothing is asked while nothing is answered: the
 * endpoint may be asleep, and a question would wake it.
 */
export const metrics = Effect.fnUntraced(function* (
  client: HttpClient.HttpClient,
  options: {
    readonly isQuiet: () => boolean
    readonly onReading: (reading: EngineMetrics.Reading) => void
  }
): Effect.fn.Return<void> {
  let readings = 0
  let wait = FIRST_SECONDS
  while (true) {
    yield* Effect.sleep(`${wait} seconds`)
    if (options.isQuiet()) continue
    const answer = yield* read(client)
    if (answer === "never") return
    if (answer === "later") {
      wait = Math.min(LAST_SECONDS, 2 * wait)
      continue
    }
    wait = ++readings < QUICK_READINGS ? FIRST_SECONDS : SECONDS
    options.onReading(answer)
  }
})

/** Reads the number of replicas for as long as it runs: often where it may change by itself. */
export const replicas = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  again: Effect.Effect<Endpoint, unknown>,
  onReplicas: (count: number) => void
): Effect.fn.Return<void> {
  let last = endpoint
  while (true) {
    const most = last.compute?.scaling?.maxReplica ?? 2
    yield* Effect.sleep(most > 1 ? "15 seconds" : "1 minute")
    const now = yield* Effect.orElseSucceed(again, () => undefined)
    if (now === undefined) continue
    last = now
    onReplicas(now.readyReplica)
  }
})
