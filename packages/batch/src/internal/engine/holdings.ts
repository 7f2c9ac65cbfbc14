/**
 * What a run holds in memory: items that were taken from the source and are not durable yet, by number and by size.
 */
import * as Effect from "effect/Effect"

export interface Bounds {
  /** Asked each time. */
  readonly items: () => number
  readonly bytes: number
}

export const make = (bounds: Bounds) => {
  let items = 0
  let bytes = 0
  let admit: (() => void) | undefined

  /** One item alone always has room, however large it is. */
  const hasRoom = (size: number) => items === 0 || (items < bounds.items() && bytes + size <= bounds.bytes)

  return {
    hasRoom,
    /** Waits until there is room for one more. One at a time may wait. */
    room: (size: number) =>
      Effect.callback<void>((resume) => {
        admit = () => {
          if (!hasRoom(size)) return
          admit = undefined
          resume(Effect.void)
        }
        admit()
        return Effect.sync(() => {
          admit = undefined
        })
      }),
    /** What is held has become larger: an answer has come. */
    grow: (size: number) => {
      bytes += size
    },
    hold: (size: number) => {
      items++
      bytes += size
    },
    letGo: (count: number, size: number) => {
      items -= count
      bytes -= size
      admit?.()
    }
  }
}
