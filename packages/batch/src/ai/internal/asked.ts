/**
 * What a request says beside its messages: the tools, and the shape of the answer.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import type { Parameters } from "../../Inference.ts"
import * as ClosedSchema from "../../internal/answer/closedSchema.ts"
import * as SchemaShape from "../../internal/answer/schemaShape.ts"
import type { Protocol } from "../../Protocol.ts"
import * as Reasons from "./reasons.ts"

type Options = LanguageModel.ProviderOptions

/** Objects are closed and answers are read as the JSON that a schema's values are written down in. */
export const codecTransformer: LanguageModel.CodecTransformer = (schema) => {
  const { definitions, schema: root } = SchemaShape.toJson(
    Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error", generateDescriptions: true })
  )
  return { codec: Schema.toCodecJson(schema), jsonSchema: ClosedSchema.rooted(root, definitions) }
}

const toJson = Schema.decodeUnknownEffect(Schema.Json)

/** What a schema has no JSON Schema for throws. */
const schemaOf = (where: Reasons.Where, make: () => unknown): Effect.Effect<Schema.Json, AiError.AiError> => {
  const refused = (error: unknown) =>
    Reasons.make(
      where,
      new AiError.UnsupportedSchemaError({
        description: `${error instanceof Error ? error.message : String(error)} Nothing was sent.`
      })
    )
  return Effect.flatMap(Effect.try({ try: make, catch: refused }), (json) =>
    Effect.mapError(toJson(json), refused)
  )
}

const toolOf = (where: Reasons.Where) =>
  Effect.fnUntraced(function* (tool: Tool.Any): Effect.fn.Return<Schema.Json, AiError.AiError> {
    if (Tool.isProviderDefined(tool)) {
      return yield* Reasons.make(
        where,
        new AiError.ToolConfigurationError({
          toolName: tool.name,
          description: `"${tool.name}" is run by another provider: an endpoint calls only tools of your own. Nothing was sent.`
        })
      )
    }
    const parameters = yield* schemaOf(where, () => Tool.getJsonSchema(tool))
    const description = Tool.getDescription(tool)
    return {
      type: "function",
      function: { name: tool.name, ...(description === undefined ? {} : { description }), parameters }
    }
  })

/** The tools are filtered already where only some may be called. */
const choiceOf = (choice: Options["toolChoice"]): Schema.Json => {
  if (typeof choice === "string") return choice
  return "tool" in choice ? { type: "function", function: { name: choice.tool } } : (choice.mode ?? "auto")
}

const toolsOf = (
  { toolChoice, tools }: Options,
  where: Reasons.Where
): Effect.Effect<Parameters, AiError.AiError> =>
  tools.length === 0
    ? Effect.succeed({})
    : Effect.map(Effect.forEach(tools, toolOf(where)), (tools) => ({
        tools,
        tool_choice: choiceOf(toolChoice)
      }))

/** The schema of an answer that has one. */
export const schemaOfAnswer = (
  { responseFormat }: Options,
  where: Reasons.Where
): Effect.Effect<Schema.Json | undefined, AiError.AiError> =>
  responseFormat.type === "text"
    ? Effect.undefined
    : schemaOf(where, () => codecTransformer(responseFormat.schema).jsonSchema)

/**
 * The schema in the words of the engine.
 *
 * @source contract: data plane. TGI takes the schema itself as `value`; vLLM, SGLang and llama.cpp take OpenAI's form.
 */
const formatOf = (
  { responseFormat }: Options,
  protocol: Protocol,
  schema: Schema.Json | undefined
): Parameters =>
  responseFormat.type === "text" || schema === undefined
    ? {}
    : {
        response_format:
          protocol === "tgi"
            ? { type: "json", value: schema }
            : {
                type: "json_schema",
                json_schema: {
                  name: responseFormat.objectName,
                  strict: ClosedSchema.isStrict(schema),
                  schema
                }
              }
      }

/** What a request says beside its messages and the parameters of its caller; the schema, where it is to be sent. */
export const from = (
  options: Options,
  protocol: Protocol,
  where: Reasons.Where,
  schema: Schema.Json | undefined
): Effect.Effect<Parameters, AiError.AiError> =>
  Effect.map(toolsOf(options, where), (tools) => ({ ...tools, ...formatOf(options, protocol, schema) }))
