/**
 * How large a model is, as far as its name says it.
 */

/** A model's size. */
export interface Size {
  /** All parameters: they have to be in memory. */
  readonly parameters: number
  /** Those that a token goes through; fewer than all in a mixture of experts. */
  readonly active: number
  readonly bytesPerParameter: number
}

const units: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 }

const numberOf = (digits: string | undefined, unit: string | undefined) =>
  Number(digits) * (units[(unit ?? "").toLowerCase()] ?? Number.NaN)

/**
 * Models that are used a lot and whose names do not say it, or say something else: all and active parameters.
 *
 * @source gpt-oss: its model card, 116.8B and 20.9B with 5.1B and 3.6B active. The others are as commonly given for these
 * families, rounded and unchecked: an error of a tenth is nothing beside the range of the guess.
 */
const named: ReadonlyArray<readonly [name: RegExp, parameters: number, active?: number]> = [
  [/gpt-oss-120b/i, 116.8e9, 5.1e9],
  [/gpt-oss-20b/i, 20.9e9, 3.6e9],
  [/mixtral-8x7b/i, 46.7e9, 12.9e9],
  [/mixtral-8x22b/i, 141e9, 39e9],
  [/bge-m3\b/i, 568e6],
  [/multilingual-e5-small/i, 118e6],
  [/multilingual-e5-base/i, 278e6],
  [/multilingual-e5-large/i, 560e6],
  [/\b(?:bge|e5|gte)-small/i, 33.4e6],
  [/\b(?:bge|e5|gte)-base/i, 109e6],
  [/\b(?:bge|e5|gte)-large/i, 335e6],
  [/all-MiniLM-L6/i, 22.7e6],
  [/all-MiniLM-L12/i, 33.4e6],
  [/all-mpnet-base/i, 109e6]
]

/** What a name says of how weights are held; 16 bits where it says nothing. */
const bytesOf = (name: string): number => {
  if (/gpt-oss/i.test(name)) return 0.55
  if (/\b(?:awq|gptq|int4|w4a16|4-?bit|nvfp4|mxfp4|q4(?:_\w+)?|nf4)\b/i.test(name)) return 0.56
  if (/\b(?:fp8|int8|w8a8|w8a16|8-?bit|q8(?:_\w+)?)\b/i.test(name)) return 1.06
  return 2
}

// `8B`, `0.6B`, `270m`; not the 4 of `4bit`, nor a version such as `v2`.
const size = /(?<![\w.])(\d+(?:\.\d+)?)([bmt])(?![a-z0-9])/gi
const active = /(?<![\w.])a(\d+(?:\.\d+)?)([bm])(?![a-z0-9])/i

/**
 * The size of a model by its repository's name, such as `Qwen/Qwen3-8B`; nothing where the name does not say it.
 */
export const sizeOf = (repository: string): Size | undefined => {
  const name = repository.slice(repository.lastIndexOf("/") + 1).replaceAll("_", "-")
  const bytesPerParameter = bytesOf(name)
  const listed = named.find(([pattern]) => pattern.test(name))
  if (listed !== undefined) {
    const [, parameters, activeOnes = parameters] = listed
    return { parameters, active: activeOnes, bytesPerParameter }
  }
  const sizes = [...name.matchAll(size)].map(([, digits, unit]) => numberOf(digits, unit))
  const parameters = Math.max(0, ...sizes)
  if (parameters === 0) return undefined
  const ofToken = active.exec(name)
  return {
    parameters,
    active: ofToken === null ? parameters : Math.min(parameters, numberOf(ofToken[1], ofToken[2])),
    bytesPerParameter
  }
}

/** A size as a person writes it: `8B`, `0.6b`, `33M`; nothing for anything else. */
export const parse = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)([kmbt])$/i.exec(text.trim())
  const parameters = match === null ? 0 : numberOf(match[1], match[2])
  return parameters > 0 ? parameters : undefined
}
