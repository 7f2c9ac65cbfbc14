import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@stint/batch"
import { Effect, FileSystem, Option, Path, Schema, Stream } from "effect"
import { fromHex, toHex } from "../src/internal/digest.ts"
import { lookedUp } from "../src/internal/engine/decision.ts"

type Kind = "file" | "memory"

const entry = (key: string, more: Partial<Journal.Entry> = {}): Journal.Entry => ({
  key,
  fingerprint: "0123456789abcdef",
  tag: "Succeeded",
  attempts: 1,
  durationMillis: 12.5,
  output: [1, 2, "é\n😀"],
  ...more
})

const failed = (key: string) =>
  entry(key, { tag: "Failed", error: { reason: "row", message: "no" }, input: { id: key } })

const temporary = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return path.join(yield* fs.makeTempDirectoryScoped(), "journal.jsonl")
})

const inFile = <A, E, R>(path: string, use: (journal: Journal.Journal) => Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.flatMap(Journal.Journal, use), Journal.layerFile(path), { local: true })

const keysOf = (journal: Journal.Journal) =>
  Effect.map(Stream.runCollect(journal.entries), (entries) => entries.map(({ key }) => key))

/** What every journal promises. */
const promises = (kind: Kind) => {
  const withJournal = <A, E, R>(use: (journal: Journal.Journal) => Effect.Effect<A, E, R>) =>
    kind === "memory"
      ? Effect.provide(Effect.flatMap(Journal.Journal, use), Journal.layerMemory, { local: true })
      : Effect.flatMap(temporary, (path) => inFile(path, use))

  describe(`a journal in ${kind}`, () => {
    it.effect("knows what it was told, and nothing else", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          yield* journal.append([entry("a"), failed("b")])
          assert.deepStrictEqual(journal.lookup("a"), { fingerprint: "0123456789abcdef", succeeded: true })
          assert.deepStrictEqual(journal.lookup("b"), { fingerprint: "0123456789abcdef", succeeded: false })
          assert.isUndefined(journal.lookup("c"))
          assert.deepStrictEqual(yield* Stream.runCollect(journal.entries), [entry("a"), failed("b")])
          assert.deepStrictEqual(yield* journal.counts, { keys: 2, succeeded: 1 })
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("the last record of a key wins, and stands where it was written", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          yield* journal.append([failed("a"), entry("b")])
          yield* journal.append([
            entry("a", { fingerprint: "ffffffffffffffff" }),
            entry("c"),
            entry("c", { attempts: 2 })
          ])
          assert.deepStrictEqual(yield* Stream.runCollect(journal.entries), [
            entry("b"),
            entry("a", { fingerprint: "ffffffffffffffff" }),
            entry("c", { attempts: 2 })
          ])
          assert.deepStrictEqual(journal.lookup("a"), { fingerprint: "ffffffffffffffff", succeeded: true })
          assert.deepStrictEqual(yield* journal.counts, { keys: 3, succeeded: 3 })
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("a success that fails later is a failure", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          yield* journal.append([entry("a")])
          yield* journal.append([failed("a")])
          assert.isFalse(journal.lookup("a")?.succeeded)
          assert.deepStrictEqual(yield* journal.counts, { keys: 1, succeeded: 0 })
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("recalls the output of a success by its fingerprint, and knows which it can", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          const print = (digit: string) => digit.repeat(16)
          yield* journal.append([
            entry("a", { fingerprint: print("a"), output: { vector: [1, 2] } }),
            entry("b", { fingerprint: print("b"), tag: "Failed", error: "no" })
          ])
          assert.isTrue(journal.knows(print("a")))
          assert.isFalse(journal.knows(print("b")))
          assert.deepStrictEqual(yield* journal.recall(print("a")), Option.some({ vector: [1, 2] }))
          assert.deepStrictEqual(yield* journal.recall(print("b")), Option.none())
          const { output: _, ...bare } = entry("c", { fingerprint: print("c") })
          yield* journal.append([entry("b", { fingerprint: print("b"), output: "late" }), bare])
          assert.deepStrictEqual(yield* journal.recall(print("b")), Option.some("late"))
          assert.deepStrictEqual(yield* journal.recall(print("c")), Option.some(null))
          // What a key came to later takes nothing away from what was answered.
          yield* journal.append([failed("a")])
          assert.deepStrictEqual(yield* journal.recall(print("a")), Option.some({ vector: [1, 2] }))
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("many that write at once lose nothing of each other", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          const groups = Array.from({ length: 60 }, (_, group) =>
            Array.from({ length: 1 + (group % 5) }, (_, row) =>
              entry(`${group}-${row}`, { output: "x".repeat((group * 37) % 900) })
            )
          )
          yield* Effect.forEach(groups, (group) => journal.append(group), {
            concurrency: "unbounded",
            discard: true
          })
          const keys = yield* keysOf(journal)
          assert.deepStrictEqual(
            keys.toSorted(),
            groups
              .flat()
              .map(({ key }) => key)
              .toSorted()
          )
          for (const { key } of groups.flat()) assert.isTrue(journal.lookup(key)?.succeeded, key)
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )

    it.effect("nothing is nothing", () =>
      withJournal((journal) =>
        Effect.gen(function* () {
          yield* journal.append([])
          assert.deepStrictEqual(yield* keysOf(journal), [])
          assert.deepStrictEqual(yield* journal.counts, { keys: 0, succeeded: 0 })
        })
      ).pipe(Effect.provide(NodeServices.layer))
    )
  })
}

promises("memory")
promises("file")

describe("a journal in a file", () => {
  const written = Effect.gen(function* () {
    const path = yield* temporary
    yield* inFile(path, ({ append }) =>
      Effect.andThen(append([entry("a"), failed("b")]), append([entry("ключ"), entry("d")]))
    )
    return path
  })

  it.effect("is there again when it is opened again", () =>
    Effect.gen(function* () {
      const path = yield* written
      yield* inFile(path, (journal) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* keysOf(journal), ["a", "b", "ключ", "d"])
          assert.deepStrictEqual(journal.lookup("ключ"), { fingerprint: "0123456789abcdef", succeeded: true })
          assert.deepStrictEqual(yield* journal.counts, { keys: 4, succeeded: 3 })
          yield* journal.append([entry("b")])
          assert.deepStrictEqual(yield* keysOf(journal), ["a", "ключ", "d", "b"])
        })
      )
      yield* inFile(path, (journal) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* keysOf(journal), ["a", "ключ", "d", "b"])
        })
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is on the disk when append succeeds", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* temporary
      yield* inFile(path, ({ append }) =>
        Effect.gen(function* () {
          yield* append([entry("a")])
          const [line] = (yield* fs.readFileString(path)).split("\n")
          assert.include(line, '"key":"a"')
          const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Journal.Entry))
          assert.deepStrictEqual(decode(line), entry("a"))
        })
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a last line torn at any byte is cut off, and the file can be written again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* written
      const bytes = yield* fs.readFile(path)
      const last = bytes.subarray(0, -1).lastIndexOf(10) + 1
      assert.isAbove(last, 0)
      for (let end = last; end <= bytes.length; end++) {
        yield* fs.writeFile(path, bytes.subarray(0, end))
        const isWhole = end === bytes.length
        yield* inFile(path, (journal) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(
              yield* keysOf(journal),
              ["a", "b", "ключ", ...(isWhole ? ["d"] : [])],
              `cut at ${end}`
            )
            yield* journal.append([entry("e")])
            assert.strictEqual((yield* keysOf(journal)).at(-1), "e")
          })
        )
        yield* inFile(path, (journal) =>
          Effect.gen(function* () {
            assert.strictEqual((yield* keysOf(journal)).length, isWhole ? 5 : 4)
          })
        )
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const damages: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["half a line", '{"key":"x","finger', /line 2 is damaged/],
    ["a line of another shape", '{"hello":"world"}', /line 2 is damaged/],
    ["a blank line", "", /line 2 is damaged/]
  ]
  for (const [what, damage, message] of damages) {
    it.effect(`${what} in the middle is an error that names file and line`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* written
        const lines = (yield* fs.readFileString(path)).split("\n")
        const before = lines.toSpliced(1, 1, damage).join("\n")
        yield* fs.writeFileString(path, before)
        const error = yield* Effect.flip(inFile(path, () => Effect.void))
        assert.strictEqual(error._tag, "JournalError")
        assert.match(error.message, message)
        assert.include(error.message, path)
        // It was paid for: nothing is cut.
        assert.strictEqual(yield* fs.readFileString(path), before)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("bytes that are no text are damage, too", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* written
      const bytes = (yield* fs.readFile(path)).slice()
      bytes[10] = 0xff
      yield* fs.writeFile(path, bytes)
      assert.match((yield* Effect.flip(inFile(path, () => Effect.void))).message, /line 1 is not UTF-8/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("recalls nothing from a record that only has the same bits", () =>
    Effect.gen(function* () {
      const path = yield* temporary
      // Both fingerprints read as the same number; a journal written by hand may hold anything.
      yield* inFile(path, ({ append }) => append([entry("a", { fingerprint: "0123456789ABCDEF" })]))
      yield* inFile(path, (journal) =>
        Effect.gen(function* () {
          assert.isTrue(journal.knows("0123456789abcdef"))
          assert.deepStrictEqual(yield* journal.recall("0123456789abcdef"), Option.none())
        })
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("holes that a power cut left in what was written last are damage, not results", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* written
      const bytes = Uint8Array.from(yield* fs.readFile(path))
      const at = new TextDecoder().decode(bytes).indexOf('"output"') + 10
      bytes.fill(0, at, at + 3)
      yield* fs.writeFile(path, bytes)
      yield* fs.remove(path.replace(".jsonl", ".index"))
      assert.match((yield* Effect.flip(inFile(path, () => Effect.void))).message, /line 1 is damaged/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a folder that is not there is an error that names it", () =>
    Effect.gen(function* () {
      const path = `${yield* temporary}/nowhere/journal.jsonl`
      const error = yield* Effect.flip(inFile(path, () => Effect.void))
      assert.strictEqual(error._tag, "JournalError")
      assert.include(error.message, path)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("without a journal", () => {
  it.effect("nothing is remembered", () =>
    Effect.gen(function* () {
      const journal = yield* Journal.Journal
      yield* journal.append([entry("a")])
      assert.isUndefined(journal.lookup("a"))
      assert.isFalse(journal.knows(entry("a").fingerprint))
      assert.deepStrictEqual(yield* journal.recall(entry("a").fingerprint), Option.none())
      assert.deepStrictEqual(yield* keysOf(journal), [])
    })
  )
})

// Few of each, so that they are met again; one half of a fingerprint may be that of another.
const Word = Schema.Literals(["00000000", "00000001", "0a0b0c0d", "80000000", "ffffffff"])
const Records = Schema.Array(
  Schema.Struct({
    key: Schema.Literals(["a", "b", "c"]),
    high: Word,
    low: Word,
    tag: Schema.Literals(["Succeeded", "Failed"])
  })
)

describe("where an item stands", () => {
  it.effect.prop(
    "is by its fingerprint's numbers what it is by its digits",
    { records: Records },
    ({ records }) =>
      Effect.flatMap(temporary, (path) => {
        const same = (journal: Journal.Journal) =>
          Effect.sync(() => {
            const byDigits = lookedUp(journal)
            for (const key of ["a", "b", "c", "none"]) {
              for (const high of Word.literals) {
                for (const low of Word.literals) {
                  const print = fromHex(high + low)
                  assert.strictEqual(toHex(print), high + low)
                  const last = records.findLast((record) => record.key === key)
                  const isSame = last?.high === high && last.low === low
                  const expected = last?.tag !== "Succeeded" ? "undone" : isSame ? "done" : "changed"
                  assert.strictEqual(byDigits(key, print), expected)
                  assert.strictEqual(journal.standing?.(key, print), expected)
                }
              }
            }
          })
        return Effect.andThen(
          inFile(path, (journal) =>
            Effect.andThen(
              journal.append(
                records.map(({ high, key, low, tag }) =>
                  tag === "Failed"
                    ? { ...failed(key), fingerprint: high + low }
                    : entry(key, { fingerprint: high + low })
                )
              ),
              same(journal)
            )
          ),
          inFile(path, same)
        )
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 30 } }
  )
})

describe("isDone", () => {
  it("is a success under the same fingerprint", () => {
    assert.isFalse(Journal.isDone(undefined, "a"))
    assert.isFalse(Journal.isDone({ fingerprint: "a", succeeded: false }, "a"))
    assert.isFalse(Journal.isDone({ fingerprint: "b", succeeded: true }, "a"))
    assert.isTrue(Journal.isDone({ fingerprint: "a", succeeded: true }, "a"))
  })
})
