/**
 * Lets so many through at a time. The number may change at any moment; who waits is let in as soon as it allows.
 */
import * as Effect from "effect/Effect"

export interface Turnstile {
  /** Takes a place if one is free. */
  readonly tryEnter: () => boolean
  /** Waits for a place. Those who come `again` go before those who come first: they have waited before. */
  readonly enter: (isAgain: boolean) => Effect.Effect<void>
  /** The same without a fiber that waits: called, perhaps in somebody else's turn, with the place taken. */
  readonly join: (admit: () => void) => void
  /** Gives a place back. */
  readonly leave: () => void
  /** Lets in whom the limit allows now: to be called when it has grown. */
  readonly turn: () => void
  readonly inside: () => number
  readonly isWaitedFor: () => boolean
}

/** `asked` is asked each time; a number that is none lets one through. */
export const make = (asked: () => number): Turnstile => {
  const limit = () => Math.max(1, Math.floor(asked()) || 1)
  let inside = 0
  const again = new Set<() => void>()
  const first = new Set<() => void>()

  let isTurning = false

  const turn = () => {
    if (isTurning) return
    isTurning = true
    try {
      while (again.size + first.size > 0 && inside < limit()) {
        const line = again.size > 0 ? again : first
        for (const admit of line) {
          inside++
          line.delete(admit)
          admit()
          break
        }
      }
    } finally {
      isTurning = false
    }
  }

  const leave = () => {
    inside--
    turn()
  }

  const tryEnter = () => {
    if (inside >= limit() || again.size > 0 || first.size > 0) return false
    inside++
    return true
  }

  const enter = (isAgain: boolean) =>
    Effect.callback<void>((resume) => {
      if (tryEnter()) return resume(Effect.void)
      const line = isAgain ? again : first
      const admit = () => resume(Effect.void)
      line.add(admit)
      return Effect.sync(() => {
        // Let in and interrupted in the same moment: the place goes to the next.
        if (!line.delete(admit)) leave()
      })
    })

  const join = (admit: () => void) => {
    if (tryEnter()) admit()
    else first.add(admit)
  }

  return {
    tryEnter,
    enter,
    join,
    leave,
    turn,
    inside: () => inside,
    isWaitedFor: () => again.size > 0 || first.size > 0
  }
}
