/**
 * A server that answers vectors it knew before: bare sockets, the routes of TEI, of the OpenAI API and of Hugging Face's own
 * image. Prints its port, and ends when whoever started it does.
 */
import { type Socket, createServer } from "node:net"

const headEnd = Buffer.from("\r\n\r\n")
const lengthName = Buffer.from("content-length: ")

/** As long as the text that is embedded, about. */
const vector = Array.from({ length: 96 }, (_, at) => Math.fround(Math.sin(at + 1)))
const asJson = JSON.stringify(vector)
const asBase64 = JSON.stringify(Buffer.from(new Float32Array(vector).buffer).toString("base64"))

const info = JSON.stringify({
  model_id: "bench",
  model_type: { embedding: { pooling: "mean" } },
  max_concurrent_requests: 512,
  max_client_batch_size: 32,
  max_input_length: 512,
  max_batch_tokens: 16384,
  version: "1.8.0"
})

const listOf = (one: string, count: number) =>
  count === 1 ? one : Array.from({ length: count }, () => one).join(",")

/** How many texts a body asks about, without reading more of it than needed. */
const countOf = (body: string): number | undefined => {
  if (!/"input(s)?":\[/.test(body.slice(0, 200)) && !body.includes('"input":[')) return undefined
  const given: unknown = JSON.parse(body)
  if (typeof given !== "object" || given === null) return undefined
  const list: unknown = "input" in given ? given.input : "inputs" in given ? given.inputs : undefined
  return Array.isArray(list) ? list.length : undefined
}

const answerOf = (path: string, body: string): string => {
  const count = countOf(body)
  if (path !== "/v1/embeddings") return count === undefined ? asJson : `[${listOf(asJson, count)}]`
  const one = body.includes('"base64"') ? asBase64 : asJson
  const data = Array.from(
    { length: count ?? 1 },
    (_, index) => `{"object":"embedding","index":${index},"embedding":${one}}`
  )
  return `{"object":"list","data":[${data.join(",")}],"model":"bench","usage":{"prompt_tokens":200,"total_tokens":200}}`
}

const headOf = (status: string, length: number) =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nconnection: keep-alive\r\nx-request-id: 0123456789\r\n\r\n`

const send = (socket: Socket, head: string, body: string) => {
  if (head.startsWith("GET")) {
    const known = head.startsWith("GET /info ")
    socket.write(known ? headOf("200 OK", info.length) + info : headOf("404 Not Found", 0))
    return
  }
  const answer = answerOf(head.slice(5, head.indexOf(" ", 5)), body)
  socket.write(headOf("200 OK", answer.length) + answer)
}

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
    // Names of headers may have capitals, which `fetch` and `node:http` do not send alike.
    const head = rest.toString("latin1", 0, from)
    const length = lengthOf(Buffer.from(head.toLowerCase(), "latin1"))
    if (rest.length < from + length) return rest
    send(socket, head, rest.toString("utf8", from, from + length))
    rest = rest.subarray(from + length)
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Array<Buffer> = []
  socket.on("error", () => undefined)
  socket.on("data", (bytes: Buffer) => {
    const rest = reply(socket, pending.length === 0 ? bytes : Buffer.concat([...pending, bytes]))
    pending = rest.length === 0 ? [] : [Buffer.from(rest)]
  })
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`${typeof address === "object" ? address?.port : address}\n`)
})
const parent = process.ppid
setInterval(() => {
  if (process.ppid !== parent) process.exit(0)
}, 1000)
