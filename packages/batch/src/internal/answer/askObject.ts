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
import * as SchemaInPrompt from "./schemaInPrompt.ts"
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

/** Makes the asking for one job: what was learnt of an endpoint holds for as long as it is held. */
export const make = <A>(options: Options<A>) => {
  const { output, parameters, reasks } = options
  const instruction = SchemaInPrompt.instruction(output.jsonSchema)
  const refusing = new WeakSet<CurrentEndpoint["Service"]>()

  const correction = (problem: string) =>
    `This answer was not accepted: ${problem}. ${instruction.replace("Answer", "Answer again")}`

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
    const byPrompt = asked(SchemaInPrompt.instructed(messages, instruction), {})
    if (refusing.has(held)) return yield* byPrompt
    const format = responseFormat(protocolOf(held.endpoint), options.name, output)
    return yield* Effect.catchTag(asked(messages, { response_format: format }), "Fault", (fault) =>
      SchemaInPrompt.refusesFormat(fault)
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
