/** Real sockets: each application listens on a port of its own, so that it has an origin of its own. */
import { createServer } from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ServeError } from "effect/http/HttpServerError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Refusal from "./refusal.ts"
import type { App } from "./wire.ts"

const loopback = ["localhost", "127.0.0.1", "[::1]"]

const isWildcard = (host: string) => host === "0.0.0.0" || host === "::"

const nameOf = (host: string | undefined) => (host ?? "").toLowerCase().replace(/:\d*$/, "")

const inUrl = (host: string) => (host.includes(":") ? `[${host}]` : host)

// A page in a browser can make its own name point here (DNS rebinding), but it cannot choose the Host header.
const onlyFor = (host: string, app: App): App => {
  if (isWildcard(host)) return app
  const names = new Set([...loopback, inUrl(host).toLowerCase()])
  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const name = nameOf(request.headers["host"])
    return names.has(name)
      ? app
      : Effect.succeed(Refusal.refusal(403, `Forbidden: host "${name}" is not served here`, "FORBIDDEN"))
  })
}

// The client sees its connection reset; what the request was waiting for goes with the connection.
const reset = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
  Effect.andThen(
    Effect.sync(() => NodeHttpServerRequest.toIncomingMessage(request).socket.destroy()),
    Effect.never
  )
)

/** Listens until the scope closes; answers the origin. Port 0 is a free one. */
export const listen = Effect.fnUntraced(function* (
  app: App,
  options: { readonly host: string; readonly port: number }
): Effect.fn.Return<string, ServeError, Scope.Scope> {
  const { host, port } = options
  const server = yield* NodeHttpServer.make(() => createServer(), {
    host,
    port,
    gracefulShutdownTimeout: "1 second"
  })
  // A client that hangs up interrupts what it asked for; the server itself would let it go on.
  yield* server.serve(Effect.interruptible(Effect.catchTag(onlyFor(host, app), "Cut", () => reset)))
  const bound = NetAddress.isInetAddress(server.address) ? server.address.port : port
  return `http://${isWildcard(host) ? "127.0.0.1" : inUrl(host)}:${bound}`
})
