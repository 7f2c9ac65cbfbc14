/**
 * Items that are answered from the journal before anything is woken: their request has its answer there, under another key
 * or from an earlier time.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Journal from "../../Journal.ts"

/** How many records are gathered for one write. */
const GROUP = 512

/** `isShared`: whether an answer may stand for another key's. */
export const make = (journal: Journal.Journal, isShared: boolean) =>
  Effect.sync(() => {
    let group: Array<Journal.Entry> = []

    const flush = Effect.suspend(() => {
      const entries = group
      group = []
      return entries.length === 0 ? Effect.void : journal.append(entries)
    })

    const recall = Effect.fnUntraced(function* (key: string, fingerprint: string) {
      const output = yield* journal.recall(fingerprint, isShared ? undefined : key)
      if (Option.isNone(output)) return false
      group.push({
        key,
        fingerprint,
        tag: "Succeeded",
        attempts: 0,
        durationMillis: 0,
        output: output.value
      })
      if (group.length >= GROUP) yield* flush
      return true
    })

    return {
      /** Whether the item has its answer now. */
      answer: (key: string, fingerprint: string): Effect.Effect<boolean, Journal.JournalError> =>
        journal.knows(fingerprint) ? recall(key, fingerprint) : Effect.succeed(false),
      /** Makes the last ones durable. */
      flush
    }
  })
