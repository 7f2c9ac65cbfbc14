/** The client against bare sockets, in real time: what a kernel does cannot be had from a virtual clock. */
import * as Diagnostics from "node:diagnostics_channel"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Zlib from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { UndiciClient } from "@stint/batch/node"
import {
  ByteSize,
  ConfigProvider,
  Effect,
  Exit,
  Fiber,
  Layer,
  Predicate,
  Redacted,
  Ref,
  Schedule,
  Stream,
  Tracer
} from "effect"
import {
  Cookies,
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  HttpClientResponse,
  HttpIncomingMessage
} from "effect/http"
import { selfSigned } from "./certificate.ts"
import { answer, bare, listen, until } from "./wire.ts"

const provided = (options?: UndiciClient.Options) => Effect.provide(UndiciClient.layer(options))

/** Asks, with the client of the environment, for what a server says. */
const get = (url: string) => HttpClient.get(url)

const post = (url: string, body: string) =>
  HttpClient.execute(HttpClientRequest.post(url).pipe(HttpClientRequest.bodyText(body, "application/json")))

const textOf = <E, R>(response: Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>) =>
  Effect.flatMap(response, ({ text }) => text)

/** The error of the wire that a program fails with. */
const failure = <A, R>(program: Effect.Effect<A, HttpClientError.HttpClientError, R>) =>
  Effect.map(Effect.flip(program), (error) => ({
    tag: error.reason._tag,
    message: error.message,
    cause: error.reason.cause
  }))

