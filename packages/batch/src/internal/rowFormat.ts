/**
 * How a row's outcome is written.
 */
import * as Schema from "effect/Schema"
import type * as Journal from "../Journal.ts"
import * as Sink from "../Sink.ts"
import { BatchLine } from "./rowShape.ts"
import { soleMember } from "./soleMember.ts"

const formatEntry = (entry: Journal.Entry): Schema.Json => {
  const { input, output } = entry
  if (entry.tag === "Failed") {
    return isBatchInput(input)
      ? { id: `batch_req_${entry.key}`, ...input, response: null, error: openAiError(entry.error) }
      : Sink.plain({ ...entry, input: Schema.is(PlainInput)(input) ? input.input : null })
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
 * it takes to run it again.
 */
export const format: Sink.Format = Object.assign(formatEntry, { splice })

const isBatchLineJson = Schema.is(BatchLine)
const isBatchInput = (input: Schema.Json | undefined): input is Schema.JsonObject => isBatchLineJson(input)

const BatchOutput = Schema.Struct({ response: Schema.Json })
const PlainOutput = Schema.Struct({ output: Schema.Json })
const PlainInput = Schema.Struct({ input: Schema.Json })
const WrittenError = Schema.Struct({ reason: Schema.String, message: Schema.String })

const openAiError = (error: Schema.Json | undefined): Schema.Json =>
  Schema.is(WrittenError)(error) ? { code: error.reason, message: error.message } : null
