/**
 * The typed work that is done for each item of a batch.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Fault } from "./Fault.ts"
import * as EngineInfo from "./internal/protocol/engineInfo.ts"
import * as TextAnswer from "./internal/answer/textAnswer.ts"
import * as WholeAnswer from "./internal/answer/wholeAnswer.ts"
import * as Inference from "./Inference.ts"
import * as MediaParts from "./internal/media/mediaParts.ts"
import type { CurrentEndpoint } from "./ManagedEndpoint.ts"
import type { Folder } from "./Media.ts"
import type { Packing } from "./Packing.ts"
import type * as Truncation from "./Truncation.ts"

export { classifyMedia, transcribe } from "./internal/media/mediaJobs.ts"
export { object } from "./internal/answer/objectJob.ts"

/**
 * A job: how an item is named, how it is recognised again, and what is done with it.
 *
 * The fingerprint is everything that decides the answer, as JSON: same key and same fingerprint, same work.
 */
export interface Job<In, Out, E = Fault, R = CurrentEndpoint> {
  readonly name: string
  /** The item's stable identity; unique within a batch. */
  readonly key: (input: In) => string
  readonly fingerprint: (input: In) => Schema.Json
  /** How an output is written down. */
  readonly output: Schema.ConstraintCodec<Out, unknown>
  /** One attempt. A `Fault` is classified and perhaps retried; any other error fails the item. */
  readonly run: (input: In) => Effect.Effect<Out, E, R>
  /** Whether the same request always has the same answer. */
  readonly isDeterministic: boolean
  /** How many tokens an output has cost, where it tells: for limits that go by them. */
  readonly usage?: ((output: Out) => Usage | undefined) | undefined
  /** How many numbers an output has, where all of a run must have as many: one that has not is a fault, never a result. */
  readonly lengthOf?: ((output: Out) => number | undefined) | undefined
  /** How many inputs are done with one request. Absent: each has its own. */
  readonly pack?: Packing<In, Out, E, R> | undefined
}

/** Tokens, as far as they are known. */
export interface Usage {
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
}

/** A token of a European language is about four letters. */
const usageOfText = (text: string): Usage => ({ outputTokens: Math.ceil(text.length / 4) })

/**
 * A job of one's own.
 *
 * **Example** (The length of a vector)
 *
 * ```ts
 * import { Inference, Job } from "@stint/batch"
 * import { Effect, Schema } from "effect"
 *
 * const norm = Job.make({
 *   name: "norm",
 *   key: (row: { id: string; text: string }) => row.id,
 *   fingerprint: (row) => row.text,
 *   output: Schema.Finite,
 *   run: (row) => Effect.map(Inference.featureExtraction(row.text), (vector) => Math.hypot(...vector))
 * })
 * ```
 */
export const make = <In, Out, E = Fault, R = CurrentEndpoint>(
  options: Omit<Job<In, Out, E, R>, "isDeterministic"> & { readonly isDeterministic?: boolean | undefined }
): Job<In, Out, E, R> => ({ ...options, isDeterministic: options.isDeterministic ?? false })

interface Keyed<In> {
  readonly name?: string | undefined
  readonly key: (input: In) => string
}

/**
 * Embeds one text per item, many with one request where the engine takes lists. The answer is deterministic; a vector of
 * another length than the run's others is a fault.
 */
export const embed = <In>(
  options: Keyed<In> & { readonly text: (input: In) => string }
): Job<In, ReadonlyArray<number>> =>
  make({
    name: options.name ?? "embed",
    key: options.key,
    fingerprint: options.text,
    output: Schema.Array(Schema.Finite),
    run: (input) => Inference.featureExtraction(options.text(input)),
    lengthOf: (vector) => vector.length,
    pack: {
      bounds: EngineInfo.forEmbedding,
      run: (inputs) => Inference.featureExtractions(inputs.map(options.text))
    },
    isDeterministic: true
  })

/**
 * Classifies one text per item, many with one request where the engine takes lists. The answer is deterministic.
 */
export const classify = <In>(
  options: Keyed<In> & { readonly text: (input: In) => string }
): Job<In, ReadonlyArray<Inference.Label>> =>
  make({
    name: options.name ?? "classify",
    key: options.key,
    fingerprint: options.text,
    output: Schema.Array(Inference.Label),
    run: (input) => Inference.textClassification(options.text(input)),
    pack: {
      bounds: EngineInfo.forClassification,
      run: (inputs) => Inference.textClassifications(inputs.map(options.text))
    },
    isDeterministic: true
  })

