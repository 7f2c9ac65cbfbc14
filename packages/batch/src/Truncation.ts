/**
 * What becomes of an answer that was cut off at its limit of tokens.
 *
 * Engines give such an answer with status 200. Its `finish_reason` is `length` on the routes of TGI, vLLM, SGLang and
 * llama.cpp; `max_tokens` and `model_length` mean the same elsewhere. TGI's own route tells it in the answer's details,
 * which are asked for where they are needed. The managed toolkit never tells: there no answer counts as cut off.
 */
import * as Schema from "effect/Schema"

/** How an answer that was cut off is asked for again, once, with more room. */
export interface RetryWith {
  /** By how much the limit grows, from 1 to 16. Default: 2. */
  readonly factor?: number | undefined
  /** The most tokens that are ever asked for. Default: no bound but the factor's. */
  readonly limit?: number | undefined
}

/**
 * What becomes of an answer that was cut off.
 *
 * | policy | effect |
 * | --- | --- |
 * | `fail` | the item fails with {@link Truncated} |
 * | `keep` | the text is the item's output as far as it goes |
 * | `{ retryWith }` | asked once more with a higher limit; cut off again, the item fails |
 *
 * The default is `keep` where the request names a limit of its own (`max_tokens`, `max_completion_tokens`,
 * `max_new_tokens`), because somebody meant it, and `fail` where the engine's own limit has cut the answer, because nobody
 * asked for half a text.
 */
export type Policy = "fail" | "keep" | { readonly retryWith: RetryWith }

/**
 * The answer was cut off at its limit of tokens. `said` is how it began.
 */
export class Truncated extends Schema.TaggedError<Truncated>()("Truncated", {
  finishReason: Schema.String,
  /** The limit that the request named, if it named one. */
  maxTokens: Schema.optional(Schema.Int),
  /** How many tokens were written, where the engine tells. */
  outputTokens: Schema.optional(Schema.Int),
  said: Schema.String
}) {
  override get message() {
    const after = this.outputTokens === undefined ? "" : ` after ${this.outputTokens} tokens`
    const limit = this.maxTokens === undefined ? "the engine's own limit" : `max_tokens: ${this.maxTokens}`
    return `The answer was cut off${after} (finish_reason: ${this.finishReason}; ${limit}). Allow more with max_tokens, or say what becomes of such answers (onLength; for the command --on-length).`
  }
}

const cut = new Set(["length", "max_tokens", "model_length"])

/**
 * Whether an engine's `finish_reason` says that the answer was cut off.
 *
 * **Example** (A text that came to its end)
 *
 * ```ts
 * import { Truncation } from "@stint/batch"
 *
 * console.log(Truncation.isCut("eos_token")) // => false
 * ```
 */
export const isCut = (finishReason: string | null | undefined): boolean =>
  typeof finishReason === "string" && cut.has(finishReason.toLowerCase())
