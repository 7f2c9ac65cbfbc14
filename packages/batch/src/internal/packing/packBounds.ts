/**
 * How much a request may hold in this run: what is asked for, what the engine says, and what its refusals teach.
 */
import type * as Packing from "../../Packing.ts"
import { isFault } from "../engine/entry.ts"

/** What one request may hold now. */
export interface Bounds {
  readonly items: number
  readonly weight: number
  readonly bytes: number
}

/** After so many requests that went well at a size that a refusal taught, twice as many items are tried. */
const PROOF = 64
const LONGEST_PROOF = 4096

/** The most items of a request, in the words of an engine that was sent more. */
const most =
  /(?:maximum allowed batch size|batch size must be (?:<=|at most)|should have at most|maximum length) (\d+)/i

const wordedBy = (error: unknown): number | undefined => {
  const found = isFault(error) ? most.exec(error.detail ?? "")?.[1] : undefined
  return found === undefined ? undefined : Math.max(1, Number(found))
}

const atLeastOne = (number: number | undefined): number | undefined =>
  number === undefined || Number.isNaN(number) ? undefined : Math.max(1, number)

export const make = (found: Packing.Bounds, asked: Packing.Options = {}) => {
  const weight = atLeastOne(asked.maxWeight) ?? atLeastOne(found.weight) ?? Infinity
  const bytes = atLeastOne(found.bytes) ?? Infinity
  let top = Math.min(
    atLeastOne(asked.maxItems) ?? Math.max(1, found.items),
    atLeastOne(found.most) ?? Infinity
  )
  let items = top
  let proof = PROOF
  let proven = 0

  return {
    now: (): Bounds => ({ items, weight, bytes }),
    isFull: (held: Bounds) => held.items >= items || held.weight >= weight || held.bytes >= bytes,
    hasRoom: (held: Bounds, row: { readonly weight: number; readonly bytes: number }) =>
      held.items < items && held.weight + row.weight <= weight && held.bytes + row.bytes <= bytes,
    /** So many items were refused: takes the engine by its word, if it has one. */
    onRefused: (size: number, error: unknown) => {
      const worded = wordedBy(error)
      if (worded === undefined || worded >= size) return
      top = Math.min(top, worded)
      items = Math.min(items, top)
    },
    /** Items that were refused together were all good in parts, the largest of which had so many. */
    onTooMany: (largest: number) => {
      if (largest >= items) return
      items = Math.max(1, largest)
      proven = 0
      proof = Math.min(LONGEST_PROOF, 2 * proof)
    },
    /** So many items went well together. */
    onPassed: (size: number) => {
      if (items >= top || size < items || ++proven < proof) return
      items = Math.min(top, 2 * items)
      proven = 0
    }
  }
}

export type PackBounds = ReturnType<typeof make>
