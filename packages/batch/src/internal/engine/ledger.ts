/**
 * What became of each item that was taken: written down once, and counted.
 */
import type * as Clock from "effect/Clock"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Tracker } from "../../FailureBudget.ts"
import type { Fault } from "../../Fault.ts"
import type { Cells } from "../../Progress.ts"
import type * as Duplicates from "./duplicates.ts"
import * as Entry from "./entry.ts"
import type { Halt } from "./halt.ts"
import type * as Holdings from "./holdings.ts"
import type { Pack, Taken } from "../packing/pack.ts"
import type { Fate } from "./production.ts"
import type * as Results from "./results.ts"

export interface Options<In, Out, E, SE> {
  readonly clock: Clock.Clock
  readonly cells: Cells
  readonly conceal: (text: string) => string
  readonly budget: Tracker
  readonly duplicates: ReturnType<typeof Duplicates.make<In, Fate<Out, E>>> | undefined
  readonly halt: Halt<SE>
  readonly holdings: ReturnType<typeof Holdings.make>
  readonly results: Results.Results<In, Out, E>
}

/** What an item went through; one that shares another's answer went through nothing. */
type Passage = Pick<Pack<never>, "attempts" | "startedAt">

const nothing: Passage = { attempts: 0, startedAt: 0 }

export const make = <In, Out, E, SE>(options: Options<In, Out, E, SE>) => {
  const { budget, cells, clock, conceal, duplicates, halt, holdings, results } = options
  let isFed = false
  /** Taken, and without a fate. */
  let undecided = 0

  const decided = (taken: Taken<In>) => {
    taken.isDecided = true
    undecided--
    if (isFed && undecided === 0) results.finish()
  }

  const record = (common: Entry.Common<In>, { fingerprint }: Taken<In>, fate: Fate<Out, E>) => {
    if (Result.isFailure(fate)) {
      return Entry.failed(common, fate.failure, fingerprint, conceal)
    }
    const { encoded, output } = fate.success
    if (Option.isNone(encoded)) {
      return Entry.failed<In, E>(common, Entry.unwritable, fingerprint, conceal)
    }
    return Entry.succeeded(common, output, encoded.value, fingerprint)
  }

  const write = (taken: Taken<In>, fate: Fate<Out, E>, { attempts, startedAt }: Passage) => {
    const common = {
      key: taken.key,
      input: taken.item,
      attempts,
      durationMillis: startedAt === 0 ? 0 : clock.currentTimeMillisUnsafe() - startedAt
    }
    cells.attempts += attempts
    const { entry, outcome } = record(common, taken, fate)
    const size = Entry.sizeOf(entry.output)
    holdings.grow(size)
    results.offer({ outcome, entry, bytes: taken.bytes + size })
    decided(taken)
  }

  const spend = (error: E | Fault, left: number) => {
    const exceeded = budget.failed(
      Entry.isFault(error) ? error : { reason: "error", detail: conceal(Entry.messageOf(error)) }
    )
    // Where nothing is left to be taken there is nothing to be saved.
    if (exceeded !== undefined && !(isFed && left === 0)) halt.because(exceeded)
  }

  /** One answer counts once, however many items share it. */
  const count = (fate: Fate<Out, E>, left: number) => {
    if (Result.isFailure(fate)) spend(fate.failure, left)
    else if (Option.isNone(fate.success.encoded)) spend(Entry.unwritable, left)
    else budget.succeeded()
  }

  /** Whether this and the next have one refusal: then the last of them counts. */
  const isOneVerdict = (fate: Fate<Out, E>, next: Fate<Out, E> | undefined) =>
    Result.isFailure(fate) && next !== undefined && Result.isFailure(next) && fate.failure === next.failure

  return {
    hold: (taken: Taken<In>) => {
      holdings.hold(taken.bytes)
      undecided++
    },
    /** An item that the journal or another request has answered already. */
    share: (taken: Taken<In>, fate: Fate<Out, E>) => write(taken, fate, nothing),
    /** Each item of the pack has its fate, and those that share its request have the same, without an attempt of their own. */
    settle: (pack: Pack<In>, fates: ReadonlyArray<Fate<Out, E>>) => {
      for (let at = 0; at < pack.rows.length; at++) {
        const taken = pack.rows[at]
        const fate = fates[at]
        if (taken === undefined || fate === undefined) continue
        const followers = duplicates?.answered(taken, fate) ?? []
        if (!isOneVerdict(fate, fates[at + 1])) count(fate, undecided - 1 - followers.length)
        write(taken, fate, pack)
        for (const follower of followers) write(follower, fate, nothing)
      }
    },
    /** The run has ended for these, and for those that share their requests; those that have their fate keep it. */
    drop: ({ attempts, rows }: Pick<Pack<In>, "rows" | "attempts">) => {
      for (const taken of rows) {
        if (taken.isDecided) continue
        cells.attempts += attempts
        for (const each of [taken, ...(duplicates?.giveUp(taken) ?? [])]) {
          holdings.letGo(1, each.bytes)
          decided(each)
        }
      }
    },
    skip: (item: In, key: string) => {
      holdings.hold(0)
      results.offer({
        outcome: { _tag: "Skipped", key, input: item, attempts: 0, durationMillis: 0 },
        entry: undefined,
        bytes: 0
      })
    },
    /** The source gives nothing more. */
    fed: () => {
      isFed = true
      if (undecided === 0) results.finish()
    },
    /** Whether the source has given all that it has. */
    isFed: () => isFed,
    isOver: () => isFed && undecided === 0
  }
}

export type Ledger<In, Out, E> = ReturnType<typeof make<In, Out, E, never>>
