/**
 * What is done with a row of a file.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import * as Inference from "../../Inference.ts"
import * as Job from "../../Job.ts"
import type { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import type { Loaded } from "../../Media.ts"
import * as Recognition from "../../Recognition.ts"
import type * as StructuredOutput from "../../StructuredOutput.ts"
import type * as Truncation from "../../Truncation.ts"
import * as AnswerShape from "../answer/answerShape.ts"
import * as MediaLoad from "../media/mediaLoad.ts"
import * as RowMedia from "./rowMedia.ts"
import * as RowPack from "./rowPack.ts"
import * as RowText from "./rowText.ts"
import * as RowUsage from "./rowUsage.ts"
import {
  type BatchLine,
  type Kind,
  type Row,
  defaultPath,
  isBatchLine,
  keyOf,
  mayHaveMedia
} from "./rowShape.ts"

const isConversation = Schema.is(
  Schema.NonEmptyArray(
    Schema.StructWithRest(Schema.Struct({ role: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
  )
)

const messagesOf = (input: Schema.Json): ReadonlyArray<Inference.Message> =>
  isConversation(input) ? input : [{ role: "user", content: input }]

const textOf = (input: Schema.Json): string => (typeof input === "string" ? input : JSON.stringify(input))

const toBase64 = Schema.encodeEffect(Schema.Uint8ArrayFromBase64)

/** The kinds whose answers are texts. */
type TextKind = "generate" | "chat"

const runPlain = Effect.fnUntraced(function* (
  kind: Exclude<Kind, TextKind>,
  input: Schema.Json,
  parameters: Inference.Parameters | undefined
) {
  switch (kind) {
    case "embed":
      return yield* Inference.featureExtraction(textOf(input))
    case "classify":
      return yield* Inference.textClassification(textOf(input))
    case "image":
      return yield* Effect.orDie(Effect.flatMap(Inference.textToImage(textOf(input), parameters), toBase64))
    case "transcribe":
      return yield* new Fault({ reason: "row", detail: "the row holds no sound" })
    case "http": {
      const answer = yield* Inference.request({ path: "/", body: input })
      return answer.body
    }
  }
})

const runBatchLine = Effect.fnUntraced(function* (kind: Kind, row: typeof BatchLine.Type) {
  const request = { path: row.url ?? defaultPath[kind], body: row.body }
  const { status, requestId, body } = yield* Inference.request(yield* Inference.withModel(request))
  const fault = AnswerShape.faultOf(request.path, body)
  if (fault !== undefined) return yield* fault
  return { response: { status_code: status, request_id: requestId ?? null, body } }
})

const isPlain = Schema.is(Schema.Struct({ output: Schema.String }))

/** The tokens that an OpenAI answer counts itself, or about those of a text. */
const usageOf = (output: Schema.Json): Job.Usage | undefined => {
  const counted = RowUsage.usageOf(output)
  if (counted !== undefined) return counted
  return isPlain(output) ? { outputTokens: Math.ceil(output.output.length / 4) } : undefined
}

const runMedia = (
  kind: Kind,
  media: Loaded,
  { parameters }: RowText.Options
): Effect.Effect<Schema.Json, Fault, CurrentEndpoint> =>
  kind === "transcribe"
    ? Recognition.transcribe(media, parameters)
    : Effect.map(Recognition.classify(media), (labels): Schema.Json => [...labels])

/** What a row of a file can fail with. */
export type RowError = Fault | StructuredOutput.Mismatch | Truncation.Truncated

/**
 * The job for rows of a file. A batch line is sent as it is to its own `url`; a plain row is sent in the endpoint's own
 * protocol, with what `options` say. A text that was cut off and kept has its `finish_reason` beside it.
 */
export const job = (kind: Kind, options: RowText.Options = {}): Job.Job<Row, Schema.Json, RowError> => {
  const text = RowText.make(options)
  const withOutput = (output: Schema.Json): Schema.Json => ({ output })
  const runOne = (row: Row): Effect.Effect<Schema.Json, RowError, CurrentEndpoint> => {
    if (isBatchLine(row)) {
      return Effect.tap(runBatchLine(kind, row), ({ response }) =>
        Effect.sync(() => text.look(row.custom_id, response.body))
      )
    }
    if (kind === "chat") return text.chat(keyOf(row), messagesOf(row.input))
    const media = kind === "classify" || kind === "transcribe" ? RowMedia.mediaOf(row.input) : undefined
    if (media !== undefined) {
      return MediaLoad.one(media, options.files, (loaded) =>
        Effect.map(runMedia(kind, loaded, options), withOutput)
      )
    }
    if (kind === "generate") return text.generate(keyOf(row), textOf(row.input))
    return Effect.map(runPlain(kind, row.input, options.parameters), withOutput)
  }
  return Job.make<Row, Schema.Json, RowError>({
    name: kind,
    key: keyOf,
    fingerprint: (row): Schema.Json =>
      isBatchLine(row)
        ? { url: row.url ?? defaultPath[kind], body: row.body }
        : { input: mayHaveMedia(kind) ? RowMedia.fingerprint(row.input) : row.input, ...text.fingerprint },
    output: Schema.Json,
    run: runOne,
    isDeterministic: kind === "embed" || kind === "classify",
    lengthOf: kind === "embed" ? RowPack.lengthOf : undefined,
    pack: RowPack.forKind(kind),
    usage: (output) => text.usageOf(output) ?? usageOf(output)
  })
}
