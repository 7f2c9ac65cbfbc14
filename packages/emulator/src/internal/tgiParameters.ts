/** How TGI is asked to generate, and what it finds wrong with that. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** `parameters`; what TGI reads and the models here have no use for is checked all the same. */
export const Parameters = Schema.Struct({
  best_of: optional(Natural),
  temperature: optional(Schema.Finite),
  repetition_penalty: optional(Schema.Finite),
  frequency_penalty: optional(Schema.Finite),
  top_k: optional(Schema.Int),
  top_p: optional(Schema.Finite),
  typical_p: optional(Schema.Finite),
  do_sample: Schema.optionalKey(Schema.Boolean),
  max_new_tokens: optional(Natural),
  return_full_text: optional(Schema.Boolean),
  stop: Schema.optionalKey(Schema.Array(Schema.String)),
  truncate: optional(Natural),
  details: Schema.optionalKey(Schema.Boolean),
  decoder_input_details: Schema.optionalKey(Schema.Boolean),
  seed: optional(Natural),
  top_n_tokens: optional(Natural),
  grammar: optional(Schema.Struct({ type: Schema.String, value: Schema.Json }))
})

/** Read parameters. */
export interface Parameters extends Schema.Schema.Type<typeof Parameters> {}

/** The bounds that `/info` tells. */
export interface Bounds {
  readonly maxInputTokens: number
  readonly maxTotalTokens: number
  readonly maxBestOf: number
  readonly maxStopSequences: number
  readonly maxTopNTokens: number
}

/** A request that is in order. */
export interface Valid {
  readonly prompt: string
  readonly promptTokens: number
  readonly maxTokens: number
  readonly temperature: number
  /** What was sampled with; none when the likeliest token was taken each time. */
  readonly seed: number | undefined
  readonly stop: ReadonlyArray<string>
}

const openInterval = (value: number | null | undefined): boolean =>
  value === null || value === undefined || (value > 0 && value < 1)

/** What is wrong with parameters, in the order in which it is looked for. */
const problem = (parameters: Parameters, bounds: Bounds): string | undefined => {
  const { frequency_penalty, grammar, repetition_penalty, stop = [], temperature, top_k } = parameters
  const bestOf = parameters.best_of ?? 1
  const isSampling = samples(parameters)
  if (bestOf > 1 && bestOf > bounds.maxBestOf)
    return `\`best_of\` must be > 0 and <= ${bounds.maxBestOf}. Given: ${bestOf}`
  if (bestOf > 1 && !isSampling) return "you must use sampling when `best_of` is > 1"
  if ((temperature ?? 1) <= 0) return "`temperature` must be strictly positive"
  if ((repetition_penalty ?? 1) <= 0) return "`repetition_penalty` must be strictly positive"
  if (Math.abs(frequency_penalty ?? 0) > 2) return "`frequency_penalty` must be >= -2.0 and <= 2.0"
  if (!openInterval(parameters.top_p)) return "`top_p` must be > 0.0 and < 1.0"
  if (!openInterval(parameters.typical_p)) return "`typical_p` must be > 0.0 and < 1.0"
  if ((top_k ?? 1) <= 0) return "`top_k` must be strictly positive"
  if (parameters.max_new_tokens === 0) return "`max_new_tokens` must be strictly positive"
  if (stop.length > bounds.maxStopSequences)
    return `\`stop\` supports up to ${bounds.maxStopSequences} stop sequences. Given: ${stop.length}`
  if (bestOf > 1 && typeof parameters.seed === "number") return "`seed` must not be set when `best_of` > 1"
  if ((parameters.top_n_tokens ?? 0) > bounds.maxTopNTokens)
    return `\`top_n_tokens\` must be >= 0 and <= ${bounds.maxTopNTokens}. Given: ${parameters.top_n_tokens}`
  if (grammar && !["json", "json_object", "json_schema", "regex"].includes(grammar.type))
    return "grammar is not supported"
  return undefined
}

/** Whether tokens are drawn, rather than the likeliest taken. */
export const samples = ({ do_sample, temperature, top_k, top_p, typical_p }: Parameters): boolean =>
  do_sample === true || [temperature, top_k, top_p, typical_p].some((value) => typeof value === "number")

/** A refusal in TGI's own words. */
export const invalid = (message: string): Engine.Refusal =>
  new Engine.Refusal({ reason: "Invalid", message: `Input validation error: ${message}` })

/** Checks a request as TGI does, and fills in what it left out. */
export const validate = Effect.fnUntraced(function* (
  model: TextModel,
  bounds: Bounds,
  inputs: string,
  parameters: Parameters
): Effect.fn.Return<Valid, Engine.Refusal> {
  const wrong = problem(parameters, bounds)
  if (wrong !== undefined) return yield* invalid(wrong)
  if (inputs === "") return yield* invalid("`inputs` cannot be empty")
  const { truncate } = parameters
  if (typeof truncate === "number" && (truncate === 0 || truncate > bounds.maxInputTokens)) {
    return yield* invalid(
      `\`truncate\` must be strictly positive and less than ${bounds.maxInputTokens}. Given: ${truncate}`
    )
  }
  const length = model.countTokens(inputs)
  const promptTokens = Math.min(length, truncate ?? length)
  const maxTokens = parameters.max_new_tokens ?? Math.max(0, bounds.maxTotalTokens - promptTokens)
  if (promptTokens + maxTokens > bounds.maxTotalTokens) {
    return yield* invalid(
      `\`inputs\` tokens + \`max_new_tokens\` must be <= ${bounds.maxTotalTokens}. Given: ${promptTokens} ` +
        `\`inputs\` tokens and ${maxTokens} \`max_new_tokens\``
    )
  }
  if (promptTokens > bounds.maxInputTokens) {
    return yield* invalid(
      `\`inputs\` must have less than ${bounds.maxInputTokens} tokens. Given: ${promptTokens}`
    )
  }
  // What is cut is the beginning.
  const prompt =
    promptTokens === length
      ? inputs
      : model
          .tokenize(inputs)
          .slice(-promptTokens)
          .map(({ text }) => text)
          .join("")
  const isSampling = samples(parameters)
  return {
    prompt,
    promptTokens,
    maxTokens,
    temperature: isSampling ? (parameters.temperature ?? 1) : 0,
    seed: isSampling ? (parameters.seed ?? undefined) : undefined,
    stop: parameters.stop ?? []
  }
})