const chunked = (...pieces: ReadonlyArray<string>) =>
  pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`).join("")

const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"

describe("an answer", () => {
  it.live("is read as text, JSON, bytes, form or stream, and more than once", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) =>
        socket.write(answer(`{"a":"ä"}`, ["Set-Cookie: a=1", "Set-Cookie: b=2", "X-Of: one"], "201 Created"))
      )
      const response = yield* get(`${server.url}/path?q=1#part`)
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.url, `${server.url}/path?q=1`)
      assert.strictEqual(response.headers["x-of"], "one")
      assert.deepStrictEqual(Object.keys(Cookies.toRecord(response.cookies)), ["a", "b"])
      assert.strictEqual(yield* response.text, `{"a":"ä"}`)
      assert.deepStrictEqual(yield* response.json, { a: "ä" })
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 10)
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(response.stream)), `{"a":"ä"}`)
      assert.match(server.received().join(""), /^GET \/path\?q=1 HTTP\/1\.1\r\n/)
    }).pipe(provided())
  )

  it.live("without a body is an empty text and a JSON null", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write("HTTP/1.1 204 No Content\r\n\r\n"))
      const response = yield* get(server.url)
      assert.strictEqual(yield* response.text, "")
      assert.isNull(yield* response.json)
    }).pipe(provided())
  )

  it.live("that is no JSON is a DecodeError", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(answer("<html>")))
      const error = yield* failure(Effect.flatMap(get(server.url), ({ json }) => json))
      assert.strictEqual(error.tag, "DecodeError")
    }).pipe(provided())
  )

  it.live("that is nested more than 512 deep is a DecodeError, and not read further", () =>
    Effect.gen(function* () {
      const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
      const server = yield* bare((socket) => socket.write(answer(deep)))
      const error = yield* failure(Effect.flatMap(get(server.url), ({ json }) => json))
      assert.strictEqual(error.tag, "DecodeError")
      assert.match(String(error.cause), /nested more than 512 deep/)
    }).pipe(provided())
  )

  it.live("is read as a form, whichever of the two kinds", () =>
    Effect.gen(function* () {
      const type = "Content-Type: application/x-www-form-urlencoded"
      const server = yield* bare((socket) => socket.write(answer("a=1&b=%20", [type])))
      const response = yield* get(server.url)
      assert.deepStrictEqual((yield* response.urlParamsBody).params, [
        ["a", "1"],
        ["b", " "]
      ])
      assert.strictEqual((yield* response.formData).get("a"), "1")
    }).pipe(provided())
  )

  it.live("in many pieces is put together", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => {
        socket.write(`${chunkedHead}\r\n${chunked("one ")}`)
        setTimeout(() => socket.write(chunked("two ")), 10)
        setTimeout(() => socket.write(`${chunked("three")}0\r\n\r\n`), 20)
      })
      assert.strictEqual(yield* textOf(get(server.url)), "one two three")
    }).pipe(provided())
  )

  it.live("is there with its head, and its stream as it comes", () =>
    Effect.gen(function* () {
      let end = () => {}
      const server = yield* bare((socket) => {
        socket.write(`${chunkedHead}\r\n${chunked("first")}`)
        end = () => socket.write(`${chunked("last")}0\r\n\r\n`)
      })
      const response = yield* get(server.url)
      const seen: Array<string> = []
      yield* response.stream.pipe(
        Stream.decodeText,
        Stream.runForEach((text) =>
          Effect.sync(() => {
            seen.push(text)
            if (seen.length === 1) end()
          })
        )
      )
      assert.deepStrictEqual(seen, ["first", "last"])
    }).pipe(provided())
  )

  it.live("that nobody reads on holds the server back", () =>
    Effect.gen(function* () {
      const size = 64 * 1024 * 1024
      const part = Buffer.alloc(1024 * 1024)
      let gone = 0
      const server = yield* bare((socket) => {
        const more = () => {
          if (gone === size) return
          socket.write(part, () => {
            gone += part.length
            more()
          })
        }
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, more)
      })
      const { stream } = yield* get(server.url)
      // Until the buffers on the way are full, and nothing moves any more.
      let before = 0
      yield* Effect.sync(() => {
        const stands = gone > 0 && gone === before
        before = gone
        return stands
      }).pipe(
        Effect.repeat({ until: (stands) => stands, schedule: Schedule.spaced("50 millis") }),
        Effect.timeout("10 seconds")
      )
      assert.isBelow(gone, size / 2)
      const total = yield* Stream.runFold(
        stream,
        () => 0,
        (sum, bytes) => sum + bytes.length
      )
      assert.strictEqual(total, size)
    }).pipe(provided())
  )

  it.live("that sends elsewhere is an answer: the token goes nowhere", () =>
    Effect.gen(function* () {
      const other = yield* bare((socket) => socket.write(answer("caught")))
      const server = yield* bare((socket) =>
        socket.write(answer("", [`Location: ${other.url}`], "307 Temporary Redirect"))
      )
      const response = yield* HttpClient.execute(
        HttpClientRequest.post(server.url).pipe(HttpClientRequest.bearerToken("hf_secret"))
      )
      assert.strictEqual(response.status, 307)
      assert.strictEqual(other.connections().total, 0)
    }).pipe(provided())
  )
})

