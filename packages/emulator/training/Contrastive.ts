/**
 * Learns a vector a piece, so that a text's normalised mean is nearer to its pair's than to the texts of
 * every other pair in the batch: a softmax over cosines both ways, descended with Adagrad.
 *
 * All sums run in a fixed order over typed arrays, so that a run can be repeated bit for bit.
 */
import type { Pairs } from "./Pairs.ts"
import * as Random from "./Random.ts"

export interface Options {
  readonly dimensions: number
  readonly epochs: number
  /** Pairs a step; each of them has the others as its wrong answers. */
  readonly batch: number
}

/** A table of vectors, one row a piece. */
export interface Table {
  readonly values: Float32Array
  readonly rows: number
  readonly dimensions: number
}

const temperature = 0.06
const learningRate = 0.05
const seed = 1
/** Gradients below this are skipped: they are most of them and change little. */
const negligible = 1e-4

/** Trains, and tells each epoch's mean loss (in nats a pair) as it ends. */
export const train = (
  pairs: Pairs,
  { batch, dimensions, epochs }: Options,
  onEpoch: (loss: number) => void
): Table => {
  const random = Random.make(seed)
  const table = initialise(pairs, dimensions, random)
  const squares = new Float32Array(table.values.length).fill(1e-6)
  const left = makeSide(batch, dimensions)
  const right = makeSide(batch, dimensions)
  const softmax = makeSoftmax(batch)

  const count = pairs.left.length
  const order = Int32Array.from({ length: count }, (_, index) => index)
  const steps = epochs * Math.floor(count / batch)
  let step = 0
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random)
    let loss = 0
    let seen = 0
    for (let start = 0; start + batch <= count; start += batch) {
      for (let i = 0; i < batch; i++) {
        const index = order[start + i]!
        forward(table, left, i, pairs.left[index]!)
        forward(table, right, i, pairs.right[index]!)
      }
      loss = softmax(left, right, dimensions, loss)
      const rate = learningRate * (0.03 + 0.97 * 0.5 * (1 + Math.cos((Math.PI * step) / steps)))
      for (let i = 0; i < batch; i++) {
        const index = order[start + i]!
        update(table, squares, left, i, pairs.left[index]!, rate)
        update(table, squares, right, i, pairs.right[index]!, rate)
      }
      seen += batch
      step++
    }
    onEpoch(loss / seen)
  }
  return table
}

/** Random rows, longer for rarer pieces: a mean's direction should come from the words that say something. */
const initialise = (
  { documentFrequency, documents }: Pairs,
  dimensions: number,
  random: Random.Random
): Table => {
  const rows = documentFrequency.length
  const values = new Float32Array(rows * dimensions)
  for (let row = 0; row < rows; row++) {
    const rarity = Math.log((documents + 1) / (documentFrequency[row]! + 1))
    const deviation = Math.min(9, Math.max(0.5, rarity)) / 60
    for (let k = 0; k < dimensions; k++) values[row * dimensions + k] = random.nextGaussian() * deviation
  }
  return { values, rows, dimensions }
}

const shuffle = (order: Int32Array, random: Random.Random): void => {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.trunc(random.next() * (i + 1))
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
}

/**
 * One side of a batch's pairs: the texts' vectors, how long they were before, and what the loss asks of them.
 */
interface Side {
  readonly vectors: Float32Array
  readonly lengths: Float32Array
  readonly gradients: Float32Array
}

const makeSide = (batch: number, dimensions: number): Side => ({
  vectors: new Float32Array(batch * dimensions),
  lengths: new Float32Array(batch),
  gradients: new Float32Array(batch * dimensions)
})

/** The normalised mean of a text's rows, into place `i` of a side. */
const forward = (
  { dimensions, values }: Table,
  { lengths, vectors }: Side,
  i: number,
  tokens: Int32Array
): void => {
  const to = i * dimensions
  vectors.fill(0, to, to + dimensions)
  for (const token of tokens) {
    const from = token * dimensions
    for (let k = 0; k < dimensions; k++) vectors[to + k]! += values[from + k]!
  }
  let squares = 0
  for (let k = 0; k < dimensions; k++) {
    vectors[to + k]! /= tokens.length
    squares += vectors[to + k]! * vectors[to + k]!
  }
  const length = Math.sqrt(squares) + 1e-9
  for (let k = 0; k < dimensions; k++) vectors[to + k]! /= length
  lengths[i] = length
}

