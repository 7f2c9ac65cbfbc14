/** Which engine runs in an endpoint's container: by task and image, whatever the repository is called. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as FeatureExtraction from "../engine/FeatureExtraction.ts"
import * as LlamaCpp from "../engine/LlamaCpp.ts"
import * as Reranking from "../engine/Reranking.ts"
import * as SpeechRecognition from "../engine/SpeechRecognition.ts"
import * as TextClassification from "../engine/TextClassification.ts"
import * as TextGeneration from "../engine/TextGeneration.ts"
import * as TextToImage from "../engine/TextToImage.ts"
import * as Tgi from "../engine/Tgi.ts"
import * as Vllm from "../engine/Vllm.ts"
import * as SourceLanguage from "../SourceLanguage.ts"
import type { TextModel } from "../TextModel.ts"
import * as WordNetEmbedding from "../WordNetEmbedding.ts"
import * as WordNetNGram from "../WordNetNGram.ts"
import type { JsonObject } from "./body.ts"
import * as Image from "./image.ts"

/** What an endpoint is asked to serve. */
export interface Served {
  readonly repository: string
  readonly task: string
  /** One key, the variant, with its fields. */
  readonly image: JsonObject
  readonly env: JsonObject
}

/** Chooses the engine for what an endpoint serves. */
export type Choose = (served: Served) => Engine.Engine

const embeddingTasks = new Set(["feature-extraction", "sentence-embeddings", "sentence-similarity"])
const generationTasks = new Set([
  "text-generation",
  "text2text-generation",
  "conversational",
  "image-text-to-text"
])
const rankingTasks = new Set(["text-ranking", "sentence-ranking"])

type Server = "tei" | "tgi" | "vLLM" | "sGLang" | "llamacpp" | "toolkit"

const byUrl: ReadonlyArray<readonly [RegExp, Server]> = [
  [/text-embeddings-inference/i, "tei"],
  [/text-generation-inference/i, "tgi"],
  [/vllm/i, "vLLM"],
  [/sglang/i, "sGLang"],
  [/llama\.?cpp/i, "llamacpp"]
]

/** Which server a container runs: its variant says so, or the name of a custom image. */
const serverOf = ({ image }: Served): Server => {
  const variant = Image.variantOf(image)
  if (variant.startsWith("tgi")) return "tgi"
  if (variant.startsWith("vLLM") || variant === "hfServe") return "vLLM"
  if (variant === "tei" || variant === "sGLang" || variant === "llamacpp") return variant
  const url = Image.fieldsOf(image)["url"]
  return (typeof url === "string" ? byUrl.find(([name]) => name.test(url))?.[1] : undefined) ?? "toolkit"
}

/** The first of some settings that is a whole number. */
const whole = (...values: ReadonlyArray<unknown>): number | undefined =>
  values
    .filter((value) => value !== undefined && value !== null && value !== "")
    .map(Number)
    .find((value) => Number.isInteger(value) && value > 0)

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

const teiOptions = ({ env, image }: Served) => {
  const fields = Image.fieldsOf(image)
  const minor = /:(?:[a-z]+-)?1\.(\d+)/.exec(textOf(fields["url"]) ?? "")?.[1]
  return {
    release: minor !== undefined && Number(minor) >= 9 ? ("1.9" as const) : ("1.8" as const),
    maxClientBatchSize: whole(env["MAX_CLIENT_BATCH_SIZE"]),
    maxConcurrentRequests: whole(fields["maxConcurrentRequests"], env["MAX_CONCURRENT_REQUESTS"])
  }
}

