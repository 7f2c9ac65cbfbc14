/**
 * `/metrics` for Prometheus, and `/healthz`, for as long as a scope is open; `/readyz` where somebody can say.
 */
import { createServer } from "node:http"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as NetAddress from "effect/net/NetAddress"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Metrics from "@stint/batch/Metrics"
import { MetricsNotServed } from "./MetricsNotServed.ts"

const inUrl = (host: string) => (host.includes(":") ? `[${host}]` : host)

const notFound = (paths: ReadonlyArray<string>) =>
  HttpServerResponse.text(`There are ${paths.join(" and ")}.\n`, { status: 404 })
const notAllowed = HttpServerResponse.text("Only GET and HEAD.\n", {
  status: 405,
  headers: { allow: "GET, HEAD" }
})

/** Listens; gives the address, and what completes at the first scrape after it is asked. */
export const serve = Effect.fnUntraced(function* (options: {
  readonly host: string
  readonly port: number
  /** Why it is not ready, where it is not; absent: there is no `/readyz`. */
  readonly unready?: Effect.Effect<string | undefined> | undefined
  /** The flag that the port came from. */
  readonly flag?: string | undefined
}) {
  const { flag, host, port, unready } = options
  let onScrape: Deferred.Deferred<void> | undefined
  const scraped = Effect.suspend(() => {
    onScrape = Deferred.makeUnsafe()
    return Deferred.await(onScrape)
  })
  const metrics = Effect.gen(function* () {
    const text = yield* PrometheusMetrics.format()
    if (onScrape !== undefined) Deferred.doneUnsafe(onScrape, Effect.void)
    return HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
  })
  const ready = Effect.map(unready ?? Effect.succeed(undefined), (why) =>
    why === undefined ? HttpServerResponse.text("ok\n") : HttpServerResponse.text(`${why}\n`, { status: 503 })
  )
  const answers: Readonly<Record<string, Effect.Effect<HttpServerResponse.HttpServerResponse>>> = {
    "/metrics": metrics,
    "/healthz": Effect.succeed(HttpServerResponse.text("ok\n")),
    ...(unready === undefined ? {} : { "/readyz": ready })
  }
  const answer = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
    const path = url.replace(/[?#].*$/, "")
    const known = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (known === undefined) return Effect.succeed(notFound(Object.keys(answers)))
    return method !== "GET" && method !== "HEAD" ? Effect.succeed(notAllowed) : known
  })
  yield* Metrics.begin
  const sockets = createServer()
  // After the server has ended: whoever asked at that moment is not kept waiting.
  yield* Effect.addFinalizer(() => Effect.sync(() => sockets.closeAllConnections()))
  const server = yield* NodeHttpServer.make(() => sockets, {
    host,
    port,
    gracefulShutdownTimeout: "250 millis"
  }).pipe(
    Effect.catchTag("ServeError", ({ cause }) => {
      const why = Predicate.isError(cause) ? cause.message : "the address cannot be listened on"
      return Effect.fail(new MetricsNotServed({ host, port, why, flag }))
    })
  )
  yield* server.serve(Effect.map(answer, HttpServerResponse.setHeader("connection", "close")))
  const bound = NetAddress.isInetAddress(server.address) ? server.address.port : port
  return { url: `http://${inUrl(host)}:${bound}/metrics`, scraped }
})
