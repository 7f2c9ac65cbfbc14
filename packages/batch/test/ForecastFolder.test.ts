/** What a forecast reads: an output folder, which it must not touch, and an input. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { Forecast, Journal, Row } from "@stint/batch"
import type { Hardware } from "@stint/core"
import { Effect, FileSystem, Option, Schema, Stream } from "effect"
import * as Folder from "./folder.ts"

const identity = { repository: "acme/embedder" }
const job = Row.job("embed")

const rowsOf = (count: number): ReadonlyArray<Row.Row> =>
  Array.from({ length: count }, (_, at) => ({ id: `row-${at}`, input: `text ${at % 5}` }))

const fingerprints = (rows: ReadonlyArray<Row.Row>) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const journal = yield* Journal.makeMemory
    const spy: Journal.Journal = {
      ...journal,
      knows: (fingerprint) => {
        asked.push(fingerprint)
        return false
      }
    }
    yield* Forecast.survey(Stream.fromIterable(rows), job, { identity, tokens: Forecast.tokensOfRow }).pipe(
      Effect.provideService(Journal.Journal, spy)
    )
    return asked
  })

const run = (given: Record<string, unknown>) =>
  JSON.stringify({ succeeded: 100, failed: 0, durationMillis: 10_000, ...given })

const at = { instanceType: "nvidia-l4", instanceSize: "x1" }
const hardware: ReadonlyArray<Hardware.Instance> = []

layer(NodeServices.layer)("an output folder", (it) => {
  it.effect("that is not there holds nothing, and is not made", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* Folder.folder}/out`
      const { journal, runs, sample } = yield* Forecast.readFolder(path)
      assert.deepStrictEqual([runs, sample], [[], []])
      assert.deepStrictEqual(yield* journal.counts, { keys: 0, succeeded: 0 })
      assert.isFalse(yield* fs.exists(path))
    })
  )

  for (const withIndex of [true, false]) {
    it.effect(
      `answers as the journal itself does, ${withIndex ? "with" : "without"} the index beside it`,
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const folder = yield* Folder.folder
          const entries = Array.from({ length: 50 }, (_, n): Journal.Entry => ({
            key: `row-${n % 40}`,
            fingerprint: n.toString(16).padStart(16, "0"),
            tag: n % 7 === 0 ? "Failed" : "Succeeded",
            attempts: 1,
            durationMillis: n,
            ...(n % 7 === 0 ? { error: null } : { output: { output: [n] } })
          }))
          const expected = yield* Effect.scoped(
            Effect.gen(function* () {
              const journal = yield* Journal.makeFile(`${folder}/journal.jsonl`)
              yield* journal.append(entries)
              return {
                counts: yield* journal.counts,
                entries: yield* Stream.runCollect(journal.entries),
                known: entries.map(({ key }) => journal.lookup(key)),
                recalled: yield* journal.recall(entries[3]?.fingerprint ?? "")
              }
            })
          )
          if (!withIndex) yield* fs.remove(`${folder}/journal.index`)
          const before = yield* fs.readFile(`${folder}/journal.jsonl`)
          const { journal, sample } = yield* Forecast.readFolder(folder)
          assert.deepStrictEqual(
            {
              counts: yield* journal.counts,
              entries: yield* Stream.runCollect(journal.entries),
              known: entries.map(({ key }) => journal.lookup(key)),
              recalled: yield* journal.recall(entries[3]?.fingerprint ?? "")
            },
            expected
          )
          assert.isTrue(Option.isSome(expected.recalled))
          assert.strictEqual(sample.length, entries.filter(({ tag }) => tag === "Succeeded").length)
          assert.deepStrictEqual(yield* fs.readFile(`${folder}/journal.jsonl`), before)
          assert.strictEqual(yield* fs.exists(`${folder}/journal.index`), withIndex)
        })
    )
  }

  it.effect("whose last line is torn is read up to it, and left as it is; damage before it is told", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const line = (key: string) =>
        `{"key":"${key}","fingerprint":"0000000000000001","tag":"Succeeded","attempts":1,"durationMillis":5,"output":1}\n`
      const path = yield* Folder.file(`${line("a")}${line("b")}{"key":"c","fing`, "journal.jsonl")
      const folder = path.slice(0, path.lastIndexOf("/"))
      const size = (yield* fs.stat(path)).size
      const { journal } = yield* Forecast.readFolder(folder)
      assert.strictEqual((yield* journal.counts).keys, 2)
      assert.strictEqual((yield* fs.stat(path)).size, size)
      yield* fs.writeFileString(path, `${line("a")}what?\n${line("b")}`)
      const error = yield* Effect.flip(Forecast.readFolder(folder))
      assert.include(error.message, "line 2 is damaged")
    })
  )

  it.effect("tells of its runs, but not of those that sent nothing or that it cannot read", () =>
    Effect.gen(function* () {
      const lines = [
        run({}),
        run({ succeeded: 0 }),
        "{broken",
        run({ hardware: "aws us-east-1 nvidia-l4 x1" })
      ]
      const path = yield* Folder.file(`${lines.join("\n")}\n`, "runs.jsonl")
      const { runs } = yield* Forecast.readFolder(path.slice(0, path.lastIndexOf("/")))
      assert.deepStrictEqual(
        runs.map(({ hardware }) => hardware),
        [undefined, "aws us-east-1 nvidia-l4 x1"]
      )
    })
  )
})

describe("earlier runs", () => {
  const decoded = (lines: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const path = yield* Folder.file(lines.join("\n"), "runs.jsonl")
      return yield* Forecast.readFolder(path.slice(0, path.lastIndexOf("/")))
    })

  layer(NodeServices.layer)((it) => {
    it.effect(
      "on the endpoint's hardware count, where they name theirs; else they are taken to be on it",
      () =>
        Effect.gen(function* () {
          const elsewhere = run({ hardware: "aws us-east-1 nvidia-h200 x1", succeeded: 900 })
          const here = run({ hardware: "aws us-east-1 nvidia-l4 x1" })
          const named = Forecast.past(yield* decoded([elsewhere, here]), job, { hardware, at })
          assert.strictEqual(named.evidence?.instanceType, "nvidia-l4")
          assert.strictEqual(named.evidence?.rows, 100)
          assert.isFalse(named.evidence?.isAssumed)
          const unnamed = Forecast.past(yield* decoded([run({})]), job, { hardware, at })
          assert.isTrue(unnamed.evidence?.isAssumed)
          const other = Forecast.past(yield* decoded([elsewhere]), job, { hardware, at })
          assert.strictEqual(other.evidence?.instanceType, "nvidia-h200")
          assert.isUndefined(Forecast.past(yield* decoded([run({})]), job, { hardware }).evidence)
        })
    )

    it.effect("count the seconds of every replica, and how long one takes to boot", () =>
      Effect.gen(function* () {
        // The bill's own are those that are left when it is written.
        const bill = { replicas: 0, peakReplicas: 2, bootMinutes: 8 }
        const lines = [run({ bill })]
        const { boot, evidence } = Forecast.past(yield* decoded(lines), job, { hardware, at })
        assert.strictEqual(evidence?.seconds, 20)
        assert.strictEqual(boot?.expected, 240)
        assert.isBelow(boot?.low ?? 0, 240)
        const ran = { replicas: 1, bootMinutes: 0.1, ranBefore: true }
        assert.isUndefined(Forecast.past(yield* decoded([run({ bill: ran })]), job, { hardware, at }).boot)
      })
    )

    it.effect("count the rows that were sent, not those that shared an answer", () =>
      Effect.gen(function* () {
        const rowsOf = Effect.fnUntraced(function* (...of: ReadonlyArray<Record<string, unknown>>) {
          return Forecast.past(yield* decoded(of.map((one) => run(one))), job, { hardware, at }).evidence
            ?.rows
        })
        const shared = { succeeded: 990, failed: 10, attempts: 100 }
        assert.strictEqual(yield* rowsOf(shared), 100)
        assert.strictEqual(yield* rowsOf({ ...shared, attempts: 1100 }), 1000, "a retry is no further row")
        assert.strictEqual(yield* rowsOf({ ...shared, attempts: undefined }), 1000)
        assert.strictEqual(yield* rowsOf(shared, shared), 200)
        // Nothing of it was sent, so its seconds say nothing.
        assert.isUndefined(yield* rowsOf({ ...shared, attempts: 0 }))
      })
    )

    it.effect("say how long answers are, by their own usage or their length", () =>
      Effect.gen(function* () {
        const usage = { completion_tokens: 30 }
        const sample: ReadonlyArray<Journal.Entry> = [
          { response: { status_code: 200, request_id: null, body: { usage } } },
          { output: "a".repeat(40) }
        ].map((output, n) => ({
          key: `${n}`,
          fingerprint: "0000000000000001",
          tag: "Succeeded",
          attempts: 1,
          durationMillis: 1500,
          output
        }))
        const { answers } = Forecast.past({ runs: [], sample }, Row.job("chat"), { hardware })
        assert.deepStrictEqual(answers, { mean: 20, count: 2 })
      })
    )
  })
})

describe("a survey", () => {
  const Few = Schema.Array(
    Schema.Struct({
      text: Schema.Literals(["sea", "lake", "pond", "brook"]),
      known: Schema.Literals(["no", "done", "other key"])
    })
  ).check(Schema.isMaxLength(30))

  it.effect.prop(
    "counts every row once: done, shared or sent",
    { few: Few, dedupe: Schema.Boolean },
    (drawn) =>
      Effect.gen(function* () {
        const rows = drawn.few.map(({ text }, n): Row.Row => ({ id: `${n}`, input: text }))
        const prints = yield* fingerprints(rows)
        const journal = yield* Journal.makeMemory
        yield* journal.append(
          drawn.few.flatMap(({ known }, n) =>
            known === "no"
              ? []
              : [
                  {
                    key: known === "done" ? `${n}` : `other ${n}`,
                    fingerprint: prints[n] ?? "",
                    tag: "Succeeded" as const,
                    attempts: 1,
                    durationMillis: 1,
                    output: { output: [1] }
                  }
                ]
          )
        )
        const survey = yield* Forecast.survey(Stream.fromIterable(rows), job, {
          identity,
          dedupe: drawn.dedupe,
          tokens: Forecast.tokensOfRow
        }).pipe(Effect.provideService(Journal.Journal, journal))
        const done = drawn.few.filter(({ known }) => known === "done").length
        const answered = new Set(drawn.few.filter(({ known }) => known !== "no").map(({ text }) => text))
        const left = drawn.few.filter(({ known }) => known !== "done")
        const fresh = new Set(left.filter(({ text }) => !answered.has(text)).map(({ text }) => text))
        const requests = drawn.dedupe ? fresh.size : left.length
        assert.strictEqual(survey.items, rows.length)
        assert.strictEqual(survey.done, done)
        assert.strictEqual(survey.requests, requests)
        assert.strictEqual(survey.shared, rows.length - done - requests)
      })
  )

  it.effect("measures some of a long input, and is near the mean of all", () =>
    Effect.gen(function* () {
      const rows = Stream.range(1, 30_000).pipe(
        Stream.map((n): Row.Row => ({ id: `${n}`, input: "word ".repeat(1 + (n % 40)) }))
      )
      const { counted, inputTokens } = yield* Forecast.survey(rows, job, {
        dedupe: false,
        tokens: Forecast.tokensOfRow
      })
      assert.isBelow(counted, 13_000)
      const all = Array.from({ length: 40 }, (_, n) => Forecast.tokensOfText("word ".repeat(n + 1)))
      const mean = all.reduce((sum, tokens) => sum + tokens, 0) / all.length
      assert.isBelow(Math.abs(inputTokens / mean - 1), 0.05)
    })
  )

  it.effect("fails at the second row of an id, as a run does", () =>
    Effect.gen(function* () {
      const twice = Stream.fromIterable([...rowsOf(2), ...rowsOf(1)])
      const error = yield* Effect.flip(Forecast.survey(twice, job, { tokens: Forecast.tokensOfRow }))
      assert.strictEqual(error._tag, "DuplicateKey")
    })
  )
})
