/**
 * A language model that is only its time: on a model of a GPU, without any text worth reading. It goes behind
 * {@link Vllm} or {@link Tgi}, whose metrics then tell the GPU's queue and memory, to study limits, cost and
 * tails on virtual time.
 *
 * What is simulated says so: the name starts with `simulated-`, answers have the header `x-stint-simulated`,
 * and TGI's `/info` has `"simulated": true`. A token is four bytes of text, for the prompt's and the answer's
 * length alike.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as GpuModel from "../GpuModel.ts"
import type { GenerateOptions, Piece, TextModel, Token } from "../TextModel.ts"
import * as SeededRandom from "../internal/seededRandom.ts"

/** How long answers are: a lognormal of tokens, cut at `max_tokens`. */
export interface OutputLength {
  /** Half of the answers are shorter. */
  readonly median: number
  /** The deviation of the logarithm; 0 makes all answers alike. */
  readonly sigma: number
  /** 0 when left out. With the request's own seed, or its prompt, it decides the length. */
  readonly seed?: number | undefined
}

/** What to simulate. */
export interface Options {
  readonly gpu: GpuModel.GpuModel
  /** Every answer is as long as `max_tokens` allows when left out. */
  readonly output?: OutputLength | undefined
  /** Tokens of prompt and answer together, at most what the memory holds; 16,384 when left out. */
  readonly maxLength?: number | undefined
}

const bytesPerToken = 4
const toBytes = new TextEncoder()
const fromBytes = new TextDecoder()

// What it says, over and over.
const filler: ReadonlyArray<Piece> = [" no ", "mode", "l wa", "s ru", "n.  "].map((text) => ({
  id: new DataView(toBytes.encode(text).buffer).getUint32(0, true),
  text
}))

/** A text's bytes, four to a token; the id is those four, so that ids can be read back. */
const tokenize = (text: string): ReadonlyArray<Piece> => {
  const bytes = toBytes.encode(text)
  return Array.from({ length: Math.ceil(bytes.length / bytesPerToken) }, (_, i) => {
    const part = bytes.subarray(i * bytesPerToken, (i + 1) * bytesPerToken)
    return { id: part.reduceRight((id, byte) => id * 256 + byte, 0), text: fromBytes.decode(part) }
  })
}

const detokenize = (ids: ReadonlyArray<number>): string => {
  const bytes = new Uint8Array(ids.length * bytesPerToken)
  const view = new DataView(bytes.buffer)
  ids.forEach((id, i) => view.setUint32(i * bytesPerToken, id, true))
  return fromBytes.decode(bytes).replaceAll("\0", "")
}

const token = (at: number, total: number, isCut: boolean): Token => ({
  ...filler[at % filler.length]!,
  logprob: 0,
  special: false,
  finishReason: at === total - 1 ? (isCut ? "length" : "eos") : undefined
})

/**
 * Makes the model. It queues by itself, so the servers hold nothing back but what is over their own limits.
 *
 * @example
 * ```ts
 * import { GpuModel, SimulatedLlm, Vllm } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const engine = Effect.gen(function* () {
 *   const gpu = yield* GpuModel.make(GpuModel.a10g)
 *   const model = SimulatedLlm.make({ gpu, output: { median: 180, sigma: 0.8 } })
 *   return Vllm.make(model, { modelId: "meta-llama/Llama-3.1-8B-Instruct" })
 * })
 * ```
 */
export const make = ({ gpu, maxLength = 16_384, output }: Options): TextModel => {
  const countTokens = (text: string) =>
    // ASCII has a byte a character, and needs no copy to be counted.
    Math.ceil((/^[\x00-\x7f]*$/.test(text) ? text.length : toBytes.encode(text).length) / bytesPerToken)

  const lengthOf = (prompt: string, { maxTokens, minTokens = 0, seed }: GenerateOptions) => {
    if (output === undefined) return { tokens: maxTokens, isCut: true }
    const random = SeededRandom.make(
      SeededRandom.seedOf(`${output.seed ?? 0} ${seed ?? SeededRandom.seedOf(prompt)}`)
    )
    const drawn = Math.max(
      1,
      minTokens,
      Math.round(SeededRandom.logNormal(random, output.median, output.sigma))
    )
    return { tokens: Math.min(drawn, maxTokens), isCut: drawn > maxTokens }
  }

  return {
    name: `simulated-${gpu.options.name}`,
    isSimulated: true,
    maxLength: Math.min(maxLength, gpu.options.cacheTokens),
    tokenize,
    countTokens,
    detokenize,
    chatPrompt: (messages) => messages.map(({ content, role }) => `${role}: ${content}\n`).join(""),
    generate: (prompt, options) => {
      const { isCut, tokens } = lengthOf(prompt, options)
      const work = { promptTokens: countTokens(prompt), outputTokens: tokens }
      const all = () => Array.from({ length: tokens }, (_, at) => token(at, tokens, isCut))
      if (options.streaming === false) return Stream.fromArrayEffect(Effect.map(gpu.run(work), all))
      return gpu.stream(work).pipe(
        Stream.mapAccum(
          () => 0,
          (done: number, count: number): readonly [number, ReadonlyArray<Token>] => [
            done + count,
            Array.from({ length: count }, (_, i) => token(done + i, tokens, isCut))
          ]
        )
      )
    },
    load: gpu.load
  }
}