interface Prompted<In> extends Keyed<In> {
  readonly prompt: (input: In) => string
  readonly parameters?: Inference.Parameters | undefined
}

const promptFingerprint =
  <In>(options: Prompted<In>) =>
  (input: In): Schema.JsonObject => ({ prompt: options.prompt(input), parameters: options.parameters ?? {} })

interface CutOff<In> {
  /** What becomes of an answer that was cut off at its limit of tokens. Default: see `Truncation.Policy`. */
  readonly onLength?: Truncation.Policy | undefined
  /** Told of each answer that was cut off and kept. */
  readonly onKept?: ((input: In) => Effect.Effect<void>) | undefined
}

/**
 * Continues one text per item. A text that was cut off at its limit of tokens goes by `onLength`; where that fails such
 * items, TGI is asked for its details, which hold every token.
 */
export const generate = <In>(
  options: Prompted<In> & CutOff<In>
): Job<In, string, Fault | Truncation.Truncated> => {
  const { onKept, onLength: policy, parameters } = options
  const request = promptFingerprint(options)
  const tells = !WholeAnswer.keeps(policy, parameters) || onKept !== undefined
  return make({
    name: options.name ?? "generate",
    key: options.key,
    fingerprint: (input) => ({ ...request(input), ...WholeAnswer.fingerprint(policy, parameters) }),
    output: Schema.String,
    run: (input) =>
      Effect.map(
        WholeAnswer.make({
          ask: (given) => TextAnswer.generate(options.prompt(input), given, tells),
          parameters,
          policy,
          onKept: onKept?.(input)
        }),
        ({ text }) => text
      ),
    usage: usageOfText
  })
}

/**
 * Continues one conversation per item. An answer that was cut off at its limit of tokens goes by `onLength`.
 *
 * **Example** (Summarising rows)
 *
 * ```ts
 * import { Job } from "@stint/batch"
 *
 * const summarise = Job.chat({
 *   key: (row: { id: string; prompt: string }) => row.id,
 *   messages: (row) => [{ role: "user", content: row.prompt }]
 * })
 * ```
 */
export const chat = <In>(
  options: Keyed<In> &
    CutOff<In> & {
      readonly messages: (input: In) => ReadonlyArray<Inference.Message>
      readonly parameters?: Inference.Parameters | undefined
      /** Where the files are that messages refer to: see `Media.part`. */
      readonly files?: Folder | undefined
    }
): Job<In, string, Fault | Truncation.Truncated> => {
  const { files, onKept, onLength: policy, parameters } = options
  return make({
    name: options.name ?? "chat",
    key: options.key,
    fingerprint: (input): Schema.Json => ({
      messages: MediaParts.fingerprint(options.messages(input)),
      parameters: parameters ?? {},
      ...WholeAnswer.fingerprint(policy, parameters)
    }),
    output: Schema.String,
    run: (input) =>
      Effect.map(
        MediaParts.loaded(options.messages(input), files, (messages) =>
          WholeAnswer.make({
            ask: (given) => TextAnswer.chat(messages, given),
            parameters,
            policy,
            onKept: onKept?.(input)
          })
        ),
        ({ text }) => text
      ),
    usage: usageOfText
  })
}

/**
 * Draws one picture per item; the output is PNG, written down as Base64.
 */
export const image = <In>(options: Prompted<In>): Job<In, Uint8Array> =>
  make({
    name: options.name ?? "image",
    key: options.key,
    fingerprint: promptFingerprint(options),
    output: Schema.Uint8ArrayFromBase64,
    run: (input) => Inference.textToImage(options.prompt(input), options.parameters)
  })

/**
 * Sends one JSON request per item, and decodes the answer with a schema of one's own.
 *
 * An answer that does not fit the schema fails the item.
 */
export const http = <In, Out>(
  options: Keyed<In> & {
    readonly request: (input: In) => Inference.Request
    readonly output: Schema.ConstraintCodec<Out, unknown>
    readonly isDeterministic?: boolean | undefined
  }
): Job<In, Out> => {
  const decode = Schema.decodeUnknownEffect(options.output)
  return make({
    name: options.name ?? "http",
    key: options.key,
    fingerprint: (input): Schema.Json => {
      const { path, body } = options.request(input)
      return { path, body }
    },
    output: options.output,
    isDeterministic: options.isDeterministic,
    run: (input) =>
      Effect.gen(function* () {
        const what = yield* Inference.withModel(options.request(input))
        const answer = yield* Inference.request(what)
        return yield* Effect.mapError(
          decode(answer.body),
          (error) => new Fault({ reason: "row", detail: `the answer does not fit: ${error.message}` })
        )
      })
  })
}
