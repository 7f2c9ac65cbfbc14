/** `@huggingface/inference` drives endpoints of the emulator, with nothing changed but the URL and the token. */
import { assert, describe, it } from "@effect/vitest"
import {
  InferenceClient,
  InferenceClientProviderApiError,
  InferenceClientProviderOutputError
} from "@huggingface/inference"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import { ask, collect, rejection, serve, specs, world } from "./served.ts"

const clientOf = (endpoint: { readonly url: string; readonly token: string }, token = endpoint.token) =>
  new InferenceClient(token, { endpointUrl: endpoint.url, signal: AbortSignal.timeout(5000) })

const messages = [{ role: "user", content: "What is a dog?" }]

const live = (
  name: string,
  test: Effect.Effect<unknown, unknown, Effect.Services<ReturnType<typeof serve>>>
) => it.live(name, () => Effect.provide(test, world), { timeout: 20_000 })

const statusOf = (error: unknown) =>
  error instanceof InferenceClientProviderApiError ? error.httpResponse.status : String(error)

describe("@huggingface/inference", () => {
  for (const server of ["embedding", "tei"] as const)
    live(
      `feature extraction (${server})`,
      Effect.gen(function* () {
        const client = clientOf(yield* serve(specs[server]))
        const inputs = ["a dog", "a cat"]
        const vectors = yield* ask(() => client.featureExtraction({ inputs }))
        assert.strictEqual(vectors.length, 2)
        assert.isTrue(vectors.flat(9).every((number) => typeof number === "number"))
      })
    )

  live(
    "text classification is refused: it expects the nested lists of another API, and endpoints answer flat",
    Effect.gen(function* () {
      const endpoint = yield* serve(specs.classification)
      const inputs = "def main():\n    print('hello')\n"
      const answers: Array<Response> = []
      const recording: typeof fetch = (input, init) =>
        fetch(input, init).then((answer) => {
          answers.push(answer.clone())
          return answer
        })
      const client = clientOf(endpoint)
      const error = yield* rejection(() => client.textClassification({ inputs }, { fetch: recording }))
      assert.instanceOf(error, InferenceClientProviderOutputError)
      const [label] = Object(yield* ask(() => answers[0]?.json() ?? Promise.reject(new Error("no answer"))))
      assert.typeOf(label.label, "string")
      assert.typeOf(label.score, "number")
    })
  )

  live(
    "chat, whole and in pieces",
    Effect.gen(function* () {
      const client = clientOf(yield* serve(specs.tgi))
      const question = { messages, max_tokens: 12, temperature: 0, seed: 1 }
      const { choices } = yield* ask(() => client.chatCompletion(question))
      assert.isNotEmpty(choices[0]?.message.content)
      const pieces = yield* collect(client.chatCompletionStream(question))
      const text = pieces.map((piece) => piece.choices[0]?.delta.content ?? "").join("")
      assert.strictEqual(text, choices[0]?.message.content)
    })
  )

  live(
    "vLLM chats under the name of its repository",
    Effect.gen(function* () {
      const client = clientOf(yield* serve(specs.vLLM))
      const model = specs.vLLM.repository
      const { choices } = yield* ask(() => client.chatCompletion({ model, messages, max_tokens: 4 }))
      assert.isNotEmpty(choices[0]?.message.content)
    })
  )

  live(
    "text generation, whole and in pieces",
    Effect.gen(function* () {
      const client = clientOf(yield* serve(specs.tgi))
      const prompt = { inputs: "a dog is", parameters: { max_new_tokens: 6 } }
      assert.isNotEmpty((yield* ask(() => client.textGeneration(prompt))).generated_text)
      // It asks at /v1/completions, and gives on what that answers, whatever the types of its own say.
      const pieces = yield* collect<unknown>(client.textGenerationStream(prompt))
      assert.isAtLeast(pieces.length, 1)
      for (const piece of pieces) assert.typeOf(Object(piece).choices[0].text, "string")
    })
  )

  live(
    "text to image",
    Effect.gen(function* () {
      const client = clientOf(yield* serve(specs.diffusion))
      const picture = yield* ask(() => client.textToImage({ inputs: "a dog" }, { outputType: "blob" }))
      assert.match(picture.type, /^image\//)
      assert.isAbove(picture.size, 0)
    })
  )

  live(
    "refusals tell their status",
    Effect.gen(function* () {
      const endpoint = yield* serve(specs.embedding)
      const embed = (token?: string) =>
        Effect.map(
          rejection(() => clientOf(endpoint, token).featureExtraction({ inputs: "a" })),
          statusOf
        )
      assert.strictEqual(yield* embed("hf_other"), 401)
      yield* endpoint.endpoints.pause("e")
      assert.strictEqual(yield* embed(), 400)
    })
  )

  describe("while the endpoint is cold", () => {
    const cold = Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoint = yield* serve(specs.embedding)
      yield* emulator.setState("e", "initializing")
      return { client: clientOf(endpoint), emulator }
    })

    live(
      "asks again at once and without an end, until it is aborted",
      Effect.gen(function* () {
        const { client, emulator } = yield* cold
        const before = (yield* emulator.counts).byStatus["data 503"] ?? 0
        const signal = AbortSignal.timeout(200)
        const error = yield* rejection(() => client.featureExtraction({ inputs: "a" }, { signal }))
        assert.include(String(error), "abort")
        assert.isAbove(((yield* emulator.counts).byStatus["data 503"] ?? 0) - before, 10)
      })
    )

    live(
      "says 503 where it is told not to ask again",
      Effect.gen(function* () {
        const { client } = yield* cold
        const options = { retry_on_error: false }
        const error = yield* rejection(() => client.featureExtraction({ inputs: "a" }, options))
        assert.strictEqual(statusOf(error), 503)
      })
    )
  })
})