describe("a body that is compressed", () => {
  const codecs = { gzip: Zlib.gzipSync, deflate: Zlib.deflateSync, br: Zlib.brotliCompressSync }
  const compressed = (encoding: string, bytes: Buffer) =>
    bare((socket) => {
      socket.write(
        answer("", [`Content-Encoding: ${encoding}`]).replace("Length: 0", `Length: ${bytes.length}`)
      )
      socket.write(bytes)
    })
  for (const [encoding, compress] of Object.entries(codecs)) {
    it.live(`${encoding} - was not asked for, and is read all the same`, () =>
      Effect.gen(function* () {
        const server = yield* compressed(encoding, compress(Buffer.from(`{"a":1}`)))
        assert.deepStrictEqual(yield* Effect.flatMap(get(server.url), ({ json }) => json), { a: 1 })
        const { stream } = yield* get(server.url)
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(stream)), `{"a":1}`)
        assert.notMatch(server.received().join(""), /accept-encoding/i)
      }).pipe(provided())
    )
  }

  it.live("and cut short before that is a DecodeError", () =>
    Effect.gen(function* () {
      const server = yield* compressed("gzip", Zlib.gzipSync(Buffer.alloc(1000)).subarray(0, 20))
      assert.strictEqual((yield* failure(textOf(get(server.url)))).tag, "DecodeError")
      const read = Effect.flatMap(get(server.url), ({ stream }) => Stream.runDrain(stream))
      assert.strictEqual((yield* failure(read)).tag, "DecodeError")
    }).pipe(provided())
  )

  it.live("and unfolds beyond the limit is refused", () =>
    Effect.gen(function* () {
      const server = yield* compressed("gzip", Zlib.gzipSync(Buffer.alloc(10_000_000)))
      const { cause } = yield* failure(textOf(get(server.url)))
      assert.instanceOf(cause, UndiciClient.ResponseTooLarge)
    }).pipe(provided({ maxResponseSize: "1 MiB" }))
  )

  it.live("by an unknown hand is refused by its name", () =>
    Effect.gen(function* () {
      const server = yield* compressed("secret", Buffer.from("x"))
      assert.include((yield* failure(textOf(get(server.url)))).message, `"secret"`)
    }).pipe(provided())
  )
})

describe("a connection that fails", () => {
  it.live("refused - names the code", () =>
    Effect.gen(function* () {
      const { url } = yield* Effect.scoped(bare(() => {}))
      const error = yield* failure(post(url, "{}"))
      assert.strictEqual(error.tag, "TransportError")
      assert.include(error.message, "ECONNREFUSED")
    }).pipe(provided())
  )

  it.live("reset before an answer - names the code", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.resetAndDestroy())
      const error = yield* failure(post(server.url, "{}"))
      assert.strictEqual(error.tag, "TransportError")
      assert.include(error.message, "ECONNRESET")
      // Nothing is sent twice on the quiet.
      assert.strictEqual(server.received().length, 1)
    }).pipe(provided())
  )

  const cut: ReadonlyArray<readonly [string, string]> = [
    ["short of its length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2]"],
    [
      "short of its length, on the last request",
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\n[1,2]"
    ],
    ["between two pieces", `${chunkedHead}\r\n${chunked("[1,2]")}`],
    ["within a piece", `${chunkedHead}\r\na\r\n[1,2]`],
    ["between two pieces, on the last request", `${chunkedHead}Connection: close\r\n\r\n${chunked("[1,2]")}`],
    ["within a head", "HTTP/1.1 200 OK\r\nContent-"]
  ]
  const endings = {
    closed: (socket: Net.Socket) => socket.end(),
    reset: (socket: Net.Socket) => setTimeout(() => socket.resetAndDestroy(), 20)
  }
  for (const [where, text] of cut) {
    for (const [how, end] of Object.entries(endings)) {
      it.live(`${how} ${where} - is an error, and never a short body`, () =>
        Effect.gen(function* () {
          const server = yield* bare((socket) => {
            socket.write(text)
            end(socket)
          })
          assert.strictEqual((yield* failure(textOf(post(server.url, "{}")))).tag, "TransportError")
          const read = Effect.flatMap(get(server.url), ({ stream }) => Stream.runDrain(stream))
          assert.strictEqual((yield* failure(read)).tag, "TransportError")
        }).pipe(provided())
      )
    }
  }

  it.live("after the head - the status is still told", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => {
        socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nstarting")
      })
      assert.strictEqual((yield* get(server.url)).status, 503)
    }).pipe(provided())
  )

  it.live("garbage for an answer - is an error", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"))
      assert.strictEqual((yield* failure(get(server.url))).tag, "TransportError")
    }).pipe(provided())
  )

  it.live("while it is idle - is not met by the next request", () =>
    Effect.gen(function* () {
      let close = () => {}
      const server = yield* bare((socket) => {
        socket.write(answer("ok"))
        close = () => socket.end()
      })
      for (let nth = 1; nth <= 3; nth++) {
        assert.strictEqual(yield* textOf(post(server.url, "{}")), "ok")
        close()
        yield* until(() => server.connections().open === 0)
        assert.strictEqual(server.connections().total, nth)
      }
    }).pipe(provided())
  )

  it.live("is closed by the client before a server that says when it would", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(answer("ok", ["Keep-Alive: timeout=1"])))
      for (let nth = 0; nth < 2; nth++) yield* textOf(post(server.url, "{}"))
      // A second, less a second: used once.
      assert.strictEqual(server.connections().total, 2)
    }).pipe(provided())
  )

  it.live("an address that is none is an InvalidUrlError", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failure(get("http://"))).tag, "InvalidUrlError")
    }).pipe(provided())
  )
})

