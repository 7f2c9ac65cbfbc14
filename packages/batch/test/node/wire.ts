/** Servers that do what a well-behaved one never would: bare sockets, and what they have seen. */
import * as Net from "node:net"
import { Effect, Schedule } from "effect"

/** A server on a free port, and what it knows of its connections. */
export interface Server {
  readonly url: string
  readonly port: number
  /** Connections there have been, and those that are open. */
  readonly connections: () => { readonly total: number; readonly open: number }
  /** What the client has sent, connection by connection. */
  readonly received: () => ReadonlyArray<string>
}

/** Listens until the scope ends; each connection is handed to `serve`. */
export const listen = (server: Net.Server, scheme = "http") =>
  Effect.gen(function* () {
    let total = 0
    const open = new Set<Net.Socket>()
    const received: Array<string> = []
    server.on("connection", (socket: Net.Socket) => {
      const at = total++
      received[at] = ""
      open.add(socket)
      socket.on("error", () => undefined)
      socket.on("data", (bytes) => {
        received[at] += bytes.toString("latin1")
      })
      socket.on("close", () => open.delete(socket))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          for (const socket of open) socket.destroy()
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const result: Server = {
      url: `${scheme}://127.0.0.1:${port}`,
      port,
      connections: () => ({ total, open: open.size }),
      received: () => received
    }
    return result
  })

/** A server that answers each request, as far as it can tell where one ends, by writing to its socket. */
export const bare = (answer: (socket: Net.Socket, nth: number) => void) => {
  let nth = 0
  return listen(
    Net.createServer((socket) => {
      let pending = ""
      socket.on("data", (bytes) => {
        pending += bytes.toString("latin1")
        for (;;) {
          const head = pending.indexOf("\r\n\r\n")
          if (head < 0) return
          const length = Number(/content-length: (\d+)/i.exec(pending.slice(0, head))?.[1] ?? 0)
          if (pending.length < head + 4 + length) return
          pending = pending.slice(head + 4 + length)
          answer(socket, nth++)
        }
      })
    })
  )
}

/** An answer in full, as it goes over the wire. */
export const answer = (body: string, headers: ReadonlyArray<string> = [], status = "200 OK") =>
  [`HTTP/1.1 ${status}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers, "", body].join("\r\n")

/** Waits, in real time, until it is so: five seconds at most. */
export const until = (isSo: () => boolean) =>
  Effect.sync(isSo).pipe(
    Effect.repeat({ until: (so) => so, schedule: Schedule.spaced("5 millis") }),
    Effect.timeout("5 seconds")
  )
