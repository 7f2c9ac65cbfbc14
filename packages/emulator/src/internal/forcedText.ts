/**
 * The text of a generation that a request prescribes: JSON by a schema, or a call of a tool.
 *
 * No model here can follow a schema. The servers answer with the smallest JSON that it allows, so that what
 * reads the answer finds what it was promised, and do not pretend that it was thought of.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { TextModel, Token } from "../TextModel.ts"
import * as Engine from "../Engine.ts"
import * as JsonInstance from "./jsonInstance.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Tool = Schema.Struct({
  function: Schema.Struct({
    name: Schema.String,
    parameters: optional(Schema.Json),
    arguments: optional(Schema.Json)
  })
})
type Tool = typeof Tool.Type

/** The fields of a chat request that prescribe its answer. */
export const fields = {
  response_format: optional(
    Schema.Struct({
      type: Schema.String,
      json_schema: optional(Schema.Struct({ schema: optional(Schema.Json) })),
      // TGI's spelling of the same.
      value: optional(Schema.Json)
    })
  ),
  tools: optional(Schema.Array(Tool)),
  tool_choice: optional(
    Schema.Union([Schema.String, Schema.Struct({ function: Schema.Struct({ name: Schema.String }) })])
  )
}

const Request = Schema.Struct(fields)

/** What a request prescribes. */
export interface Forced {
  readonly text: string
  /** The tool that is called, the text being its arguments. */
  readonly tool?: string | undefined
}

const toJson = Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

const bad = (message: string) => new Engine.Refusal({ reason: "Malformed", message })

const instance = (schema: Schema.Json) => Effect.orDie(toJson(JsonInstance.make(schema)))

const isObject = Schema.is(Schema.JsonObject)

/** What a tool takes; without a word of it, nothing. */
const parameters = ({ function: { arguments: old, parameters } }: Tool): Schema.Json =>
  parameters ?? old ?? { type: "object" }

/** TGI's `value` is a schema, or an object with a name that has it. */
const inner = (value: Schema.Json | null | undefined): Schema.Json | null | undefined =>
  isObject(value) && value["schema"] !== undefined ? value["schema"] : value

/** Reads what a request prescribes; nothing for most. Tools that the model may call it never calls. */
export const read = Effect.fnUntraced(function* (
  request: typeof Request.Type
): Effect.fn.Return<Forced | undefined, Engine.Refusal> {
  const { response_format: format, tool_choice: choice, tools } = request
  if (typeof choice === "object" && choice !== null) {
    if (!tools) return yield* bad("When using `tool_choice`, `tools` must be set.")
    const tool = tools.find(({ function: { name } }) => name === choice.function.name)
    if (tool === undefined)
      return yield* bad("The tool specified in `tool_choice` does not match any of the specified `tools`")
    return { text: yield* instance(parameters(tool)), tool: tool.function.name }
  }
  if (choice === "required") {
    const tool = tools?.[0]
    if (tool === undefined) return yield* bad("When using `tool_choice`, `tools` must be set.")
    return { text: yield* instance(parameters(tool)), tool: tool.function.name }
  }
  const schema =
    format?.type === "json_schema" ? (format.json_schema?.schema ?? inner(format.value)) : format?.value
  switch (format?.type) {
    case "json_object":
      return { text: yield* instance(schema ?? { type: "object" }) }
    case "json_schema":
    case "json":
      if (schema === undefined || schema === null) return yield* bad("`response_format` needs a schema")
      return { text: yield* instance(schema) }
  }
  return undefined
})

/** The tokens of a prescribed text, as if the model had been sure of each. */
export const tokens = (model: TextModel, text: string, maxTokens: number): ReadonlyArray<Token> => {
  const pieces = model.tokenize(text)
  if (pieces.length >= maxTokens) {
    return pieces.slice(0, maxTokens).map((piece, i) => ({
      ...piece,
      logprob: 0,
      special: false,
      finishReason: i === maxTokens - 1 ? ("length" as const) : undefined
    }))
  }
  return [
    ...pieces.map((piece) => ({ ...piece, logprob: 0, special: false })),
    { id: 1, text: "", logprob: 0, special: true, finishReason: "eos" as const }
  ]
}
