/**
 * Finds the items for which a shared request fails: by halves, one after the other, until each stands alone.
 *
 * Where the first half goes well the second must be the bad one, and is halved without being sent. So one bad item among `n`
 * costs at most `2·log2(n)` more requests than none. Only a server that was full may have room by then: it is sent the second half.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Fault } from "../../Fault.ts"
import { isFault } from "../engine/entry.ts"
import * as Pack from "./pack.ts"
import type { PackBounds } from "./packBounds.ts"
import type { Fate } from "../engine/production.ts"
import type { Parted, Recovery, Verdict } from "../engine/recovery.ts"

export interface Options<In, Out, E> {
  readonly recovery: Recovery<In, Out, E>
  readonly bounds: PackBounds | undefined
  readonly settle: (pack: Pack.Pack<In>, fates: ReadonlyArray<Fate<Out, E>>) => void
  /** The run has ended for these. */
  readonly drop: (pack: Pack.Pack<In>) => void
}

/** What was found in a pack so far. */
interface Findings extends Parted {
  isSpent: boolean
  isBad: boolean
  /** The most items that went well together. */
  largest: number
}

const isBusy = (error: unknown) => isFault(error) && error.reason === "busy"

export const make = <In, Out, E>({ bounds, drop, recovery, settle }: Options<In, Out, E>) => {
  /** Whether it went well at once. */
  const conclude = (
    pack: Pack.Pack<In>,
    verdict: Verdict<Out, E>,
    findings: Findings
  ): Effect.Effect<boolean> => {
    if (verdict?._tag === "Suspected") return Effect.as(divide(pack, verdict.error, findings), false)
    return Effect.sync(() => {
      if (verdict !== undefined) settle(pack, verdict.fates)
      else drop(pack)
      const isGood = verdict?.fates.every(Result.isSuccess) === true
      if (isGood) {
        findings.largest = Math.max(findings.largest, pack.rows.length)
        findings.isSpent = false
      } else {
        findings.isBad = true
        findings.isSpent ||=
          verdict?.fates.some((fate) => Result.isFailure(fate) && isBusy(fate.failure)) === true
      }
      return isGood
    })
  }

  const send = (pack: Pack.Pack<In>, findings: Findings): Effect.Effect<boolean> =>
    Effect.flatMap(recovery.recover(pack, undefined, findings), (verdict) =>
      conclude(pack, verdict, findings)
    )

  const divide: (pack: Pack.Pack<In>, error: E | Fault, findings: Findings) => Effect.Effect<void> =
    Effect.fnUntraced(function* (pack, error, findings) {
      bounds?.onRefused(pack.rows.length, error)
      // What was learnt meanwhile explains it, if the pack is larger than is sent now.
      const fitting = bounds === undefined ? [] : Pack.fitting(pack, bounds.now())
      if (fitting.length > 1) {
        for (const part of fitting) yield* send(part, findings)
        return
      }
      const [first, second] = Pack.halves(pack)
      const isFirstGood = first === undefined || (yield* send(first, findings))
      if (second === undefined) return
      if (isFirstGood && second.rows.length > 1 && !isBusy(error)) yield* divide(second, error, findings)
      else yield* send(second, findings)
    })

  /** Sees to it that each item of the pack has its fate. */
  return (pack: Pack.Pack<In>, verdict: Verdict<Out, E>): Effect.Effect<void> => {
    const time = pack.deadline - pack.startedAt - pack.away
    const findings: Findings = { time, isSpent: false, isBad: false, largest: 0 }
    return Effect.map(conclude(pack, verdict, findings), () => {
      // Nobody was bad: they were too many.
      if (verdict?._tag === "Suspected" && !findings.isBad) bounds?.onTooMany(findings.largest)
    })
  }
}
