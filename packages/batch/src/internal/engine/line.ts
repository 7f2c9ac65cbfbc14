/**
 * Packs that wait for a place, in their order. Whoever gives a place back sends the next one: the fiber that takes
 * items need not be woken for each of them.
 */
import * as Effect from "effect/Effect"
import type { Turnstile } from "./turnstile.ts"

/** The line is long with so many, and short again with so many. */
const LONG = 32
const SHORT = 8

export interface Options<Pack> {
  readonly turnstile: Turnstile
  /** Called with the place taken; it is for whoever is called to give it back. */
  readonly onTurn: (pack: Pack) => void
}

export const make = <Pack>({ onTurn, turnstile }: Options<Pack>) => {
  let waiting = 0
  let onShort: (() => void) | undefined

  return {
    join: (pack: Pack) => {
      waiting++
      turnstile.join(() => {
        waiting--
        if (waiting <= SHORT) onShort?.()
        onTurn(pack)
      })
    },
    isLong: () => waiting >= LONG,
    /** Waits until few are left. One at a time may wait. */
    isShort: Effect.callback<void>((resume) => {
      if (waiting <= SHORT) return resume(Effect.void)
      onShort = () => {
        onShort = undefined
        resume(Effect.void)
      }
      return Effect.sync(() => {
        onShort = undefined
      })
    })
  }
}