describe("time", () => {
  it.live("no head within headersTimeout - is an error that says so", () =>
    Effect.gen(function* () {
      const server = yield* bare(() => {})
      const error = yield* failure(get(server.url))
      assert.include(error.message, "UND_ERR_HEADERS_TIMEOUT")
      yield* until(() => server.connections().open === 0)
    }).pipe(provided({ headersTimeout: "100 millis" }))
  )

  it.live("a body that stands still for bodyTimeout - is an error that says so", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"))
      const error = yield* failure(textOf(get(server.url)))
      assert.include(error.message, "UND_ERR_BODY_TIMEOUT")
    }).pipe(provided({ bodyTimeout: "100 millis" }))
  )
})

/** How many answers of a server have begun to be read. */
const headsFrom = (url: string) => {
  let count = 0
  const hear = (message: unknown) => {
    if (Predicate.hasProperty(message, "request") && Predicate.hasProperty(message.request, "origin")) {
      if (message.request.origin === url) count++
    }
  }
  return Effect.as(
    Effect.acquireRelease(
      Effect.sync(() => Diagnostics.subscribe("undici:request:headers", hear)),
      () => Effect.sync(() => Diagnostics.unsubscribe("undici:request:headers", hear))
    ),
    () => count
  )
}

describe("interruption", () => {
  const cases = {
    "before the head": "",
    "within a body of a known length": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    "within a body of any length": `${chunkedHead}\r\n${chunked("half")}`
  }
  for (const [when, half] of Object.entries(cases)) {
    it.live(`${when} - closes the connection`, () =>
      Effect.gen(function* () {
        const server = yield* bare((socket) => socket.write(half))
        const heads = yield* headsFrom(server.url)
        const fiber = yield* Effect.forkChild(textOf(post(server.url, "{}")))
        yield* until(() => server.received()[0]?.endsWith("{}") === true)
        yield* until(() => heads() === (half === "" ? 0 : 1))
        yield* Fiber.interrupt(fiber)
        yield* until(() => server.connections().open === 0)
      }).pipe(provided())
    )
  }

  it.live("of one that waits for a connection - is never sent", () =>
    Effect.gen(function* () {
      let reply = () => {}
      const server = yield* bare((socket) => {
        reply = () => socket.write(answer("ok"))
      })
      const first = yield* Effect.forkChild(textOf(post(server.url, "first")))
      yield* until(() => server.received()[0]?.endsWith("first") === true)
      // It is handed over before this returns.
      const second = yield* Effect.forkChild(textOf(post(server.url, "second")), { startImmediately: true })
      yield* Fiber.interrupt(second)
      const third = yield* Effect.forkChild(textOf(post(server.url, "third")))
      reply()
      assert.strictEqual(yield* Fiber.join(first), "ok")
      yield* until(() => server.received()[0]?.endsWith("third") === true)
      reply()
      assert.strictEqual(yield* Fiber.join(third), "ok")
      assert.notInclude(server.received().join(""), "second")
      assert.strictEqual(server.connections().total, 1)
    }).pipe(provided({ connections: 1 }))
  )

  it.live("a stream that is left early closes the connection", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(`${chunkedHead}\r\n${chunked("more")}`))
      const { stream } = yield* get(server.url)
      yield* Stream.runDrain(Stream.take(stream, 1))
      yield* until(() => server.connections().open === 0)
    }).pipe(provided())
  )

  it.live("the end of the layer closes all", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(answer("ok")))
      yield* textOf(get(server.url)).pipe(provided())
      yield* until(() => server.connections().open === 0)
    })
  )
})

