/**
 * What the journal says should be done with an item.
 */
import * as Schema from "effect/Schema"
import type { Job } from "../../Job.ts"
import * as Journal from "../../Journal.ts"
import * as Fingerprint from "../fingerprint.ts"
import { type Digest, digest, toHex } from "../digest.ts"
import { DigestSet } from "./digestSet.ts"

/** A key is done, but for another request: doing it again would replace what was paid for. */
export class FingerprintChanged extends Schema.TaggedError<FingerprintChanged>()("FingerprintChanged", {
  key: Schema.String,
  /** How many items are. */
  count: Schema.Int
}) {
  override get message() {
    const items =
      this.count === 1 ? `Item "${this.key}" is` : `${this.count} items, the first of them "${this.key}", are`
    return `${items} done already, but for another request, model or revision. Say whether changed items are done again or their old outputs kept (changed: "redo" or "keep"; for the command --changed), or write to another folder.`
  }
}

/** Two items of one input have the same key: one of them would overwrite the other. */
export class DuplicateKey extends Schema.TaggedError<DuplicateKey>()("DuplicateKey", { key: Schema.String }) {
  override get message() {
    return `Two items have the key "${this.key}". Keys must be unique within a batch: give each item its own, and run again.`
  }
}

export type Changed = "refuse" | "redo" | "keep"

export type Decision =
  | {
      readonly _tag: "Send"
      readonly fingerprint: string
      /** About how long the request is. */
      readonly bytes: number
    }
  | { readonly _tag: "Skip" }
  | { readonly _tag: "Changed" }

/** The same of a journal that knows fingerprints only as text. */
export const lookedUp =
  (journal: Pick<Journal.Journal, "lookup">) =>
  (key: string, print: Digest): Journal.Standing => {
    const known = journal.lookup(key)
    if (known?.succeeded !== true) return "undone"
    return Journal.isDone(known, toHex(print)) ? "done" : "changed"
  }

export const decider = <In, Out, E, R>(
  journal: Journal.Journal,
  job: Job<In, Out, E, R>,
  identity: string,
  changed: Changed
) => {
  const fingerprintOf = Fingerprint.under(identity)
  const standing = journal.standing === undefined ? lookedUp(journal) : journal.standing.bind(journal)
  let sum = 0
  const decide = (item: In, key: string): Decision => {
    const { bytes, print } = fingerprintOf(job.fingerprint(item))
    sum = (sum + print.low + 31 * digest(key).low) >>> 0
    const found = standing(key, print)
    if (found === "done") return { _tag: "Skip" }
    if (found === "undone" || changed === "redo") return { _tag: "Send", fingerprint: toHex(print), bytes }
    return changed === "keep" ? { _tag: "Skip" } : { _tag: "Changed" }
  }
  return {
    decide,
    /** What all items come to, in whatever order: by which a second reading is told from the first. */
    sum: () => sum
  }
}

/** A set of keys, as 64-bit digests. */
export const keySet = () => {
  const seen = new DigestSet()
  return {
    size: () => seen.size,
    /** Whether the key is new. */
    add: (key: string): boolean => seen.add(digest(key))
  }
}
