/**
 * What lies between a program and the service: a proxy on a real socket that can hold a request back, lose everything, or
 * answer in the service's place. Program and guardian are sent through it by `http_proxy`.
 */
import { Effect } from "effect"
import * as http from "node:http"
import type * as net from "node:net"

/**
 * - `cut`: no connection is made, and those there are break. What was on its way to the management API arrives all the same.
 * - `down`: the management API answers 500.
 * - `revoked`: nothing is answered but 401.
 */
export type Weather = "fair" | "cut" | "down" | "revoked"

/** A route by what it is for: `infer` is a row. */
export type Route = "get" | "create" | "pause" | "infer" | "other"

/** The network of one program. */
export interface Network {
  readonly proxy: string
  readonly set: (weather: Weather) => Effect.Effect<void>
  /** Holds the next requests of a route back for so long each. */
  readonly hold: (route: Route, millis: number, count: number) => Effect.Effect<void>
  /** Waits until so many requests of a route have come. */
  readonly seen: (route: Route, count: number) => Effect.Effect<void>
  /** Waits until so many of them have been answered. */
  readonly answered: (route: Route, count: number) => Effect.Effect<void>
}

const refusals = {
  down: { status: 500, body: '{"error":"Internal Server Error","code":"INTERNAL_SERVER_ERROR"}' },
  revoked: { status: 401, body: '{"error":"Invalid credentials","code":"UNAUTHORIZED"}' }
}

/** What belongs to a connection and not to a message. */
const ofTheConnection = new Set(["connection", "proxy-connection", "keep-alive", "transfer-encoding"])

const passedOn = (headers: http.IncomingHttpHeaders): http.OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofTheConnection.has(name)))

/** Counts by route, and whoever waits for a count. */
const tally = () => {
  const counts = new Map<Route, number>()
  const waiting = new Set<() => void>()
  return {
    add: (route: Route) => {
      counts.set(route, (counts.get(route) ?? 0) + 1)
      for (const look of waiting) look()
    },
    until: (route: Route, count: number) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          if ((counts.get(route) ?? 0) >= count) resume(Effect.void)
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      })
  }
}

/** A network to the service whose management API is there. */
export const make = Effect.fnUntraced(function* (management: URL) {
  let weather: Weather = "fair"
  const held = new Map<Route, { readonly millis: number; count: number }>()
  const seen = tally()
  const answered = tally()
  const sockets = new Set<net.Socket>()

  const routeOf = (method: string, url: URL): Route => {
    if (url.host !== management.host) return method === "POST" ? "infer" : "other"
    if (method === "POST") {
      if (url.pathname.endsWith("/pause")) return "pause"
      return url.pathname.split("/").length === 4 ? "create" : "other"
    }
    return method === "GET" && url.pathname.endsWith("/batch") ? "get" : "other"
  }

  const passOn = (request: http.IncomingMessage, body: Buffer, url: URL, response: http.ServerResponse) =>
    new Promise<void>((resolve) => {
      const sent = http.request(
        url,
        { method: request.method ?? "GET", headers: passedOn(request.headers), agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, passedOn(answer.headers))
          answer.on("error", () => response.destroy()).pipe(response)
          answer.on("end", resolve)
        }
      )
      sent.on("error", () => {
        response.destroy()
        resolve()
      })
      // Whoever asked for a row is gone, so nobody wants it; an order to the management API stands.
      if (url.host !== management.host) response.on("close", () => sent.destroy())
      sent.end(body)
    })

  const serve = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    response.on("error", () => undefined)
    const url = new URL(request.url ?? "/", `http://${request.headers.host ?? management.host}`)
    const route = routeOf(request.method ?? "GET", url)
    const parts: Array<Buffer> = []
    for await (const part of request) parts.push(part)
    const hold = held.get(route)
    const isHeld = hold !== undefined && hold.count-- > 0
    seen.add(route)
    if (isHeld) await new Promise((resolve) => setTimeout(resolve, hold.millis))
    const isManagement = url.host === management.host
    if (weather === "revoked" || (weather === "down" && isManagement)) {
      const { body, status } = refusals[weather]
      response.writeHead(status, { "content-type": "application/json" }).end(body)
    } else if (weather !== "cut" || (isHeld && isManagement)) {
      await passOn(request, Buffer.concat(parts), url, response)
    } else {
      response.destroy()
    }
    answered.add(route)
  }

  const server = http.createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  server.on("connection", (socket: net.Socket) => {
    if (weather === "cut") return socket.destroy()
    sockets.add(socket)
    return socket.on("error", () => undefined).on("close", () => sockets.delete(socket))
  })
  // A tunnel ends here as well: what comes through it is served like the rest.
  server.on("connect", (_request: http.IncomingMessage, socket: net.Socket, head: Buffer) => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
    if (head.length > 0) socket.unshift(head)
    server.emit("connection", socket)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const network: Network = {
    proxy: `http://127.0.0.1:${port}`,
    set: (next) =>
      Effect.sync(() => {
        weather = next
        if (next === "cut") for (const socket of sockets) socket.destroy()
      }),
    hold: (route, millis, count) => Effect.sync(() => void held.set(route, { millis, count })),
    seen: seen.until,
    answered: answered.until
  }
  return network
})
