/** Packs on the emulator's own engines, over sockets: what is done many at a time is what is done one by one. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Job, Limit, type ManagedEndpoint, Row, withEndpoint } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Layer, Stream } from "effect"

const World = Emulator.layerEndpoints.pipe(
  Layer.provideMerge(Emulator.layerServer({ boot: "50 millis", logCapacity: 10_000 })),
  Layer.provideMerge(UndiciClient.layer())
)

const images = {
  "tei 1.8": { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8", port: 80 } },
  "tei 1.9": { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.9", port: 80 } },
  vLLM: { vLLM: { url: "vllm/vllm-openai:v0.11" } },
  sGLang: { sGLang: { url: "lmsysorg/sglang:v0.5" } },
  llamacpp: { llamacpp: { url: "ghcr.io/ggml-org/llama.cpp:server", modelPath: "m.gguf" } },
  toolkit: { huggingface: {} }
} as const

const on = (
  image: keyof typeof images,
  task: string,
  env: Readonly<Record<string, string>> = {}
): ManagedEndpoint.Options => ({
  name: "packs",
  spec: EndpointSpec.make({
    repository: "acme/model",
    task,
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: images[image],
    env
  })
})

const nouns = ["sea", "lake", "pond", "river", "harbour", "storm", "keel", "anchor"]

const lines = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, nth) => `${nouns[nth % 8]} and ${nouns[(nth >> 3) % 8]}, number ${nth}`)

const embed = Job.embed({ key: (text: string) => text, text: (text) => text })
const classify = Job.classify({ key: (text: string) => text, text: (text) => text })

/** What each text came to, and how many requests that took. */
const done = <Out>(
  endpoint: ManagedEndpoint.Options,
  job: Job.Job<string, Out>,
  texts: ReadonlyArray<string>,
  options?: Batch.Options
) =>
  Effect.gen(function* () {
    const { log } = yield* Emulator.Emulator
    const posts = Effect.map(
      log,
      (all) => all.filter(({ method, plane }) => plane === "data" && method === "POST").length
    )
    const before = yield* posts
    const outcomes = yield* withEndpoint(endpoint, () =>
      Stream.fromIterable(texts).pipe(
        Batch.stream(job, { limit: Limit.fixed(8), ...options }),
        Stream.runCollect
      )
    )
    return {
      of: new Map(outcomes.map((outcome) => [outcome.key, outcome])),
      requests: (yield* posts) - before
    }
  })

type Done<Out> = Effect.Success<ReturnType<typeof done<Out>>>

const outputs = <Out>({ of }: Done<Out>, texts: ReadonlyArray<string>) =>
  texts.map((text) => {
    const outcome = of.get(text)
    return outcome?._tag === "Succeeded"
      ? outcome.output
      : assert.fail(`${text}: ${outcome?._tag === "Failed" ? outcome.error.message : "nothing"}`)
  })

describe("embeddings", () => {
  const counts = [
    ["tei 1.8", 200],
    ["tei 1.9", 2000],
    ["vLLM", 2000],
    ["sGLang", 200],
    ["llamacpp", 200],
    ["toolkit", 2000]
  ] as const
  for (const [image, count] of counts) {
    it.live(
      `of ${count} texts are the same packed and alone on ${image}`,
      () =>
        Effect.gen(function* () {
          const texts = lines(count)
          const endpoint = on(image, "sentence-embeddings")
          const alone = yield* done(endpoint, embed, texts, { pack: false })
          const packed = yield* done(endpoint, embed, texts, { pack: { maxItems: 32 } })
          assert.strictEqual(alone.requests, count)
          assert.isAtMost(packed.requests, count / 25)
          assert.deepStrictEqual(outputs(packed, texts), outputs(alone, texts))
        }).pipe(Effect.provide(World)),
      60_000
    )
  }
})

describe("classes", () => {
  for (const image of ["tei 1.8", "tei 1.9", "toolkit"] as const) {
    it.live(
      `are the same packed and alone on ${image}`,
      () =>
        Effect.gen(function* () {
          const texts = lines(24).map((line, nth) =>
            nth % 2 === 0 ? `def f(x): return "${line}"` : `${line};`
          )
          const endpoint = on(image, "text-classification")
          const alone = yield* done(endpoint, classify, texts, { pack: false })
          // Two in a pack: a list that an engine could take for one pair of texts.
          for (const maxItems of [2, 16]) {
            const packed = yield* done(endpoint, classify, texts, { pack: { maxItems } })
            assert.isBelow(packed.requests, 24)
            assert.deepStrictEqual(outputs(packed, texts), outputs(alone, texts))
          }
        }).pipe(Effect.provide(World)),
      60_000
    )
  }
})

describe("100 texts", () => {
  for (const image of ["tei 1.8", "tei 1.9"] as const) {
    it.live(`of which some are too long: only those fail on ${image}, and say so`, () =>
      Effect.gen(function* () {
        const long = (nth: number) => `${nth} ${"harbour storm ".repeat(400)}`
        const texts = lines(100).map((line, nth) => (nth % 33 === 5 ? long(nth) : line))
        const endpoint = on(image, "sentence-embeddings", { MAX_CLIENT_BATCH_SIZE: "16" })
        const { of } = yield* done(endpoint, embed, texts)
        assert.strictEqual(of.size, 100)
        for (const [text, outcome] of of) {
          if (!text.includes("harbour storm harbour storm")) assert.strictEqual(outcome._tag, "Succeeded")
          else if (outcome._tag !== "Failed") assert.fail(`${text.slice(0, 10)} was cut in silence`)
          else {
            assert.match(
              outcome.error.message,
              /must have less than \d+ tokens\. Given: \d+\. The text is longer/
            )
            assert.strictEqual(outcome.attempts, 1)
          }
        }
      }).pipe(Effect.provide(World))
    )
  }

  it.live("as rows of a file are packed, and OpenAI's batch lines are not", () =>
    Effect.gen(function* () {
      const { log } = yield* Emulator.Emulator
      const rows = lines(100).map((input, nth) =>
        nth % 4 === 0 ? { custom_id: String(nth), body: { input } } : { id: String(nth), input }
      )
      const outcomes = yield* withEndpoint(on("tei 1.8", "sentence-embeddings"), () =>
        Stream.fromIterable<Row.Row>(rows).pipe(Batch.stream(Row.job("embed")), Stream.runCollect)
      )
      assert.lengthOf(outcomes, 100)
      assert.isTrue(outcomes.every(({ _tag }) => _tag === "Succeeded"))
      const posts = (yield* log).filter(({ method, plane }) => plane === "data" && method === "POST")
      const to = (path: string) => posts.filter((record) => record.path === path).length
      assert.strictEqual(to("/v1/embeddings"), 25)
      assert.isAtMost(to("/embed"), 20)
    }).pipe(Effect.provide(World))
  )
})
