/**
 * A server that costs next to nothing: bare sockets, and each POST's body goes back as it came. Any GET is a 404, but for
 * `/connections`: how many others there were at most since that was asked last.
 * Prints its port, and ends when whoever started it does.
 */
import { type Socket, createServer } from "node:net"

const headEnd = Buffer.from("\r\n\r\n")
const lengthName = Buffer.from("content-length: ")
const get = "G".charCodeAt(0)
const notFound = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
const connections = Buffer.from("GET /connections ")

let open = 0
let most = 0

/** Asked on a connection of its own. */
const answerOf = (head: Buffer) => {
  if (!head.subarray(0, connections.length).equals(connections)) return notFound
  const text = String(most)
  most = open - 1
  return `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`
}

const headOf = (length: number) =>
  [
    "HTTP/1.1 200 OK",
    "content-type: application/json",
    `content-length: ${length}`,
    "date: Thu, 01 Jan 2026 00:00:00 GMT",
    "connection: keep-alive",
    "access-control-allow-origin: *",
    "x-request-id: 0123456789",
    "vary: origin",
    "",
    ""
  ].join("\r\n")

const lengthOf = (head: Buffer) => {
  const at = head.indexOf(lengthName)
  return at < 0 ? 0 : Number.parseInt(head.toString("latin1", at + lengthName.length), 10)
}

/** Answers the requests that are whole, and gives back what is left. */
const reply = (socket: Socket, bytes: Buffer): Buffer => {
  let rest = bytes
  for (;;) {
    const end = rest.indexOf(headEnd)
    if (end < 0) return rest
    const from = end + headEnd.length
    const to = from + lengthOf(rest.subarray(0, from))
    if (rest.length < to) return rest
    if (rest[0] === get) socket.write(answerOf(rest))
    else {
      socket.cork()
      socket.write(headOf(to - from), "latin1")
      socket.write(rest.subarray(from, to))
      socket.uncork()
    }
    rest = rest.subarray(to)
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending = Buffer.alloc(0)
  most = Math.max(most, ++open)
  socket.on("close", () => open--)
  socket.on("error", () => undefined)
  socket.on("data", (bytes: Buffer) => {
    pending = Buffer.from(reply(socket, pending.length === 0 ? bytes : Buffer.concat([pending, bytes])))
  })
})

// As many may come at once: more than the 511 that Node lets wait.
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  const address = server.address()
  process.stdout.write(`${typeof address === "object" ? address?.port : address}\n`)
})
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(0)
}, 1000)
