/**
 * What an answer of an OpenAI engine says that it has cost.
 */
import * as Schema from "effect/Schema"
import type { Usage } from "../../Job.ts"

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

/**
 * The tokens that the output of a row counts itself; `undefined` where it counts none, as an embedding of an engine that does
 * not speak OpenAI's protocol.
 *
 * **Example**
 *
 * ```ts
 * import { Row } from "@stint/batch"
 *
 * const output = { response: { status_code: 200, body: { usage: { prompt_tokens: 12, completion_tokens: 3 } } } }
 *
 * console.log(Row.usageOf(output)?.outputTokens) // => 3
 * console.log(Row.usageOf({ output: "a text" })) // => undefined
 * ```
 *
 * @source https://platform.openai.com/docs/api-reference/chat/object: `usage`
 */
export const usageOf = (output: Schema.Json): Usage | undefined => {
  if (!isCounted(output)) return undefined
  const { completion_tokens: outputTokens, prompt_tokens: inputTokens } = output.response.body.usage
  return { inputTokens, outputTokens }
}
