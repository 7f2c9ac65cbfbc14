/**
 * Items that share a request: mostly one.
 */
import * as Arr from "effect/Array"
import type { Bounds } from "./packBounds.ts"

/** An item on its way through a run. */
export interface Taken<In> {
  readonly item: In
  readonly key: string
  readonly fingerprint: string
  /** About how long its request is. */
  readonly bytes: number
  /** What it adds to a request that it shares. */
  readonly weight: number
  /** Whether it has its fate, or will have none. */
  isDecided: boolean
}

/** What goes to the endpoint as one request. Its items have shared all that befell them so far. */
export interface Pack<In> {
  readonly rows: Arr.NonEmptyReadonlyArray<Taken<In>>
  readonly bytes: number
  readonly weight: number
  /** Attempts that were charged to each of its items. */
  attempts: number
  /** When the first attempt was sent; 0 before. */
  startedAt: number
  /** When its items have had their time; moved on by the time that the endpoint is away. */
  deadline: number
  /** For how long it waited for an endpoint that was away. */
  away: number
  /** How often it took the endpoint for gone when it was not. */
  mistaken: number
}

export const tokensOf = ({ bytes }: { readonly bytes: number }) => Math.ceil(bytes / 4)

export const isShared = ({ rows }: Pack<never>): boolean => rows.length > 1

export const single = <In>(taken: Taken<In>): Pack<In> => ({
  rows: [taken],
  bytes: taken.bytes,
  weight: taken.weight,
  attempts: 0,
  startedAt: 0,
  deadline: Infinity,
  away: 0,
  mistaken: 0
})

export const of = <In>(rows: Arr.NonEmptyReadonlyArray<Taken<In>>): Pack<In> => {
  const pack = single(rows[0])
  return rows.length === 1 ? pack : withRows(pack, rows)
}

/** A part of a pack: it has gone through the same. */
const withRows = <In>(pack: Pack<In>, rows: Arr.NonEmptyReadonlyArray<Taken<In>>): Pack<In> => {
  let bytes = 0
  let weight = 0
  for (const row of rows) {
    bytes += row.bytes
    weight += row.weight
  }
  return { ...pack, rows, bytes, weight }
}

/** Two halves, the smaller first. */
export const halves = <In>(pack: Pack<In>): ReadonlyArray<Pack<In>> =>
  partsOf(pack, (_, at, rows) => at === Math.floor(rows.length / 2))

/** The parts that fit the bounds: the pack itself where it does. */
export const fitting = <In>(pack: Pack<In>, { bytes, items, weight }: Bounds): ReadonlyArray<Pack<In>> => {
  let held = { items: 0, weight: 0, bytes: 0 }
  return partsOf(pack, (row) => {
    const next = { items: held.items + 1, weight: held.weight + row.weight, bytes: held.bytes + row.bytes }
    const isNew = held.items > 0 && (next.items > items || next.weight > weight || next.bytes > bytes)
    held = isNew ? { items: 1, weight: row.weight, bytes: row.bytes } : next
    return isNew
  })
}

const partsOf = <In>(
  pack: Pack<In>,
  begins: (row: Taken<In>, at: number, rows: ReadonlyArray<Taken<In>>) => boolean
): ReadonlyArray<Pack<In>> => {
  const parts: Array<Arr.NonEmptyArray<Taken<In>>> = []
  for (const [at, row] of pack.rows.entries()) {
    const isNew = begins(row, at, pack.rows)
    const last = parts.at(-1)
    if (last === undefined || isNew) parts.push([row])
    else last.push(row)
  }
  return parts.map((rows) => withRows(pack, rows))
}
