/**
 * How far a run is: plain counters, written by the engine and read whenever somebody wants to look.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Bill, expected } from "./Cost.ts"
import type { Reason } from "./Fault.ts"
import * as Pace from "./internal/pace.ts"

/** Milliseconds from now until all is done: at the earliest, likely, and at the latest. */
export type TimeLeft = Pace.TimeLeft

/** A look at a run. `total` is known only for an input that was read before. */
export interface Snapshot {
  readonly total: number | undefined
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  /** Requests sent and not answered. */
  readonly inFlight: number
  /** How many may be. */
  readonly limit: number
  readonly attempts: number
  /** Whether requests are held back now, because the endpoint is away. */
  readonly isHeld: boolean
  /** For how long they were held back in all. */
  readonly heldMillis: number
  readonly elapsedMillis: number
  /** Succeeded and failed items per second, over the whole run so far. */
  readonly rate: number
  /** The same of the last half minute, or of the time that the last ten took; `rate` until that is known. */
  readonly recentRate: number
  /**
   * When the rest is done, by how the latest third of the run went and by how unevenly it went; counted from looks at the
   * counters, of which there should be one a second. `undefined` for the first seconds, and as long as the run goes too unevenly
   * or too slowly to tell.
   */
  readonly timeLeft: TimeLeft | undefined
  /** Failed attempts by reason. */
  readonly faults: ReadonlyMap<Reason, number>
  readonly lastError: string | undefined
  /** What the endpoint has cost so far; `undefined` before the run holds one. */
  readonly bill: Bill | undefined
  /** US dollars that it will have cost at this rate when all is done, about; `undefined` where that cannot be told. */
  readonly expectedDollars: number | undefined
}

/** The counters of one run. */
export interface Progress {
  readonly snapshot: Effect.Effect<Snapshot>
  /** Failed attempts by reason. */
  readonly faults: ReadonlyMap<Reason, number>
  readonly cells: Cells
}

/** What the engine writes. Plain numbers: a counter in a `Ref` for each request would cost more than it tells. */
export interface Cells {
  /** When the first item was asked for; the wait for the endpoint is not part of the rate. */
  startedAt: number | undefined
  /** Of the endpoint that works on it. */
  hardware: string | undefined
  succeeded: number
  failed: number
  skipped: number
  inFlight: number
  attempts: number
  lastError: string | undefined
  readonly faults: Map<Reason, number>
  /** Set by the engine, asked by whoever looks. */
  limit: () => number
  isHeld: () => boolean
  heldMillis: () => number
  bill: Effect.Effect<Bill> | undefined
}

/** Makes the counters of a run; their clock starts with the run itself. */
export const make = (options?: { readonly total?: number | undefined }): Progress => {
  const faults = new Map<Reason, number>()
  const pace = Pace.make()
  const cells: Cells = {
    startedAt: undefined,
    hardware: undefined,
    succeeded: 0,
    failed: 0,
    skipped: 0,
    inFlight: 0,
    attempts: 0,
    lastError: undefined,
    faults,
    limit: () => 0,
    isHeld: () => false,
    heldMillis: () => 0,
    bill: undefined
  }
  return {
    cells,
    faults,
    snapshot: Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const elapsedMillis = now - (cells.startedAt ?? now)
      const bill = cells.bill && (yield* cells.bill)
      const { succeeded, failed, skipped, inFlight, attempts, lastError } = cells
      const total = options?.total
      const left = total === undefined ? undefined : Math.max(0, total - succeeded - failed - skipped)
      if (cells.startedAt !== undefined) pace.see(now, succeeded + failed)
      const timeLeft = left === undefined ? undefined : pace.left(left, inFlight)
      const rate = elapsedMillis === 0 ? 0 : ((succeeded + failed) * 1000) / elapsedMillis
      return {
        total,
        succeeded,
        failed,
        skipped,
        inFlight,
        limit: cells.limit(),
        attempts,
        isHeld: cells.isHeld(),
        heldMillis: cells.heldMillis(),
        elapsedMillis,
        rate,
        recentRate: pace.rate() ?? rate,
        timeLeft,
        faults,
        lastError,
        bill,
        expectedDollars:
          bill &&
          expected(
            bill,
            timeLeft === undefined ? { left, rate } : { left: timeLeft.expectedMillis / 1000, rate: 1 }
          )
      }
    })
  }
}
