/**
 * A server that answers vectors it knew before: bare sockets, the routes of TEI, of the OpenAI API and of Hugging Face's own
 * image. Prints its port, and ends when whoever started it does.
 *
 *     node bench/embedder.ts [numbers of a vector] [texts a request] [tei | vllm | numbers]
 *
 * TEI writes as few digits as a 32-bit float needs, vLLM those of its 64-bit neighbour; `numbers` is a vLLM without Base64.
 */
import { type Socket, createServer } from "node:net"

const headEnd = Buffer.from("\r\n\r\n")
const lengthName = Buffer.from("content-length: ")

const [, , length = "96", most = "32", engine = "tei"] = process.argv

/** With the digits that its engine writes. */
const digitsOf = (float: number) => {
  if (engine !== "tei") return float
  const short = [6, 7, 8].map((digits) => Number(float.toPrecision(digits)))
  return short.find((number) => Math.fround(number) === float) ?? Number(float.toPrecision(9))
}

const vector = Array.from({ length: Number(length) }, (_, at) => Math.fround(Math.sin(at + 1)))
const asJson = JSON.stringify(vector.map(digitsOf))
const asBase64 = JSON.stringify(Buffer.from(new Float32Array(vector).buffer).toString("base64"))

const info = JSON.stringify({
  model_id: "bench",
  model_type: { embedding: { pooling: "mean" } },
  max_concurrent_requests: 512,
  max_client_batch_size: Number(most),
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

const bodyOf = (isOpenAi: boolean, one: string, count: number | undefined): string => {
  if (!isOpenAi) return count === undefined ? one : `[${listOf(one, count)}]`
  const data = Array.from(
    { length: count ?? 1 },
    (_, index) => `{"object":"embedding","index":${index},"embedding":${one}}`
  )
  return `{"object":"list","data":[${data.join(",")}],"model":"bench","usage":{"prompt_tokens":200,"total_tokens":200}}`
}

const headOf = (status: string, length: number) =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\nconnection: keep-alive\r\nx-request-id: 0123456789\r\n\r\n`

const whole = (status: string, body: string) => Buffer.from(headOf(status, body.length) + body, "latin1")

/** Every answer that was given, ready to be given again. */
const ready = new Map<string, Buffer>()

const answerTo = (path: string, body: string): Buffer => {
  const isOpenAi = path === "/v1/embeddings"
  const isSpelled = isOpenAi && engine !== "numbers" && body.includes('"base64"')
  const count = countOf(body)
  const name = `${isOpenAi} ${isSpelled} ${count}`
  const known = ready.get(name)
  if (known !== undefined) return known
  const answer = whole("200 OK", bodyOf(isOpenAi, isSpelled ? asBase64 : asJson, count))
  ready.set(name, answer)
  return answer
}

const told = whole("200 OK", info)
const notFound = whole("404 Not Found", "")

const send = (socket: Socket, head: string, body: string) => {
  if (head.startsWith("GET")) socket.write(head.startsWith("GET /info ") ? told : notFound)
  else socket.write(answerTo(head.slice(5, head.indexOf(" ", 5)), body))
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
