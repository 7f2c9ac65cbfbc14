/** Replicas, logs and metrics of an endpoint. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as ControlPlane from "@stint/core/ControlPlane"
import * as Logs from "@stint/core/Logs"
import * as Engine from "../Engine.ts"
import type { Line } from "./containerLog.ts"
import * as Instant from "./instant.ts"
import * as LogQuery from "./logQuery.ts"
import * as Measured from "./measured.ts"
import type { Permit } from "./permit.ts"
import type { Store } from "./store.ts"

const encoder = new TextEncoder()

const encodeRecord = Schema.encodeEffect(Schema.fromJsonString(Logs.LogRecord))

const record = ({ level, nanos, replica, text }: Line): Logs.LogRecord => ({
  timestamp: Instant.format(nanos),
  line: text,
  stream: level === "error" ? "stderr" : "stdout",
  replica_id: replica ?? null,
  level
})

const event = (data: string): Uint8Array => encoder.encode(`data: ${data}\n\n`)

const eventStream = (events: Stream.Stream<Uint8Array>) =>
  HttpServerResponse.stream(events, {
    contentType: "text/event-stream",
    headers: { "cache-control": "no-cache" }
  })

/** Makes the handlers of the group. */
export const layer = ({ permit, store }: { readonly permit: Permit; readonly store: Store }) => {
  interface Named {
    readonly request: HttpServerRequest.HttpServerRequest
    readonly params: { readonly namespace: string; readonly name: string }
  }
  const find = ({ params, request }: Named) =>
    Effect.andThen(permit(request, params.namespace), store.get(params.namespace, params.name))

  return HttpApiBuilder.group(ControlPlane.ControlPlane, "observation", (handlers) =>
    handlers
      .handle("replicas", (named) =>
        Effect.map(find(named), ({ replicas }) => ({
          items: replicas.map(({ id, stage }) => ({ id, status: { stage, live: stage === "running" } }))
        }))
      )
      .handleRaw(
        "logs",
        Effect.fnUntraced(function* ({ params, query, request }) {
          const { log } = yield* find({ params, request })
          const selection = LogQuery.ofText(query)
          const write = LogQuery.writer(query)
          // Of the contract's query, but not of core's: nobody needs it who can have events.
          if (Engine.query(request)["follow"] === "true") {
            const lines = LogQuery.follow(log, selection)
            return HttpServerResponse.stream(
              Stream.map(lines, (line) => encoder.encode(`${write(line)}\n`)),
              {
                contentType: "text/plain"
              }
            )
          }
          const lines = LogQuery.lines(log, selection)
          return HttpServerResponse.text(lines.map((line) => `${write(line)}\n`).join(""))
        })
      )
      .handleRaw(
        "followLogs",
        Effect.fnUntraced(function* ({ params, query, request }) {
          const { log } = yield* find({ params, request })
          const write = LogQuery.writer(query)
          return eventStream(
            Stream.map(LogQuery.follow(log, LogQuery.ofText(query)), (line) => event(write(line)))
          )
        })
      )
      .handle(
        "records",
        Effect.fnUntraced(function* (named) {
          const { log } = yield* find(named)
          return LogQuery.lines(log, yield* LogQuery.ofRecords(named.query)).map(record)
        })
      )
      .handleRaw(
        "followRecords",
        Effect.fnUntraced(function* ({ params, query, request }) {
          const { log } = yield* find({ params, request })
          const lines = LogQuery.follow(log, yield* LogQuery.ofFollow(query))
          // Every record of ours can be written down.
          return eventStream(
            Stream.mapEffect(lines, (line) => Effect.map(Effect.orDie(encodeRecord(record(line))), event))
          )
        })
      )
      .handle(
        "metrics",
        Effect.fnUntraced(function* (named) {
          return yield* Measured.graphs(yield* find(named), named.payload)
        })
      )
      .handle("openMetrics", (named) => Effect.flatMap(find(named), Measured.openMetrics))
  )
}
