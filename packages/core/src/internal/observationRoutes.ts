/**
 * The calls that only look: replicas, logs, metrics.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Sse from "effect/encoding/Sse"
import type { ApiError, NotFound } from "../EndpointError.ts"
import { TransportError } from "../EndpointError.ts"
import * as Logs from "../Logs.ts"
import * as ApiCall from "./apiCall.ts"
import type { Calls, Connection } from "./connection.ts"

const decodeRecord = Schema.decodeUnknownOption(Schema.fromJsonString(Logs.LogRecord))

/** An event's record; a line that is no record is a line all the same. */
const toRecord = (data: string): Logs.LogRecord =>
  Option.getOrElse(decodeRecord(data), () => ({ line: data }))

export const make = (connection: Connection, { existing, once }: Calls) => {
  const { conceal } = connection
  const routes = connection.api.observation

  const follow = (
    name: string,
    options: Logs.Options
  ): Stream.Stream<Logs.LogRecord, NotFound | ApiError> => {
    const { limit: _, until: __, ...query } = options
    const cut = (detail: string) =>
      ApiCall.apiError({ method: "follow logs", name }, new TransportError({ detail: conceal(detail) }))
    return Stream.unwrap(
      existing("follow logs", name, (request) => routes.followRecords({ ...request, query }))
    ).pipe(
      Stream.decodeText,
      Stream.pipeThroughChannel(Sse.decode()),
      Stream.filter((event) => Predicate.isNotNullish(event.data) && event.data !== ""),
      Stream.map((event) => toRecord(event.data)),
      Stream.mapError((error) => {
        if (error._tag === "NotFound" || error._tag === "ApiError") return error
        return cut(error._tag === "Retry" ? "the server asks to connect again" : error.message)
      })
    )
  }

  return {
    replicas: Effect.fn("Endpoints.replicas")(function* (name: string) {
      const { items } = yield* existing("replicas", name, (request) => routes.replicas(request))
      return items
    }),
    logs: Effect.fn("Endpoints.logs")(function* (
      name: string,
      options?: Pick<Logs.Options, "replica" | "tail"> & { readonly lineMaxLength?: number | undefined }
    ) {
      const { replica, tail, lineMaxLength } = options ?? {}
      return yield* existing("logs", name, (request) =>
        routes.logs({ ...request, query: { replica, tail, line_max_length: lineMaxLength } })
      )
    }),
    logRecords: Effect.fn("Endpoints.logRecords")(function* (name: string, options?: Logs.Options) {
      return yield* existing("logs", name, (request) => routes.records({ ...request, query: options ?? {} }))
    }),
    followLogs: (name: string, options?: Logs.Options) => follow(name, options ?? {}),
    metrics: Effect.fn("Endpoints.metrics")(function* (
      name: string,
      window: { readonly start: string; readonly stop: string }
    ) {
      return yield* existing("metrics", name, (request) => routes.metrics({ ...request, payload: window }))
    }),
    openMetrics: Effect.fn("Endpoints.openMetrics")(function* (name: string) {
      return yield* existing("open-metrics", name, (request) => routes.openMetrics(request))
    }),
    /** The last lines of the log, or nothing where they cannot be had. Asked once: it only adds to another error. */
    lastWords: (name: string) =>
      once("logs", name, (request) => routes.logs({ ...request, query: { tail: 20 } })).pipe(
        Effect.map((text) => text.trim()),
        Effect.orElseSucceed(() => "")
      )
  }
}
