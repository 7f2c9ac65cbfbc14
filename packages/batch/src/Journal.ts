/**
 * The one durable log of a run: what was done, with its output, so that a rerun does only what is not done.
 *
 * An outcome is durable before it is reported. A log whose writer was killed in the middle of a line is repaired by
 * cutting that line off: what it held is done again.
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Entry, JournalError, Stored } from "./internal/journal/journalEntry.ts"
import * as JournalFile from "./internal/journal/journalFile.ts"

export { Entry, JournalError } from "./internal/journal/journalEntry.ts"
export type { Stored } from "./internal/journal/journalEntry.ts"

/** What the journal knows of a key. */
export interface Known {
  readonly fingerprint: string
  readonly succeeded: boolean
}

/**
 * What the journal says of an item: `done` by its key's last record, for the same request; `changed`, done for another one;
 * `undone`, when that record is none of a success, or there is none.
 */
export type Standing = "done" | "changed" | "undone"

/**
 * What a run asks of its journal.
 */
export interface Journal {
  /** The last record of a key, if any. */
  readonly lookup: (key: string) => Known | undefined
  /**
   * What `lookup` says of an item with this fingerprint, whose sixteen digits are those of `high` and then those of `low`,
   * 32 bits each. Absent where `lookup` is as cheap. Whoever replaces `lookup` of another journal replaces this as well.
   */
  readonly standing?:
    | ((key: string, print: { readonly high: number; readonly low: number }) => Standing)
    | undefined
  /**
   * Whether some succeeded record seems to have this fingerprint: by 64 bits, so `recall` has the last word. Cheap enough
   * to ask for every item.
   */
  readonly knows: (fingerprint: string) => boolean
  /** The output of some succeeded record with this fingerprint, read back from the log. */
  readonly recall: (
    fingerprint: string,
    key?: string
  ) => Effect.Effect<Option.Option<Schema.Json>, JournalError>
  /** Makes the entries durable, all of them, before it succeeds. */
  readonly append: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, JournalError>
  /** The last record of each key, in the order of the log. */
  readonly entries: Stream.Stream<Entry, JournalError>
  /**
   * The last record of each key, some at a time, for whoever does not need all of each. Absent where it would be no cheaper
   * than `entries`.
   */
  readonly stored?: Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, JournalError> | undefined
  /**
   * The same in the order of some keys, each once, and then those of all other keys; a key without a record is passed over.
   * Absent where the records are in memory anyway.
   */
  readonly ordered?:
    | (<E, R>(
        keys: Stream.Stream<string, E, R>
      ) => Stream.Stream<Arr.NonEmptyReadonlyArray<Stored>, E | JournalError, R>)
    | undefined
  /** How many keys have a record, and how many of them succeeded. */
  readonly counts: Effect.Effect<{ readonly keys: number; readonly succeeded: number }>
}

const forgetful: Journal = {
  lookup: () => undefined,
  knows: () => false,
  recall: () => Effect.succeedNone,
  append: () => Effect.void,
  entries: Stream.empty,
  counts: Effect.succeed({ keys: 0, succeeded: 0 })
}

/**
 * The journal of the current run. The default remembers nothing: every item is done, and nothing is kept.
 */
export const Journal = Context.Reference<Journal>("@stint/batch/Journal", { defaultValue: () => forgetful })

/** Makes a journal that lives as long as the program. */
export const makeMemory: Effect.Effect<Journal> = Effect.sync(() => {
  const entries = new Map<string, Entry>()
  const outputs = new Map<string, { readonly key: string; readonly output: Schema.Json }>()
  return {
    knows: (fingerprint) => outputs.has(fingerprint),
    recall: (fingerprint, key) =>
      Effect.sync(() => {
        const found = outputs.get(fingerprint)
        return found === undefined || (key !== undefined && found.key !== key)
          ? Option.none()
          : Option.some(found.output)
      }),
    lookup: (key) => {
      const entry = entries.get(key)
      return entry && { fingerprint: entry.fingerprint, succeeded: entry.tag === "Succeeded" }
    },
    append: (added) =>
      Effect.sync(() => {
        for (const entry of added) {
          entries.delete(entry.key)
          entries.set(entry.key, entry)
          if (entry.tag === "Succeeded") {
            outputs.set(entry.fingerprint, { key: entry.key, output: entry.output ?? null })
          }
        }
      }),
    entries: Stream.suspend(() => Stream.fromIterable(entries.values())),
    counts: Effect.sync(() => ({
      keys: entries.size,
      succeeded: [...entries.values()].filter((entry) => entry.tag === "Succeeded").length
    }))
  }
})

/** A journal that lives as long as the layer. */
export const layerMemory: Layer.Layer<never> = Layer.effect(Journal, makeMemory)

/**
 * Opens the log at `path`, repairing a torn last line, for the rest of the scope.
 *
 * An index beside it (`journal.index` beside `journal.jsonl`) keeps the start short: 32 bytes a record are read instead of
 * the log, and about 30 are held. It may be deleted at any time; the next start reads the log and writes it anew.
 *
 * A line that is damaged anywhere else fails with `JournalError`, naming the line.
 */
export const makeFile: (
  path: string
) => Effect.Effect<Journal, JournalError, FileSystem.FileSystem | Scope.Scope> = JournalFile.make

/**
 * A journal in a file: one JSON object per line, made durable by group. See {@link makeFile}.
 *
 * **Example** (A batch that can be run again)
 *
 * ```ts
 * import { Batch, Job, Journal, withEndpoint } from "@stint/batch"
 * import { Effect, Stream } from "effect"
 *
 * const job = Job.embed({ key: (word: string) => word, text: (word) => word })
 * const program = withEndpoint({ name: "batch-endpoint" }, () =>
 *   Batch.run(Stream.make("sea", "lake", "pond"), job)
 * ).pipe(Effect.provide(Journal.layerFile("journal.jsonl")))
 * ```
 */
export const layerFile = (path: string): Layer.Layer<never, JournalError, FileSystem.FileSystem> =>
  Layer.effect(Journal, makeFile(path))

/** Whether an item is done: its key has succeeded, and for the same request. */
export const isDone = (known: Known | undefined, fingerprint: string): boolean =>
  known !== undefined && known.succeeded && known.fingerprint === fingerprint
