/**
 * Outcomes on their way out: gathered for one write to the journal, durable, and only then given away.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Journal from "../../Journal.ts"
import type { Outcome } from "../../Outcome.ts"
import type { Written } from "./entry.ts"

/** How many outcomes, and for how long, are gathered for one write. */
const GROUP = 512
const GROUP_WINDOW = "50 millis"

export interface Options<In, Out, E> {
  readonly journal: Journal.Journal
  /** Called with those that are durable now. */
  readonly onDurable: (group: ReadonlyArray<Written<In, Out, E>>) => void
}

export const make = Effect.fnUntraced(function* <In, Out, E>(options: Options<In, Out, E>) {
  const queue = yield* Queue.make<Written<In, Out, E>, Cause.Done>()
  const finished = Deferred.makeUnsafe<void>()

  const persist = Effect.fnUntraced(function* (group: ReadonlyArray<Written<In, Out, E>>) {
    const entries: Array<Journal.Entry> = []
    for (const { entry } of group) if (entry !== undefined) entries.push(entry)
    if (entries.length > 0) yield* options.journal.append(entries)
    options.onDurable(group)
  })

  const pull = Effect.gen(function* () {
    const first = yield* Queue.takeBetween(queue, 1, GROUP)
    if (first.length < GROUP && !Deferred.isDoneUnsafe(finished)) {
      yield* Effect.raceFirst(Effect.sleep(GROUP_WINDOW), Deferred.await(finished))
    }
    const group = [...first, ...(yield* Queue.clear(queue))]
    // In pieces: should the disk fill up, what was written before the piece that fails is kept.
    for (let from = 0; from < group.length; from += GROUP) yield* persist(group.slice(from, from + GROUP))
    const outcomes: ReadonlyArray<Outcome<In, Out, E>> = group.map(({ outcome }) => outcome)
    return Arr.isReadonlyArrayNonEmpty(outcomes) ? outcomes : yield* Cause.done()
  })

  return {
    offer: (written: Written<In, Out, E>) => {
      Queue.offerUnsafe(queue, written)
    },
    /** Nothing more will come. */
    finish: () => {
      Queue.endUnsafe(queue)
      Deferred.doneUnsafe(finished, Effect.void)
    },
    /** Gives the next outcomes that are durable. */
    pull
  }
})

export type Results<In, Out, E> = Effect.Success<ReturnType<typeof make<In, Out, E>>>
