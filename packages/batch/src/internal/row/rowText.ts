/**
 * What is asked of a model for a plain row, and what becomes of its answer.
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import type { Message, Parameters } from "../../Inference.ts"
import type { Usage } from "../../Job.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import type { Folder } from "../../Media.ts"
import { protocolOf } from "../../Protocol.ts"
import type { Mismatch, StructuredOutput } from "../../StructuredOutput.ts"
import { type Policy, type Truncated, isCut } from "../../Truncation.ts"
import * as AskObject from "../answer/askObject.ts"
import * as MediaParts from "../media/mediaParts.ts"
import * as Spent from "../answer/spent.ts"
import * as TextAnswer from "../answer/textAnswer.ts"
import * as WholeAnswer from "../answer/wholeAnswer.ts"

/** What is asked beside the row itself. All of it is for plain rows: a batch line says everything itself. */
export interface Options {
  /** What the engine takes beside the input, as in `{ temperature: 0 }`. */
  readonly parameters?: Parameters | undefined
  /** The most tokens of an answer, under whatever name the engine has for that. */
  readonly maxTokens?: number | undefined
  /** What the conversation begins with. A row that begins with a system message of its own keeps that. */
  readonly system?: string | undefined
  /** The shape that answers must have. */
  readonly schema?: StructuredOutput<Schema.Json> | undefined
  /** How often an answer that does not fit `schema` is asked for again, 0 to 3. Default: 1. */
  readonly reasks?: number | undefined
  /** What becomes of an answer that was cut off at its limit of tokens. Default: see `Truncation.Policy`. */
  readonly onLength?: Policy | undefined
  /** The folder of the files that rows refer to. */
  readonly files?: Folder | undefined
  /** Told the id of each row whose answer was cut off and is kept; of batch lines too, whose answers are always kept. */
  readonly onKept?: ((id: string) => void) | undefined
}

/** A text that was cut off says so beside it. */
interface Plain {
  readonly [member: string]: Schema.Json
  readonly output: Schema.Json
}

type Asked = Effect.Effect<Plain, Fault | Truncated | Mismatch, CurrentEndpoint>

const withLimit = (
  { maxTokens, parameters }: Options,
  name: "max_tokens" | "max_new_tokens"
): Parameters | undefined => (maxTokens === undefined ? parameters : { ...parameters, [name]: maxTokens })

const finishReasons = (body: Schema.Json): ReadonlyArray<unknown> => {
  const choices: unknown = isObject(body) ? body["choices"] : undefined
  return Array.isArray(choices)
    ? choices.map((choice: unknown) =>
        typeof choice === "object" && choice !== null && "finish_reason" in choice
          ? choice.finish_reason
          : undefined
      )
    : []
}

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)

export const make = (options: Options = {}) => {
  const { files, maxTokens, onKept, onLength: policy, parameters, reasks = 1, schema, system } = options
  const spent = Spent.make()
  const isKept = WholeAnswer.keeps(policy, withLimit(options, "max_tokens"))

  const plain = ({ isCut, finishReason, inputTokens, outputTokens, text }: WholeAnswer.Whole): Plain =>
    spent.note(isCut ? { output: text, finish_reason: finishReason ?? "length" } : { output: text }, {
      inputTokens,
      outputTokens
    })

  const told = (key: string) => (onKept === undefined ? undefined : Effect.sync(() => onKept(key)))

  const conversation = (messages: ReadonlyArray<Message>): ReadonlyArray<Message> =>
    system === undefined || messages[0]?.role === "system"
      ? messages
      : [{ role: "system", content: system }, ...messages]

  const chat = (key: string, messages: ReadonlyArray<Message>): Asked =>
    Effect.map(
      WholeAnswer.make({
        ask: (given) => TextAnswer.chat(conversation(messages), given),
        parameters: withLimit(options, "max_tokens"),
        policy,
        onKept: told(key)
      }),
      plain
    )

  const askObject =
    schema &&
    AskObject.make({
      name: "answer",
      output: schema,
      reasks,
      parameters: withLimit(options, "max_tokens"),
      onLength: policy === "keep" ? "fail" : policy
    })

  const asksFor: Schema.JsonObject = {
    ...(parameters === undefined ? {} : { parameters }),
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(system === undefined ? {} : { system }),
    ...(schema === undefined ? {} : { schema: schema.jsonSchema }),
    ...WholeAnswer.fingerprint(policy, withLimit(options, "max_tokens"))
  }

  return {
    /** What belongs to a plain row's request beside its input; nothing where nothing was said. */
    fingerprint: Object.keys(asksFor).length === 0 ? {} : { ask: asksFor },
    /** What an output has cost, where the engine has told. */
    usageOf: (output: Schema.Json): Usage | undefined => {
      const usage = spent.of(output)
      return usage?.inputTokens === undefined && usage?.outputTokens === undefined ? undefined : usage
    },
    /** Tells of an answer to a batch line that was cut off. */
    look: (key: string, body: Schema.Json): void => {
      if (onKept === undefined) return
      if (finishReasons(body).some((reason) => typeof reason === "string" && isCut(reason))) onKept(key)
    },
    chat: (key: string, messages: ReadonlyArray<Message>): Asked =>
      MediaParts.loaded(messages, files, (ready) =>
        askObject === undefined
          ? chat(key, ready)
          : Effect.map(askObject(conversation(ready)), ({ inputTokens, outputTokens, value }) =>
              spent.note({ output: value }, { inputTokens, outputTokens })
            )
      ),
    generate: Effect.fnUntraced(function* (
      key: string,
      text: string
    ): Effect.fn.Return<Plain, Fault | Truncated, CurrentEndpoint> {
      const { endpoint } = yield* CurrentEndpoint
      const name = protocolOf(endpoint) === "openai" ? "max_tokens" : "max_new_tokens"
      const whole = yield* WholeAnswer.make({
        ask: (given) => TextAnswer.generate(text, given, !isKept),
        parameters: withLimit(options, name),
        policy,
        onKept: told(key)
      })
      return plain(whole)
    })
  }
}
