/** A wire between a process and its database, which can be cut: bytes wait on it, and nobody is told. */
import { Effect, Redacted } from "effect"
import * as NodeNet from "node:net"

/** The wire, while the scope is open. */
export const make = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const to = new URL(Redacted.value(url))
  const sockets = new Set<NodeNet.Socket>()
  let isCut = false
  let isDown = false
  let last: string | undefined
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.pause()
  }
  const server = NodeNet.createServer((near) => {
    if (isDown) return void near.destroy()
    const far = NodeNet.connect(Number(to.port), to.hostname)
    for (const [from, into] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(from)
      from.on("data", (bytes) => {
        into.write(bytes)
        if (last === undefined || !bytes.includes(last)) return
        last = undefined
        cut()
      })
      from.on("error", () => into.destroy())
      from.on("close", () => {
        sockets.delete(from)
        into.destroy()
      })
      if (isCut) from.pause()
    }
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  const own = new URL(to.href)
  own.port = String(typeof address === "object" && address !== null ? address.port : 0)
  return {
    url: Redacted.make(own.href),
    /** Nothing arrives any more, in neither direction. */
    cut: Effect.sync(cut),
    /** The same as soon as this was said. */
    cutAfter: (said: string) =>
      Effect.sync(() => {
        last = said
      }),
    /** Connections are ended, and no other is let in: as with a server that is gone. */
    break: Effect.sync(() => {
      isDown = true
      for (const socket of sockets) socket.destroy()
    }),
    /** Whether it is cut now. */
    isCut: Effect.sync(() => isCut),
    /** What waited arrives. */
    mend: Effect.sync(() => {
      isCut = false
      isDown = false
      for (const socket of sockets) socket.resume()
    })
  }
})
