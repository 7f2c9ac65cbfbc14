import { assert, describe, it } from "@effect/vitest"
import { Proxy } from "@stint/emulator"
import { Effect, Redacted, Stream } from "effect"
import {
  HttpClient,
  HttpClientError,
  HttpClientRequest,
  HttpClientResponse,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { get, postJson } from "./fixture/ask.ts"

/** A client that keeps what it was asked, and answers as told. */
const upstream = (answer: (request: HttpClientRequest.HttpClientRequest) => Response) => {
  const asked: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      asked.push(request)
      return HttpClientResponse.fromWeb(request, answer(request))
    })
  )
  return { asked, client }
}

const down = HttpClient.make((request) =>
  Effect.fail(
    new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })
  )
)

const make = (client: HttpClient.HttpClient, options: Proxy.Options = { url: "http://127.0.0.1:11434/v1" }) =>
  Effect.provideService(Proxy.make(options), HttpClient.HttpClient, client)

describe("Proxy", () => {
  it.effect("asks the server for the same path and query, with or without /v1 in its address", () =>
    Effect.gen(function* () {
      for (const url of ["http://127.0.0.1:11434", "http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1/"]) {
        const { asked, client } = upstream(() => Response.json({ ok: true }, { status: 201 }))
        const engine = yield* make(client, { url })
        const answer = yield* postJson(engine, "/v1/chat/completions?x=1", { model: "m" })
        assert.strictEqual(answer.status, 201)
        assert.strictEqual(answer.text, `{"ok":true}`)
        assert.strictEqual(asked[0]?.method, "POST")
        assert.strictEqual(asked[0]?.url, "http://127.0.0.1:11434/v1/chat/completions?x=1")
        assert.strictEqual(asked[0]?.body._tag, "Uint8Array")
      }
    })
  )

  it.effect("keeps the endpoint's token and the connection's headers to itself", () =>
    Effect.gen(function* () {
      const { asked, client } = upstream(
        () =>
          new Response("x", {
            headers: { "content-type": "text/plain", "keep-alive": "timeout=5", "x-kept": "1" }
          })
      )
      const engine = yield* make(client, { url: "http://h", token: Redacted.make("theirs") })
      const request = new Request("http://endpoint.local/v1/models", {
        headers: {
          authorization: "Bearer hf_secret",
          cookie: "token=hf_secret",
          connection: "close, x-private",
          "x-private": "hf_secret",
          "x-scale-up-timeout": "600",
          "x-request-id": "7"
        }
      })
      const response = yield* engine.handle(HttpServerRequest.fromWeb(request))
      const [sent] = asked
      assert.notInclude(Object.values(sent?.headers ?? {}).join(" "), "hf_secret")
      assert.strictEqual(sent?.headers["authorization"], "Bearer theirs")
      assert.strictEqual(sent?.headers["x-request-id"], "7")
      assert.isUndefined(sent?.headers["x-scale-up-timeout"])
      assert.isUndefined(response.headers["keep-alive"])
      assert.strictEqual(response.headers["x-kept"], "1")
    })
  )

  it.effect("passes a stream on as it comes", () =>
    Effect.gen(function* () {
      const { client } = upstream(
        () =>
          new Response(
            new ReadableStream({
              start: (controller) => {
                controller.enqueue(new TextEncoder().encode("data: 1\n\n"))
              }
            }),
            { headers: { "content-type": "text/event-stream" } }
          )
      )
      const engine = yield* make(client)
      const response = yield* engine.handle(
        HttpServerRequest.fromWeb(new Request("http://endpoint.local/v1/x"))
      )
      const web = HttpServerResponse.toWeb(response)
      assert.strictEqual(web.headers.get("content-type"), "text/event-stream")
      // The server has not ended its answer, and what it has said is here.
      const first = yield* Stream.fromReadableStream({
        evaluate: () => web.body ?? new ReadableStream(),
        onError: (error) => error
      }).pipe(Stream.take(1), Stream.decodeText, Stream.mkString)
      assert.strictEqual(first, "data: 1\n\n")
    })
  )

  it.effect("streams a body that is no JSON", () =>
    Effect.gen(function* () {
      const { asked, client } = upstream(() => new Response(null, { status: 204 }))
      const engine = yield* make(client)
      const request = new Request("http://endpoint.local/v1/audio", {
        method: "POST",
        body: "RIFF",
        headers: { "content-type": "audio/wav" }
      })
      const response = yield* engine.handle(HttpServerRequest.fromWeb(request))
      assert.strictEqual(response.status, 204)
      const body = asked[0]?.body
      assert.strictEqual(body?._tag, "Stream")
      if (body?._tag === "Stream") {
        const bytes = yield* Stream.mkUint8Array(body.stream)
        assert.strictEqual(new TextDecoder().decode(bytes), "RIFF")
      }
    })
  )

  it.effect("says 502 in plain text when there is no server, and passes its errors on", () =>
    Effect.gen(function* () {
      const engine = yield* make(down)
      const answer = yield* postJson(engine, "/v1/completions", {})
      assert.strictEqual(answer.status, 502)
      assert.match(answer.headers["content-type"] ?? "", /^text\/plain/)
      assert.include(answer.text, "http://127.0.0.1:11434")
      assert.strictEqual((yield* get(engine, "GET /health")).status, 502)
      const { client } = upstream(() => Response.json({ error: "no" }, { status: 404 }))
      const refused = yield* postJson(yield* make(client), "/v1/completions", {})
      assert.deepStrictEqual([refused.status, refused.text], [404, `{"error":"no"}`])
    })
  )

  it.effect("is healthy when the server names its models", () =>
    Effect.gen(function* () {
      const { asked, client } = upstream(() => Response.json({ data: [] }))
      const engine = yield* make(client)
      assert.strictEqual((yield* get(engine, `GET ${engine.healthRoute}`)).status, 200)
      assert.strictEqual(asked[0]?.url, "http://127.0.0.1:11434/v1/models")
      const broken = upstream(() => new Response("", { status: 500 }))
      assert.strictEqual((yield* get(yield* make(broken.client), "GET /health")).status, 503)
    })
  )
})
