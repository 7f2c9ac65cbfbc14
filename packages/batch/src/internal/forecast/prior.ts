/**
 * How fast an engine would be by what its accelerator can do: a first guess, for want of a measurement.
 *
 * Reading a prompt is bound by arithmetic: two operations a parameter and token. Each step of writing gives every running
 * sequence a token; it reads all weights once and each sequence's memory, and takes at least what the engine itself takes.
 * How many sequences run is bound by the memory that the weights leave.
 */
import * as Accelerators from "./accelerators.ts"
import type { Size } from "./model.ts"
import type { Range } from "./range.ts"
import * as Ranges from "./range.ts"

/** Tokens of a request. */
export interface Tokens {
  readonly input: number
  readonly output: number
}

/** As far as a speed depends on it. */
export interface Machine {
  readonly instanceType: string
  readonly accelerators: number
  /** Of all accelerators together, GB. */
  readonly acceleratorMemory?: number | undefined
}

/**
 * How much of the arithmetic, and of the memory's speed, engines get out of an accelerator. Chosen, with the numbers below,
 * so that published speeds lie well within the range: the tests name them.
 */
const ARITHMETIC = 0.4
const READING = 0.6
/** What each further accelerator of an instance adds, next to the first. */
const PARALLEL = 0.8
/** What an engine takes for a step, whatever the model. */
const STEP = 0.01
const MAX_SEQUENCES = 256
/** What a request takes of the server beside the model: 2,500 a second at most. */
const PER_REQUEST = 0.0004
/** How much of the memory engines use, and what weights need beside themselves. */
const USABLE = 0.9
const BESIDE_WEIGHTS = 1.1

/** By how much a first guess may be off, as a factor. */
export const PRIOR_FACTOR = 3

/** Bytes of keys and values a token: that of models with grouped queries, by their size. */
const cachePerToken = ({ parameters }: Size) => 131_072 * (parameters / 8e9) ** 0.4

const memoryOf = (machine: Machine, chip: Accelerators.Accelerator) =>
  machine.acceleratorMemory === undefined
    ? chip.memory * Math.max(1, machine.accelerators)
    : machine.acceleratorMemory * 1e9

/** How many times one accelerator does its work: engines for embeddings and classes use but one of them. */
const shareOf = ({ accelerators }: Machine, output: number) =>
  accelerators <= 1 || output <= 0 ? 1 : accelerators * PARALLEL

/** What the weights need, in bytes. */
const weightsOf = ({ bytesPerParameter, parameters }: Size): number => parameters * bytesPerParameter

/** Whether a model fits; nothing where the memory is not known. */
export const fits = (machine: Machine, size: Size): boolean | undefined => {
  const chip = Accelerators.find(machine.instanceType)
  if (chip === undefined) return undefined
  return weightsOf(size) * BESIDE_WEIGHTS <= memoryOf(machine, chip) * USABLE
}

/** What one request costs a replica that is busy with many, and how long it takes itself, in seconds. */
export interface Speed {
  readonly seconds: number
  readonly latency: number
}

/** The speed of one replica; nothing for hardware of which no figures are known. */
export const speedOf = (machine: Machine, size: Size, { input, output }: Tokens): Speed | undefined => {
  const chip = Accelerators.find(machine.instanceType)
  if (chip === undefined) return undefined
  const chips = shareOf(machine, output)
  const flops = chip.flops * chips * ARITHMETIC
  const bandwidth = chip.bandwidth * chips * READING
  const reading = (input * 2 * size.active) / flops
  if (output <= 0) return { seconds: PER_REQUEST + reading, latency: PER_REQUEST + reading }

  const weights = weightsOf(size)
  const span = Math.max(1, input + output / 2)
  const cache = Math.max(0, memoryOf(machine, chip) * USABLE - weights)
  const sequences = Math.min(MAX_SEQUENCES, Math.max(1, cache / (cachePerToken(size) * span)))
  const perSequence = (span * cachePerToken(size)) / bandwidth + (2 * size.active) / flops
  const step = STEP + weights / bandwidth + sequences * perSequence
  // With as much memory in use as there is, and as many sequences: one row alone is never faster for the others' length.
  const inUse = Math.min(cache, MAX_SEQUENCES * cachePerToken(size) * span)
  const slowStep = STEP + (weights + inUse) / bandwidth + (MAX_SEQUENCES * 2 * size.active) / flops
  return {
    seconds: PER_REQUEST + reading + (output * step) / sequences,
    latency: PER_REQUEST + reading + output * slowStep
  }
}

/** Seconds of a replica for one request, and for the longest one alone. */
export interface Cost {
  readonly seconds: Range
  readonly tail: Range
}

/** How many times the mean the longest answer is, where nothing bounds it. */
export const LONGEST = 4

/** The speed as a range, as wide as such guesses are off. */
export const costOf = (
  machine: Machine,
  size: Size,
  tokens: { readonly input: Range; readonly output: Range; readonly longest: number | undefined }
): Cost | undefined => {
  const at = (input: number, output: number) => speedOf(machine, size, { input, output })
  const low = at(tokens.input.low, tokens.output.low)
  const expected = at(tokens.input.expected, tokens.output.expected)
  const high = at(tokens.input.high, tokens.output.high)
  const longest = Math.max(tokens.output.high, tokens.longest ?? LONGEST * tokens.output.expected)
  const slowest = at(tokens.input.high, longest)
  if (low === undefined || expected === undefined || high === undefined || slowest === undefined) {
    return undefined
  }
  const seconds = { low: low.seconds, expected: expected.seconds, high: high.seconds }
  return {
    seconds: Ranges.widen(seconds, PRIOR_FACTOR),
    tail: {
      low: 0,
      expected: Math.min(slowest.latency, LONGEST * expected.latency) / 2,
      high: slowest.latency * PRIOR_FACTOR
    }
  }
}
