/**
 * The client that telemetry is sent with. A collector that is away, slow or broken costs a run neither time nor memory: a
 * request has its time, only a few are open at once, and what cannot be sent is dropped and said once.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"

/** So many requests may be open; each holds what it sends. */
const OPEN = 4

/** Effect's exporter tries a batch four times before it drops it. */
const TRIES = 4

/** A collector as it was seen. */
export interface Collector {
  readonly client: HttpClient.HttpClient
  /** What went wrong last, if nothing went well since. */
  readonly trouble: () => string | undefined
}

const failed = (request: HttpClientRequest.HttpClientRequest, description: string) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, description })
  })

const isPassing = (status: number) => status === 408 || status === 429 || status >= 500

/** Makes one on the client of the environment; `onTrouble` is told when something could not be sent at all. */
export const make = Effect.fnUntraced(function* (options: {
  readonly timeoutMillis: number
  readonly onTrouble: (trouble: string) => Effect.Effect<void>
}) {
  const { onTrouble, timeoutMillis } = options
  let open = 0
  let inRow = 0
  let trouble: string | undefined
  const went = Effect.fnUntraced(function* (problem: string | undefined, isFinal: boolean) {
    trouble = problem
    inRow = problem === undefined ? 0 : inRow + 1
    if (problem !== undefined && (isFinal || inRow >= TRIES)) yield* onTrouble(problem)
  })
  const tell = (exit: Exit.Exit<{ readonly status: number }, HttpClientError.HttpClientError>) => {
    if (Exit.isFailure(exit)) return went("cannot be reached", false)
    const { status } = exit.value
    return status < 300 ? went(undefined, false) : went(`answered ${status}`, !isPassing(status))
  }
  const client = HttpClient.transform(yield* HttpClient.HttpClient, (execute, request) =>
    Effect.suspend(() => {
      if (open >= OPEN) return Effect.fail(failed(request, "the collector is too slow"))
      open++
      return execute.pipe(
        // The body as well: one that never ends is no answer.
        Effect.tap((response) => Effect.ignore(response.arrayBuffer)),
        Effect.timeoutOrElse({
          duration: Duration.millis(timeoutMillis),
          orElse: () => Effect.fail(failed(request, `no answer within ${timeoutMillis} ms`))
        }),
        Effect.onExit((exit) => (Exit.hasInterrupts(exit) ? went("did not answer", false) : tell(exit))),
        Effect.ensuring(Effect.sync(() => open--))
      )
    })
  )
  const collector: Collector = { client, trouble: () => trouble }
  return collector
})
