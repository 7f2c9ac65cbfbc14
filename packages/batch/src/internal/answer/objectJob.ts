/**
 * The job that asks for answers of a given shape.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import type * as Inference from "../../Inference.ts"
import type { Job } from "../../Job.ts"
import type { Folder } from "../../Media.ts"
import * as StructuredOutput from "../../StructuredOutput.ts"
import type * as Truncation from "../../Truncation.ts"
import * as AskObject from "./askObject.ts"
import * as MediaParts from "../media/mediaParts.ts"
import * as Spent from "./spent.ts"

interface Keyed<In> {
  readonly name?: string | undefined
  readonly key: (input: In) => string
}

/** What a model is asked: one text, or a conversation. */
type Asked<In> =
  | { readonly prompt: (input: In) => string; readonly messages?: undefined }
  | { readonly messages: (input: In) => ReadonlyArray<Inference.Message>; readonly prompt?: undefined }

const nameOf = (name: string) => name.replaceAll(/[^\w-]+/g, "_").slice(0, 64)

/**
 * Asks a chat model for one JSON value per item, of a shape that a schema gives.
 *
 * The schema is sent as `response_format`, in the words of the engine; to an engine that refuses it, in the prompt. Every
 * answer is decoded: a code fence or prose around the JSON is passed over, a member that the schema does not name, or two
 * values, is a mismatch. The model is then told what does not fit and asked again, `reasks` times (0 to 3, default 1),
 * within the same attempt; after that the item fails with `Mismatch`. An answer that was cut off is never decoded: it fails
 * with `Truncated`, or is asked for again with more room where `onLength` says so.
 *
 * **Example** (Facts out of texts)
 *
 * ```ts
 * import { Job } from "@stint/batch"
 * import { Schema } from "effect"
 *
 * const Review = Schema.Struct({
 *   sentiment: Schema.Literals(["good", "bad", "mixed"]),
 *   complaints: Schema.Array(Schema.String)
 * })
 * const read = Job.object({
 *   key: (row: { id: string; text: string }) => row.id,
 *   prompt: (row) => `What does this customer think?\n\n${row.text}`,
 *   schema: Review,
 *   parameters: { max_tokens: 500 }
 * })
 * ```
 */
export const object = <In, A>(
  options: Keyed<In> &
    Asked<In> & {
      readonly schema: Schema.ConstraintCodec<A, unknown> | StructuredOutput.StructuredOutput<A>
      readonly parameters?: Inference.Parameters | undefined
      /** Where the files are that messages refer to: see `Media.part`. */
      readonly files?: Folder | undefined
      readonly reasks?: number | undefined
      readonly onLength?: "fail" | { readonly retryWith: Truncation.RetryWith } | undefined
    }
): Job<In, A, Fault | StructuredOutput.Mismatch | Truncation.Truncated> => {
  const { onLength, parameters, schema } = options
  const name = options.name ?? "object"
  const output = "jsonSchema" in schema ? schema : StructuredOutput.make(schema)
  const reasks = Math.min(3, Math.max(0, Math.trunc(options.reasks ?? 1)))
  const ask = AskObject.make({ name: nameOf(name), output, reasks, parameters, onLength })
  const spent = Spent.make()
  const messagesOf = (input: In): ReadonlyArray<Inference.Message> =>
    options.messages?.(input) ?? [{ role: "user", content: options.prompt?.(input) ?? "" }]
  return {
    name,
    key: options.key,
    fingerprint: (input): Schema.Json => ({
      messages: MediaParts.fingerprint(messagesOf(input)),
      parameters: parameters ?? {},
      schema: output.jsonSchema
    }),
    output: output.codec,
    run: (input) =>
      Effect.map(
        MediaParts.loaded(messagesOf(input), options.files, ask),
        ({ inputTokens, outputTokens, value }) => spent.note(value, { inputTokens, outputTokens })
      ),
    isDeterministic: false,
    usage: spent.of
  }
}
