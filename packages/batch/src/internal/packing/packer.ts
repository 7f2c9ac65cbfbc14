/**
 * Gathers items into packs. At most one is open; whoever closes it sees to it that it is sent.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pack from "./pack.ts"
import type { PackBounds } from "./packBounds.ts"

export const make = <In>(bounds: PackBounds) => {
  let rows: Array<Pack.Taken<In>> = []
  let weight = 0
  let bytes = 0
  /** How many were opened. */
  let nth = 0
  let onOpened: ((nth: number) => void) | undefined

  const held = () => ({ items: rows.length, weight, bytes })

  return {
    /** Whether the open one takes it; an empty one takes anything. */
    fits: (row: Pack.Taken<In>) => rows.length === 0 || bounds.hasRoom(held(), row),
    add: (row: Pack.Taken<In>) => {
      rows.push(row)
      weight += row.weight
      bytes += row.bytes
      if (rows.length > 1) return
      nth++
      onOpened?.(nth)
    },
    isFull: () => bounds.isFull(held()),
    /** Gives the open one, if there is one. */
    close: (): Pack.Pack<In> | undefined => {
      const closed = rows
      rows = []
      weight = 0
      bytes = 0
      return Arr.isArrayNonEmpty(closed) ? Pack.of(closed) : undefined
    },
    /** Which one is open. */
    open: () => (rows.length === 0 ? undefined : nth),
    /** Waits until one is open, and tells which. One at a time may wait. */
    opened: Effect.callback<number>((resume) => {
      if (rows.length > 0) return resume(Effect.succeed(nth))
      onOpened = (nth) => {
        onOpened = undefined
        resume(Effect.succeed(nth))
      }
      return Effect.sync(() => {
        onOpened = undefined
      })
    })
  }
}

export type Packer<In> = ReturnType<typeof make<In>>