describe("the size of an answer", () => {
  const serve = (size: number) =>
    bare((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      socket.write(Buffer.alloc(size, "x"))
    })

  for (const size of [2000, 5_000_000]) {
    it.live(`${size} bytes where 1000 are allowed - is refused, with the next step`, () =>
      Effect.gen(function* () {
        const server = yield* serve(size)
        const error = yield* failure(textOf(get(server.url)))
        assert.strictEqual(error.tag, "TransportError")
        assert.include(error.message, "1000 bytes")
        assert.include(error.message, "maxResponseSize")
        assert.instanceOf(error.cause, UndiciClient.ResponseTooLarge)
        if (size > 1_000_000) yield* until(() => server.connections().open === 0)
      }).pipe(provided({ maxResponseSize: 1000 }))
    )
  }

  it.live("is bound by HttpIncomingMessage.MaxBodySize as well", () =>
    Effect.gen(function* () {
      const server = yield* serve(2000)
      const { cause } = yield* failure(textOf(get(server.url)))
      assert.instanceOf(cause, UndiciClient.ResponseTooLarge)
    }).pipe(Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(1000)), provided())
  )

  it.live("has no bound where it is streamed", () =>
    Effect.gen(function* () {
      const server = yield* serve(5_000_000)
      const { stream } = yield* get(server.url)
      assert.strictEqual(
        yield* Stream.runFold(
          stream,
          () => 0,
          (sum, bytes) => sum + bytes.length
        ),
        5_000_000
      )
    }).pipe(provided({ maxResponseSize: 1000 }))
  )
})

describe("a request", () => {
  /** Sends a request and gives what arrived on the wire. */
  const sent = (
    change: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  ) =>
    Effect.gen(function* () {
      const server = yield* listen(
        Net.createServer((socket) => {
          let seen = ""
          socket.on("data", (bytes) => {
            seen += bytes.toString()
            const isWhole =
              /content-length/i.test(seen) || !/chunked/.test(seen) || seen.endsWith("0\r\n\r\n")
            if (isWhole) setTimeout(() => socket.write(answer("ok")), 20)
          })
        })
      )
      yield* HttpClient.execute(change(HttpClientRequest.post(server.url)))
      return server.received()[0] ?? ""
    }).pipe(Effect.scoped)

  it.live("may have a body of any kind", () =>
    Effect.gen(function* () {
      const form = new FormData()
      form.append("name", "value")
      const stream = Stream.make("one ", "two").pipe(Stream.encodeText)
      assert.match(yield* sent((request) => request), /content-length: 0/i)
      assert.match(yield* sent(HttpClientRequest.bodyText("text", "text/plain")), /\r\n\r\ntext$/)
      assert.match(yield* sent(HttpClientRequest.bodyUint8Array(Buffer.from("bytes"))), /\r\n\r\nbytes$/)
      assert.match(yield* sent(HttpClientRequest.bodyStream(stream)), /chunked[\s\S]*one [\s\S]*two/i)
      const known = HttpClientRequest.bodyStream(stream, { contentLength: 7 })
      assert.match(yield* sent(known), /content-length: 7[\s\S]*\r\n\r\none two$/i)
      const multipart = yield* sent(HttpClientRequest.bodyFormData(form))
      assert.match(multipart, /content-type: multipart\/form-data; boundary=/i)
      assert.match(multipart, /name="name"\r\n\r\nvalue/)
    }).pipe(provided())
  )

  it.live("with a body that breaks while it is made is an error", () =>
    Effect.gen(function* () {
      const server = yield* bare(() => {})
      const body = Stream.concat(Stream.make(Buffer.from("one")), Stream.fail(new Error("no more paper")))
      const error = yield* failure(
        HttpClient.execute(HttpClientRequest.bodyStream(HttpClientRequest.post(server.url), body))
      )
      assert.include(error.message, "no more paper")
    }).pipe(provided())
  )

  it.live("that is interrupted stops making its body", () =>
    Effect.gen(function* () {
      const server = yield* bare(() => {})
      const isStopped = yield* Ref.make(false)
      const body = Stream.make(Buffer.from("one")).pipe(
        Stream.concat(Stream.never),
        Stream.ensuring(Ref.set(isStopped, true))
      )
      const request = HttpClientRequest.bodyStream(HttpClientRequest.post(server.url), body)
      const fiber = yield* Effect.forkChild(HttpClient.execute(request))
      yield* until(() => /one/.test(server.received()[0] ?? ""))
      yield* Fiber.interrupt(fiber)
      yield* Ref.get(isStopped).pipe(Effect.repeat({ until: (is) => is }), Effect.timeout("5 seconds"))
    }).pipe(provided())
  )
})

