/** Which engine runs in an endpoint's container: by task and image, whatever the repository is called. */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as FeatureExtraction from "../engine/FeatureExtraction.ts"
import * as TextClassification from "../engine/TextClassification.ts"
import * as SourceLanguage from "../SourceLanguage.ts"
import * as WordNetEmbedding from "../WordNetEmbedding.ts"
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

const teiOptions = ({ env, image }: Served) => {
  const url = Image.fieldsOf(image)["url"]
  const batch = Number(env["MAX_CLIENT_BATCH_SIZE"] ?? 32)
  const minor = typeof url === "string" ? /:(?:[a-z]+-)?1\.(\d+)/.exec(url)?.[1] : undefined
  return {
    release: minor !== undefined && Number(minor) >= 9 ? ("1.9" as const) : ("1.8" as const),
    ...(Number.isInteger(batch) && batch > 0 ? { maxClientBatchSize: batch } : {})
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

/** Loads the models that are quick to load; the classifier's network waits for its first request. */
export const make: Effect.Effect<Choose, never, FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  // The model ships with this package: a failure is a broken installation.
  const embedding = yield* Effect.orDie(WordNetEmbedding.load())
  const language = yield* SourceLanguage.make
  return (served) => {
    const isTei = Image.variantOf(served.image) === "tei"
    if (embeddingTasks.has(served.task)) {
      const task = served.task === "feature-extraction" ? "feature-extraction" : "sentence-embeddings"
      return isTei
        ? FeatureExtraction.tei(embedding, teiOptions(served))
        : FeatureExtraction.toolkit(embedding, { task })
    }
    if (served.task === "text-classification")
      return isTei
        ? TextClassification.tei(language, teiOptions(served))
        : TextClassification.toolkit(language)
    return none(served)
  }
})
