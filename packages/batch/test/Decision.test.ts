import { assert, describe, it } from "@effect/vitest"
import { Job, type Journal } from "@stint/batch"
import { Effect, Option, Schema, Stream } from "effect"
import { decider } from "../src/internal/engine/decision.ts"

/** A journal whose methods need their object. */
class Own implements Journal.Journal {
  private readonly done = new Set(["a"])
  entries = Stream.empty
  counts = Effect.succeed({ keys: 1, succeeded: 1 })
  lookup(key: string) {
    return this.done.has(key) ? { fingerprint: "0123456789abcdef", succeeded: true } : undefined
  }
  standing(key: string): Journal.Standing {
    return this.done.has(key) ? "done" : "undone"
  }
  knows() {
    return false
  }
  recall() {
    return Effect.succeed(Option.none())
  }
  append() {
    return Effect.void
  }
}

const job = Job.make({
  name: "words",
  key: (word: string) => word,
  fingerprint: (word) => word,
  output: Schema.String,
  run: (word) => Effect.succeed(word)
})

describe("what is to be done with an item", () => {
  it("is asked of a journal as its own method", () => {
    const { decide } = decider(new Own(), job, "identity", "refuse")
    assert.strictEqual(decide("a", "a")._tag, "Skip")
    assert.strictEqual(decide("b", "b")._tag, "Send")
  })
})