describe("connections", () => {
  it.live("two hundred requests at once are in flight at once", () =>
    Effect.gen(function* () {
      const waiting: Array<() => void> = []
      const server = yield* bare((socket) => {
        waiting.push(() => socket.write(answer("ok")))
        if (waiting.length === 200) for (const reply of waiting) reply()
      })
      const all = yield* Effect.forEach(Array.from({ length: 200 }), () => textOf(post(server.url, "{}")), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(new Set(all), new Set(["ok"]))
      assert.strictEqual(server.connections().total, 200)
    }).pipe(provided())
  )

  it.live("never more than allowed, each used again, one request at a time", () =>
    Effect.gen(function* () {
      let inFlight = 0
      let most = 0
      const server = yield* bare((socket) => {
        most = Math.max(most, ++inFlight)
        setTimeout(() => {
          inFlight--
          socket.write(answer("ok"))
        }, 1)
      })
      const send = () => textOf(post(server.url, "{}"))
      yield* Effect.forEach(Array.from({ length: 100 }), send, { concurrency: 20 })
      assert.strictEqual(most, 4)
      assert.strictEqual(server.connections().total, 4)
    }).pipe(provided({ connections: 4 }))
  )
})

describe("TLS", () => {
  const { cert, key } = selfSigned()
  const secure = listen(
    Tls.createServer({ cert, key }, (socket) => {
      socket.on("error", () => undefined)
      socket.on("data", () => socket.write(answer(`secure, ${socket.alpnProtocol || "no ALPN"}`)))
    }),
    "https"
  )

  it.live("a certificate of one's own authority is believed", () =>
    Effect.gen(function* () {
      const server = yield* secure
      assert.include(yield* textOf(get(server.url)), "secure")
    }).pipe(provided({ tls: { ca: cert } }))
  )

  it.live("a stranger's is not", () =>
    Effect.gen(function* () {
      const server = yield* secure
      const error = yield* failure(get(server.url))
      assert.include(error.message, "DEPTH_ZERO_SELF_SIGNED_CERT")
    }).pipe(provided())
  )

  /** A proxy that tunnels, and what it was asked for. */
  const tunnel = Effect.gen(function* () {
    const asked: Array<string> = []
    const server = yield* listen(
      Net.createServer((socket) => {
        socket.once("data", (bytes) => {
          asked.push(bytes.toString())
          const [, port] = /^CONNECT 127\.0\.0\.1:(\d+) /.exec(bytes.toString()) ?? []
          if (port === undefined) {
            socket.end(answer("plain"))
            return
          }
          const onward = Net.connect(Number(port), "127.0.0.1", () => {
            socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
            socket.pipe(onward).pipe(socket)
          })
          onward.on("error", () => socket.destroy())
        })
      })
    )
    return { ...server, asked }
  })

  it.live("an https host is tunnelled through the proxy, which never sees the token", () =>
    Effect.gen(function* () {
      const server = yield* secure
      const proxy = yield* tunnel
      const proxies = { https: Redacted.make(`http://user:secret@127.0.0.1:${proxy.port}`) }
      const text = yield* textOf(
        HttpClient.execute(HttpClientRequest.get(server.url).pipe(HttpClientRequest.bearerToken("hf_secret")))
      ).pipe(provided({ tls: { ca: cert }, proxies }))
      assert.include(text, "secure")
      assert.strictEqual(proxy.asked.length, 1)
      assert.include(proxy.asked[0], `proxy-authorization: Basic ${btoa("user:secret")}`)
      assert.notInclude(proxy.received().join(""), "hf_secret")
    })
  )

  it.live("the proxies are those that the configuration names", () =>
    Effect.gen(function* () {
      const server = yield* secure
      const plain = yield* bare((socket) => socket.write(answer("direct")))
      const proxy = yield* tunnel
      const ask = (url: string, env: Record<string, string>) =>
        textOf(get(url)).pipe(
          Effect.provide(
            UndiciClient.layerConfig({ tls: { ca: cert } }).pipe(
              Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env)))
            )
          )
        )
      const at = `127.0.0.1:${proxy.port}`
      assert.include(yield* ask(server.url, { HTTPS_PROXY: at }), "secure")
      assert.strictEqual(proxy.asked.length, 1)
      assert.strictEqual(yield* ask(plain.url, { http_proxy: at }), "plain")
      assert.include(proxy.asked[1], `GET ${plain.url}/ HTTP/1.1`)
      assert.strictEqual(yield* ask(plain.url, { http_proxy: at, NO_PROXY: "127.0.0.1" }), "direct")
      assert.strictEqual(yield* ask(plain.url, {}), "direct")
      assert.strictEqual(yield* ask(plain.url, { HTTP_PROXY: "127.0.0.1:1", http_proxy: at }), "plain")
      assert.strictEqual(proxy.asked.length, 3)
    })
  )

  it.live("a proxy that cannot be reached is an error that says so", () =>
    Effect.gen(function* () {
      const server = yield* secure
      const proxies = { https: Redacted.make("http://127.0.0.1:1") }
      const error = yield* failure(get(server.url)).pipe(provided({ proxies }))
      assert.include(error.message, "ECONNREFUSED")
    })
  )
})