/** Makes the step from two sides to their gradients; it adds the batch's loss to the one it is given. */
const makeSoftmax = (batch: number) => {
  const byRow = new Float32Array(batch * batch)
  const byColumn = new Float32Array(batch * batch)
  return (left: Side, right: Side, dimensions: number, lossBefore: number): number => {
    similarities(left, right, dimensions, byRow)
    softmaxColumns(batch, byRow, byColumn)
    left.gradients.fill(0)
    right.gradients.fill(0)
    let loss = lossBefore
    for (let i = 0; i < batch; i++) {
      const sum = exponentiateRow(batch, byRow, i)
      loss -= Math.log(byRow[i * batch + i]! / sum)
      for (let j = 0; j < batch; j++) {
        const probability = 0.5 * (byRow[i * batch + j]! / sum + byColumn[i * batch + j]!)
        const gradient = (probability - (i === j ? 1 : 0)) / temperature
        if (Math.abs(gradient) < negligible) continue
        const a = i * dimensions
        const b = j * dimensions
        for (let k = 0; k < dimensions; k++) {
          left.gradients[a + k]! += gradient * right.vectors[b + k]!
          right.gradients[b + k]! += gradient * left.vectors[a + k]!
        }
      }
    }
    return loss
  }
}

/** Every left text's cosine with every right one, over the temperature. */
const similarities = (left: Side, right: Side, dimensions: number, into: Float32Array): void => {
  const batch = left.lengths.length
  for (let i = 0; i < batch; i++) {
    for (let j = 0; j < batch; j++) {
      const a = i * dimensions
      const b = j * dimensions
      let product = 0
      for (let k = 0; k < dimensions; k++) product += left.vectors[a + k]! * right.vectors[b + k]!
      into[i * batch + j] = product / temperature
    }
  }
}

/** For each right text, how likely each left one is its pair. */
const softmaxColumns = (batch: number, logits: Float32Array, into: Float32Array): void => {
  for (let j = 0; j < batch; j++) {
    let highest = -1e9
    for (let i = 0; i < batch; i++) highest = Math.max(highest, logits[i * batch + j]!)
    let sum = 0
    for (let i = 0; i < batch; i++) {
      const weight = Math.exp(logits[i * batch + j]! - highest)
      into[i * batch + j] = weight
      sum += weight
    }
    for (let i = 0; i < batch; i++) into[i * batch + j]! /= sum
  }
}

/** Replaces a row's logits by their exponentials, and gives the sum that makes them probabilities. */
const exponentiateRow = (batch: number, logits: Float32Array, i: number): number => {
  let highest = -1e9
  for (let j = 0; j < batch; j++) highest = Math.max(highest, logits[i * batch + j]!)
  let sum = 0
  for (let j = 0; j < batch; j++) {
    const weight = Math.exp(logits[i * batch + j]! - highest)
    logits[i * batch + j] = weight
    sum += weight
  }
  return sum
}

/** Carries a text's gradient through the normalised mean to its rows, and moves them against it. */
const update = (
  { dimensions, values }: Table,
  squares: Float32Array,
  { gradients, lengths, vectors }: Side,
  i: number,
  tokens: Int32Array,
  rate: number
): void => {
  const at = i * dimensions
  // Along the vector itself nothing changes: its length is normalised away.
  let along = 0
  for (let k = 0; k < dimensions; k++) along += vectors[at + k]! * gradients[at + k]!
  const gradient = new Float32Array(dimensions)
  for (let k = 0; k < dimensions; k++) {
    gradient[k] = (gradients[at + k]! - along * vectors[at + k]!) / (lengths[i]! * tokens.length)
  }
  for (const token of tokens) {
    const row = token * dimensions
    for (let k = 0; k < dimensions; k++) {
      const slope = gradient[k]!
      squares[row + k]! += slope * slope
      values[row + k]! -= (rate * slope) / Math.sqrt(squares[row + k]!)
    }
  }
}