/** A container's server around a generator. */
const generator = (served: Served, server: Server, model: TextModel): Engine.Engine => {
  const { env, image, repository } = served
  const fields = Image.fieldsOf(image)
  switch (server) {
    case "tgi":
      return Tgi.make(model, {
        maxConcurrentRequests: whole(env["MAX_CONCURRENT_REQUESTS"]),
        maxInputTokens: whole(fields["maxInputLength"], env["MAX_INPUT_TOKENS"], env["MAX_INPUT_LENGTH"]),
        maxTotalTokens: whole(fields["maxTotalTokens"], env["MAX_TOTAL_TOKENS"]),
        maxClientBatchSize: whole(env["MAX_CLIENT_BATCH_SIZE"])
      })
    case "vLLM":
    case "sGLang":
      return Vllm.make(model, {
        modelId: repository,
        maxModelLength: whole(fields["maxModelLen"]),
        flavor: server
      })
    case "llamacpp":
      return LlamaCpp.make(model, {
        modelId: llamaName(served),
        slots: whole(fields["nParallel"], env["LLAMA_ARG_N_PARALLEL"]),
        contextSize: whole(fields["ctxSize"], env["LLAMA_ARG_CTX_SIZE"])
      })
    case "tei":
    case "toolkit":
      return TextGeneration.toolkit(model)
  }
}

const llamaName = ({ env, image }: Served): string | undefined => {
  const file = textOf(Image.fieldsOf(image)["modelPath"])
  return textOf(env["LLAMA_ARG_ALIAS"]) ?? (file === undefined ? undefined : `/repository/${file}`)
}

/** An engine whose model is loaded by its first request: most endpoints of a test never get one. */
const lazily = <A>(
  name: string,
  model: Effect.Effect<A>,
  build: (model: A) => Engine.Engine
): Engine.Engine => {
  let engine: Engine.Engine | undefined
  return {
    name,
    healthRoute: "/health",
    handle: (request) =>
      engine !== undefined
        ? engine.handle(request)
        : Effect.flatMap(model, (loaded) => {
            engine ??= build(loaded)
            return engine.handle(request)
          })
  }
}

/** The container comes up, and says in the toolkit's words that nothing here can do the work. */
const none = ({ task }: Served): Engine.Engine => ({
  name: "none",
  healthRoute: "/health",
  handle: (request) =>
    Effect.succeed(
      request.method === "GET"
        ? HttpServerResponse.text("Ok")
        : HttpServerResponse.jsonUnsafe(
            { error: `this emulator has no engine for the task "${task}" yet` },
            { status: 501 }
          )
    )
})

const embedder = (
  served: Served,
  server: Server,
  model: WordNetEmbedding.WordNetEmbedding
): Engine.Engine => {
  const { repository, task } = served
  switch (server) {
    case "tei":
      return FeatureExtraction.tei(model, {
        ...teiOptions(served),
        ...(task === "sentence-similarity" ? { task } : {})
      })
    case "vLLM":
    case "sGLang":
      return Vllm.embedding(model, { modelId: repository })
    case "llamacpp":
      return LlamaCpp.embedding(model, { modelId: llamaName(served) })
    case "tgi":
    case "toolkit":
      return FeatureExtraction.toolkit(model, {
        task: task === "feature-extraction" || task === "sentence-similarity" ? task : "sentence-embeddings"
      })
  }
}

/** Loads the model that is quick to load; the others wait for their first request. */
export const make: Effect.Effect<Choose, never, FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  // The models ship with this package: a failure is a broken installation.
  const shipped = <A, E>(load: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>): Effect.Effect<A> =>
    load.pipe(
      // Whoever asks first may hang up: the others want the model all the same.
      Effect.uninterruptible,
      Effect.provideService(FileSystem.FileSystem, fs),
      Effect.provideService(Path.Path, path),
      Effect.orDie
    )
  const embedding = yield* shipped(WordNetEmbedding.load())
  const text = yield* Effect.cached(shipped(WordNetNGram.load))
  const language = yield* SourceLanguage.make
  return (served) => {
    const { task } = served
    const server = serverOf(served)
    if (embeddingTasks.has(task)) return embedder(served, server, embedding)
    if (rankingTasks.has(task) && server === "tei") return Reranking.tei(embedding, teiOptions(served))
    if (generationTasks.has(task))
      return lazily("wordnet-ngram", text, (model) => generator(served, server, model))
    if (task === "text-classification")
      return server === "tei"
        ? TextClassification.tei(language, teiOptions(served))
        : TextClassification.toolkit(language)
    if (task === "text-to-image") return TextToImage.toolkit()
    if (task === "automatic-speech-recognition") return SpeechRecognition.toolkit
    return none(served)
  }
})