describe("tracing", () => {
  /** The spans that a program makes. */
  const spansOf = <A, E>(program: Effect.Effect<A, E, HttpClient.HttpClient>) =>
    Effect.gen(function* () {
      const names: Array<string> = []
      const tracer = Tracer.make({
        span: (options) => {
          names.push(options.name)
          return new Tracer.NativeSpan(options)
        }
      })
      yield* program.pipe(Effect.provideService(Tracer.Tracer, tracer))
      return names
    })

  it.live("a tracer sees each request, unless it is told not to", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(answer("ok")))
      assert.strictEqual((yield* spansOf(textOf(get(server.url)))).length, 1)
      assert.match(server.received()[0] ?? "", /traceparent/)
      const silent = textOf(get(server.url)).pipe(
        Effect.provideService(HttpClient.TracerDisabledWhen, () => true)
      )
      assert.deepStrictEqual(yield* spansOf(silent), [])
      const exit = yield* Effect.exit(spansOf(get("http://127.0.0.1:1")))
      assert.isTrue(Exit.isFailure(exit))
    }).pipe(provided())
  )

  it.live("without one nothing is added to a request", () =>
    Effect.gen(function* () {
      const server = yield* bare((socket) => socket.write(answer("ok")))
      yield* textOf(get(server.url))
      assert.notMatch(server.received()[0] ?? "", /traceparent|b3/)
    }).pipe(provided())
  )
})
