/**
 * Asks a chat model for an answer of a given shape, and tells it what does not fit.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import type { Message, Parameters } from "../../Inference.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import { type Protocol, protocolOf } from "../../Protocol.ts"
import { Mismatch, type StructuredOutput } from "../../StructuredOutput.ts"
import type { RetryWith, Truncated } from "../../Truncation.ts"
import { safe } from "../input/problemText.ts"
import * as TextAnswer from "./textAnswer.ts"
import * as WholeAnswer from "./wholeAnswer.ts"

export interface Options<A> {
  /** What the schema is called in requests. */
  readonly name: string
  readonly output: StructuredOutput<A>
  /** How often the model is asked again. */
  readonly reasks: number
  readonly parameters: Parameters | undefined
  readonly onLength: "fail" | { readonly retryWith: RetryWith } | undefined
}

/** A value, and what both asks have cost. */
export interface Answered<A> {
  readonly value: A
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

/** How much of an answer is shown to whoever reads the error, and to the model that is asked again. */
const SHOWN = 200
const REPEATED = 8000

/**
 * The schema in the words of the engine.
 *
 * @source contract: data plane. TGI takes the schema itself as `value`; vLLM, SGLang and llama.cpp take OpenAI's form.
 */
const responseFormat = (
  protocol: Protocol,
  name: string,
  { isStrict, jsonSchema }: StructuredOutput<unknown>
): Schema.Json =>
  protocol === "tgi"
    ? { type: "json", value: jsonSchema }
    : { type: "json_schema", json_schema: { name, strict: isStrict, schema: jsonSchema } }

const isText = (json: Schema.Json | undefined): json is string => typeof json === "string"

/** Some templates have room for one system message alone, in the first place. */
const instructed = (messages: ReadonlyArray<Message>, instruction: string): ReadonlyArray<Message> => {
  const [first, ...rest] = messages
  const content = first?.["content"]
  return first?.role === "system" && isText(content)
    ? [{ ...first, content: `${content}\n\n${instruction}` }, ...rest]
    : [{ role: "system", content: instruction }, ...messages]
}

const speaksOfFormat =
  /response_?format|json_schema|json schema|guided|grammar|structured[ _]?output|xgrammar|outlines|llguidance/i

/** Whether the engine has refused the schema, as far as its words tell. */
const refusesFormat = ({ detail, status }: Fault) =>
  status !== undefined && [400, 404, 422, 500, 501].includes(status) && speaksOfFormat.test(detail ?? "")

/** Makes the asking for one job: what was learnt of an endpoint holds for as long as it is held. */
export const make = <A>(options: Options<A>) => {
  const { output, parameters, reasks } = options
  const schemaText = JSON.stringify(output.jsonSchema)
  const instruction = `Answer with one JSON value that fits this JSON Schema, and with nothing else:\n${schemaText}`
  const refusing = new WeakSet<CurrentEndpoint["Service"]>()

  const correction = (problem: string) =>
    `This answer was not accepted: ${problem}. Answer again with one JSON value that fits this JSON Schema, and with nothing else:\n${schemaText}`

  const asked = (messages: ReadonlyArray<Message>, more: Parameters) =>
    WholeAnswer.make({
      ask: (given) => TextAnswer.chat(messages, { ...given, ...more }),
      parameters,
      policy: options.onLength ?? "fail"
    })

  const ask = Effect.fnUntraced(function* (
    messages: ReadonlyArray<Message>
  ): Effect.fn.Return<WholeAnswer.Whole, Fault | Truncated, CurrentEndpoint> {
    const held = yield* CurrentEndpoint
    const byPrompt = asked(instructed(messages, instruction), {})
    if (refusing.has(held)) return yield* byPrompt
    const format = responseFormat(protocolOf(held.endpoint), options.name, output)
    return yield* Effect.catchTag(asked(messages, { response_format: format }), "Fault", (fault) =>
      refusesFormat(fault)
        ? Effect.tap(byPrompt, () => {
            // Only now it is known to be the schema: the row was not refused without it.
            if (refusing.has(held)) return Effect.void
            refusing.add(held)
            return Effect.logWarning(
              `The endpoint ${held.endpoint.name} does not take a schema (${safe(fault.message)}): from here on it stands in the prompt, and answers are checked as before.`
            )
          })
        : Effect.fail(fault)
    )
  })

  return Effect.fnUntraced(function* (
    messages: ReadonlyArray<Message>
  ): Effect.fn.Return<Answered<A>, Fault | Truncated | Mismatch, CurrentEndpoint> {
    const { conceal } = yield* CurrentEndpoint
    let conversation = messages
    let said = yield* ask(conversation)
    for (let asks = 1; ; asks++) {
      const read = output.read(said.text)
      if (Result.isSuccess(read)) {
        return { value: read.success, inputTokens: said.inputTokens, outputTokens: said.outputTokens }
      }
      const problem = read.failure.join("; ")
      if (asks > reasks) {
        return yield* new Mismatch({ problem: conceal(problem), asks, said: safe(conceal(said.text), SHOWN) })
      }
      conversation = [
        ...messages,
        { role: "assistant", content: said.text.slice(0, REPEATED) },
        { role: "user", content: correction(problem) }
      ]
      said = WholeAnswer.summed(said, yield* ask(conversation))
    }
  })
}
