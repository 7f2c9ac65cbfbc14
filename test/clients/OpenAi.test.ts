/** The `openai` client drives endpoints of the emulator, with nothing changed but its base URL and its key. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  OpenAI,
  PermissionDeniedError
} from "openai"
import { ask, collect, managing, rejection, serve, specs, world } from "./served.ts"

const clientOf = (endpoint: { readonly url: string; readonly token: string }, apiKey = endpoint.token) =>
  new OpenAI({ baseURL: `${endpoint.url}/v1`, apiKey, maxRetries: 0, timeout: 5000 })

const messages = [{ role: "user" as const, content: "What is a dog?" }]
const { repository } = specs.vLLM

const live = (
  name: string,
  test: Effect.Effect<unknown, unknown, Effect.Services<ReturnType<typeof serve>>>
) => it.live(name, () => Effect.provide(test, world), { timeout: 20_000 })

describe("openai", () => {
  live(
    "embeddings are the same as floats and as base64",
    Effect.gen(function* () {
      const { embeddings } = clientOf(yield* serve(specs.tei))
      const input = ["a dog", "a cat", "the theory of relativity"]
      // Without a format the client asks for base64 and decodes it.
      const decoded = yield* ask(() => embeddings.create({ model: "any", input }))
      const floats = yield* ask(() => embeddings.create({ model: "any", input, encoding_format: "float" }))
      assert.deepStrictEqual(
        decoded.data.map(({ index }) => index),
        [0, 1, 2]
      )
      for (const [at, { embedding }] of decoded.data.entries()) {
        const other = floats.data[at]?.embedding ?? []
        assert.strictEqual(embedding.length, other.length)
        for (const [axis, number] of embedding.entries()) assert.closeTo(number, other[axis] ?? NaN, 1e-6)
      }
      assert.isAbove(decoded.usage.total_tokens, 0)
    })
  )

  live(
    "the models of vLLM are the repository",
    Effect.gen(function* () {
      const { models } = clientOf(yield* serve(specs.vLLM))
      const { data } = yield* ask(async () => models.list())
      assert.deepStrictEqual(
        data.map(({ id }) => id),
        [repository]
      )
    })
  )

  for (const [server, spec, model] of [
    ["vLLM", specs.vLLM, repository],
    ["TGI", specs.tgi, "tgi"]
  ] as const) {
    live(
      `${server} chats, whole and in pieces`,
      Effect.gen(function* () {
        const { chat } = clientOf(yield* serve(spec))
        const question = { model, messages, max_tokens: 12, temperature: 0, seed: 1 }
        const whole = yield* ask(() => chat.completions.create(question))
        const [choice] = whole.choices
        assert.strictEqual(choice?.message.role, "assistant")
        assert.isNotEmpty(choice?.message.content)
        assert.include(["stop", "length"], choice?.finish_reason)
        assert.isAtMost(whole.usage?.completion_tokens ?? 99, 12)

        const stream = yield* ask(() =>
          chat.completions.create({ ...question, stream: true, stream_options: { include_usage: true } })
        )
        const pieces = yield* collect(stream)
        const text = pieces.map((piece) => piece.choices[0]?.delta.content ?? "").join("")
        assert.strictEqual(text, choice?.message.content)
        assert.deepStrictEqual(pieces.at(-1)?.usage?.completion_tokens, whole.usage?.completion_tokens)
        assert.isAbove(pieces.length, 2)
      })
    )
  }

  live(
    "vLLM completes a text",
    Effect.gen(function* () {
      const { completions } = clientOf(yield* serve(specs.vLLM))
      const { choices } = yield* ask(() =>
        completions.create({ model: repository, prompt: "a dog is", max_tokens: 8 })
      )
      assert.isNotEmpty(choices[0]?.text)
    })
  )

  describe("knows each refusal by its class", () => {
    live(
      "400, the endpoint is paused",
      Effect.gen(function* () {
        const endpoint = yield* serve(specs.tei)
        yield* endpoint.endpoints.pause("e")
        const { embeddings } = clientOf(endpoint)
        const error = yield* rejection(() => embeddings.create({ model: "any", input: "a" }))
        assert.instanceOf(error, BadRequestError)
        assert.include(String(error), "paused")
      })
    )

    live(
      "401 of an unknown token, 403 of one that may not call",
      Effect.gen(function* () {
        const endpoint = yield* serve(specs.vLLM)
        const list = (token: string) => rejection(async () => clientOf(endpoint, token).models.list())
        assert.instanceOf(yield* list("hf_other"), AuthenticationError)
        assert.instanceOf(yield* list(managing), PermissionDeniedError)
      })
    )

    live(
      "404, a model of another name",
      Effect.gen(function* () {
        const { chat } = clientOf(yield* serve(specs.vLLM))
        const error = yield* rejection(() => chat.completions.create({ model: "dummy", messages }))
        assert.instanceOf(error, NotFoundError)
        assert.strictEqual(error instanceof APIError ? error.type : "", "NotFoundError")
      })
    )

    live(
      "413, more inputs than TEI takes at once",
      Effect.gen(function* () {
        const { embeddings } = clientOf(yield* serve(specs.tei))
        const input = Array.from({ length: 33 }, () => "a dog")
        const error = yield* rejection(() => embeddings.create({ model: "any", input }))
        assert.strictEqual(error instanceof APIError ? error.status : 0, 413)
      })
    )

    live(
      "503, the endpoint is asleep; its own retries wait until it is awake",
      Effect.gen(function* () {
        const endpoint = yield* serve(specs.tei)
        yield* endpoint.endpoints.scaleToZero("e")
        const client = clientOf(endpoint)
        const error = yield* rejection(() => client.embeddings.create({ model: "any", input: "a" }))
        assert.instanceOf(error, InternalServerError)
        assert.strictEqual(error instanceof APIError ? error.status : 0, 503)
        yield* endpoint.endpoints.scaleToZero("e")
        const patient = client.withOptions({ maxRetries: 5 })
        const { data } = yield* ask(() => patient.embeddings.create({ model: "any", input: "a" }))
        assert.strictEqual(data.length, 1)
      })
    )
  })
})
