/**
 * What is done with a row of a file.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Inference from "../Inference.ts"
import * as Job from "../Job.ts"
import * as AnswerShape from "./answerShape.ts"
import { type BatchLine, type Kind, type Row, defaultPath, isBatchLine, keyOf } from "./rowShape.ts"

const isConversation = Schema.is(
  Schema.NonEmptyArray(
    Schema.StructWithRest(Schema.Struct({ role: Schema.String }), [Schema.Record(Schema.String, Schema.Json)])
  )
)

const messagesOf = (input: Schema.Json): ReadonlyArray<Inference.Message> =>
  isConversation(input) ? input : [{ role: "user", content: input }]

const textOf = (input: Schema.Json): string => (typeof input === "string" ? input : JSON.stringify(input))

const toBase64 = Schema.encodeEffect(Schema.Uint8ArrayFromBase64)

const runPlain = Effect.fnUntraced(function* (kind: Kind, input: Schema.Json) {
  switch (kind) {
    case "embed":
      return yield* Inference.featureExtraction(textOf(input))
    case "classify":
      return yield* Inference.textClassification(textOf(input))
    case "generate":
      return yield* Inference.textGeneration(textOf(input))
    case "chat":
      return yield* Inference.chatCompletion(messagesOf(input))
    case "image":
      return yield* Effect.orDie(Effect.flatMap(Inference.textToImage(textOf(input)), toBase64))
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

const Counted = Schema.Struct({
  response: Schema.Struct({
    body: Schema.Struct({
      usage: Schema.Struct({
        prompt_tokens: Schema.optionalKey(Schema.Finite),
        completion_tokens: Schema.optionalKey(Schema.Finite)
      })
    })
  })
})
const isCounted = Schema.is(Counted)
const isPlain = Schema.is(Schema.Struct({ output: Schema.String }))

/** The tokens that an OpenAI answer counts itself, or about those of a text. */
const usageOf = (output: Schema.Json): Job.Usage | undefined => {
  if (isCounted(output)) {
    const { completion_tokens: outputTokens, prompt_tokens: inputTokens } = output.response.body.usage
    return { inputTokens, outputTokens }
  }
  return isPlain(output) ? { outputTokens: Math.ceil(output.output.length / 4) } : undefined
}

/**
 * The job for rows of a file. A batch line is sent as it is to its own `url`; a plain row is sent in the endpoint's own
 * protocol.
 */
export const job = (kind: Kind): Job.Job<Row, Schema.Json> =>
  Job.make<Row, Schema.Json>({
    name: kind,
    key: keyOf,
    fingerprint: (row): Schema.Json =>
      isBatchLine(row) ? { url: row.url ?? defaultPath[kind], body: row.body } : { input: row.input },
    output: Schema.Json,
    run: (row) =>
      isBatchLine(row)
        ? runBatchLine(kind, row)
        : Effect.map(runPlain(kind, row.input), (output): Schema.Json => ({ output })),
    isDeterministic: kind === "embed" || kind === "classify",
    usage: usageOf
  })
