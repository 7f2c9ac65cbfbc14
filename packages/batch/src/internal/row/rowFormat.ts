/**
 * How a row's outcome is written.
 */
import * as Schema from "effect/Schema"
import type * as Journal from "../../Journal.ts"
import * as Sink from "../../Sink.ts"
import { BatchLine } from "./rowShape.ts"
import { soleMember } from "../journal/soleMember.ts"

const formatEntry = (entry: Journal.Entry): Schema.Json => {
  const { input, output } = entry
  if (entry.tag === "Failed") {
    return isBatchInput(input)
      ? { id: `batch_req_${entry.key}`, ...input, ...failureOf(entry.error) }
      : Sink.plain({ ...entry, input: Schema.is(PlainInput)(input) ? input.input : null })
  }
  // A text that was cut off says so.
  if (Schema.is(CutOutput)(output)) {
    return { id: entry.key, output: output.output, finish_reason: output.finish_reason }
  }
  return Schema.is(BatchOutput)(output)
    ? { id: `batch_req_${entry.key}`, custom_id: entry.key, response: output.response, error: null }
    : Sink.plain({ ...entry, output: Schema.is(PlainOutput)(output) ? output.output : null })
}

/** The same line for a success, from the text of its output. */
const splice = (key: string, output: string): string | undefined => {
  const plain = soleMember(output, "output")
  if (plain !== undefined) return Sink.plain.splice?.(key, plain)
  const response = soleMember(output, "response")
  const id = JSON.stringify(`batch_req_${key}`)
  return response === undefined
    ? undefined
    : `{"id":${id},"custom_id":${JSON.stringify(key)},"response":${response},"error":null}`
}

/**
 * How rows are written: an OpenAI output line for a batch line, `{"id", "output"}` for a plain row. What failed keeps what
 * it takes to run it again: a failed batch line has `method`, `url` and `body` of its input beside the members of an output
 * line.
 *
 * @source https://platform.openai.com/docs/api-reference/batch/request-output
 */
export const format: Sink.Format = Object.assign(formatEntry, { splice })

const isBatchLineJson = Schema.is(BatchLine)
const isBatchInput = (input: Schema.Json | undefined): input is Schema.JsonObject => isBatchLineJson(input)

const BatchOutput = Schema.Struct({ response: Schema.Json })
const PlainOutput = Schema.Struct({ output: Schema.Json })
const CutOutput = Schema.Struct({ output: Schema.Json, finish_reason: Schema.String })
const PlainInput = Schema.Struct({ input: Schema.Json })
const isWritten = Schema.is(
  Schema.Struct({
    reason: Schema.String,
    message: Schema.String,
    status: Schema.optionalKey(Schema.Int),
    requestId: Schema.optionalKey(Schema.String)
  })
)

/** As OpenAI names them in the body of an error. */
const typeOf = (status: number): string => {
  if (status === 401) return "authentication_error"
  if (status === 403) return "permission_error"
  if (status === 429) return "rate_limit_error"
  return status < 500 ? "invalid_request_error" : "server_error"
}

/**
 * A refusal has a response with its status and an OpenAI error as its body; what had no answer, or none that could be used,
 * has an error in place of a response.
 */
const failureOf = (
  error: Schema.Json | undefined
): { readonly response: Schema.Json; readonly error: Schema.Json } => {
  if (!isWritten(error)) {
    return { response: null, error: { code: "error", message: JSON.stringify(error ?? null) } }
  }
  const { message, reason, requestId, status } = error
  if (status === undefined || status < 300) return { response: null, error: { code: reason, message } }
  const body = { error: { message, type: typeOf(status), param: null, code: reason } }
  return { response: { status_code: status, request_id: requestId ?? null, body }, error: null }
}
