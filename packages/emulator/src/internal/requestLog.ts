/** Every request the emulator answered: exact counts of all, the latest in full. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

/** Which part of the service a request went to. */
export type Plane = "management" | "hub" | "catalog" | "data"

/** One request and its answer. */
export interface RequestRecord {
  /** When the answer was ready, in milliseconds since 1970. */
  readonly time: number
  readonly plane: Plane
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** The answer's status; 499 when the client went away before it, 444 when a fault cut the connection. */
  readonly status: number
  /** The endpoint's name, where the request is about one. */
  readonly endpoint: string | undefined
  /** How many inputs reached an engine; 0 on other planes and for what the proxy refused. */
  readonly inputs: number
}

/** What has been counted since the start, forgotten records included. */
export interface Counts {
  readonly requests: number
  readonly inputs: number
  /** By plane and status, as `data 503`. */
  readonly byStatus: Readonly<Record<string, number>>
}

/** What a request is about. */
export interface Subject {
  readonly plane: Plane
  readonly request: HttpServerRequest.HttpServerRequest
  readonly endpoint: string | undefined
  /** Asked when the answer is ready. */
  readonly inputs?: (() => number) | undefined
}

/** The log. */
export interface RequestLog {
  /** Records what an answer was once it is there. */
  readonly around: (
    subject: Subject
  ) => <E, R>(
    answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
  /** The latest records, oldest first. */
  readonly latest: Effect.Effect<ReadonlyArray<RequestRecord>>
  readonly counts: Effect.Effect<Counts>
  /** Records as they come; a reader that is slow loses the oldest. */
  readonly stream: Stream.Stream<RequestRecord>
}

const statusOf = (exit: Exit.Exit<HttpServerResponse.HttpServerResponse, unknown>): number =>
  Exit.isSuccess(exit) ? exit.value.status : Exit.hasInterrupts(exit) ? 499 : Exit.hasFails(exit) ? 444 : 500

/** Makes a log that keeps the last `capacity` records. */
export const make = Effect.fnUntraced(function* (options: {
  readonly capacity: number
  readonly sink: ((record: RequestRecord) => Effect.Effect<void>) | undefined
}): Effect.fn.Return<RequestLog, never, Scope.Scope> {
  const { capacity, sink } = options
  const ring: Array<RequestRecord> = []
  const byStatus: Record<string, number> = {}
  let requests = 0
  let inputs = 0
  const pubsub = yield* Effect.acquireRelease(PubSub.sliding<RequestRecord>(1024), PubSub.shutdown)

  const record = (entry: RequestRecord) => {
    if (capacity > 0) ring[requests % capacity] = entry
    requests += 1
    inputs += entry.inputs
    const key = `${entry.plane} ${entry.status}`
    byStatus[key] = (byStatus[key] ?? 0) + 1
    const published = Effect.asVoid(PubSub.publish(pubsub, entry))
    return sink === undefined ? published : Effect.andThen(published, sink(entry))
  }

  return {
    around: (subject) =>
      Effect.onExit((exit) =>
        Effect.flatMap(Clock.currentTimeMillis, (time) =>
          record({
            time,
            plane: subject.plane,
            method: subject.request.method,
            path: Engine.path(subject.request),
            status: statusOf(exit),
            endpoint: subject.endpoint,
            inputs: subject.inputs?.() ?? 0
          })
        )
      ),
    latest: Effect.sync(() => {
      const oldest = requests > capacity ? requests % capacity : 0
      return [...ring.slice(oldest), ...ring.slice(0, oldest)]
    }),
    counts: Effect.sync(() => ({ requests, inputs, byStatus: { ...byStatus } })),
    stream: Stream.fromPubSub(pubsub)
  }
})
