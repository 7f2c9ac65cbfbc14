/** What becomes of runs: rows that fail, accounts that are refused, inputs that change; cancelled, resumed, purged. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Effect, FileSystem, Schedule, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { changes } from "../batchWorld.ts"
import { counting, embedding, endpoint, limit, lines, make, quiet } from "./clusterWorld.ts"

const start = (run: string, input: InputRef.InputRef) =>
  embedding.start({ run, input, endpoint, limit, chunk: 40, parameters: {} })

/** What the emulator refuses at the moment. */
let refused: (text: string) => number | undefined = () => undefined

describe("runs of a cluster", () => {
  it.live("go as on one machine, one after the other", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { asked, engine } = counting(5, (text) => refused(text))
      const world = yield* make(engine)
      const worker = yield* world.start()
      const total = () => [...asked.values()].reduce((sum, count) => sum + count, 0)

      yield* Effect.gen(function* () {
        // Bad input is one clear error, and nothing was woken.
        const bad = yield* world.file("bad.jsonl", `${lines(2)}{"id": 3}\n`)
        yield* start("bad", InputRef.file(bad))
        const invalid = yield* Effect.flip(ClusterBatch.wait("bad"))
        assert.strictEqual(invalid._tag, "InvalidInput")
        assert.include(invalid.message, "bad.jsonl:3: id")
        assert.include(invalid.message, "Correct them, or take them out.")
        assert.deepStrictEqual(yield* Effect.provide(changes, world.emulator), [])

        // Rows that fail are rows: the run goes on, their chunk is done once, and they are tried again by a resume.
        refused = (text) => (["t7", "t50"].includes(text) ? 422 : undefined)
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(120)))
        yield* start("rows", input)
        const first = yield* ClusterBatch.wait("rows")
        assert.deepStrictEqual(
          { succeeded: first.succeeded, failed: first.failed, remaining: first.remaining },
          { succeeded: 118, failed: 2, remaining: 0 }
        )
        assert.strictEqual(total(), 120)
        const entries = yield* Stream.runCollect(ClusterBatch.results("rows"))
        assert.deepStrictEqual(
          entries.map(({ key }) => key),
          Array.from({ length: 120 }, (_, nth) => `r${nth}`)
        )
        assert.deepStrictEqual(
          entries.filter(({ tag }) => tag === "Failed").map(({ input }) => input),
          [
            { id: "r7", text: "t7" },
            { id: "r50", text: "t50" }
          ]
        )

        // The same start again changes nothing; another of that name is refused.
        yield* start("rows", input)
        assert.strictEqual(
          (yield* Effect.flip(start("rows", InputRef.file("/other.jsonl"))))._tag,
          "RunExists"
        )

        refused = () => undefined
        yield* ClusterBatch.resume("rows")
        const again = yield* ClusterBatch.wait("rows")
        assert.deepStrictEqual(
          { succeeded: again.succeeded, failed: again.failed, skipped: again.skipped },
          { succeeded: 2, failed: 0, skipped: 118 }
        )
        assert.strictEqual(total(), 122)
        const out = `${world.folder}/out`
        const unwritten = yield* Effect.flip(ClusterBatch.exportTo("rows", out))
        assert.strictEqual(unwritten._tag, "ExportFailed")
        assert.include(String(unwritten), "there is no such file or folder")
        yield* fs.makeDirectory(out)
        assert.deepStrictEqual(yield* ClusterBatch.exportTo("rows", out), { results: 120, errors: 0 })
        const written = (yield* fs.readFileString(`${out}/results.jsonl`)).split("\n")
        assert.strictEqual(written[50], '{"id":"r50","output":[3,1]}')

        // An account that is refused ends the run for all, with the error of batch.
        refused = (text) => (text === "t30" ? 401 : undefined)
        yield* start(
          "denied",
          InputRef.file(
            yield* world.file(
              "denied.jsonl",
              lines(100, (nth) => (nth === 30 ? "t30" : `d${nth}`))
            )
          )
        )
        const denied = yield* Effect.flip(ClusterBatch.wait("denied"))
        assert.strictEqual(denied._tag, "AccountRefused")
        assert.strictEqual((yield* ClusterBatch.status("denied")).state, "failed")

        // An input that is another by the time that its run is resumed is noticed.
        refused = () => undefined
        yield* world.file("denied.jsonl", lines(101))
        yield* ClusterBatch.resume("denied")
        assert.strictEqual((yield* Effect.flip(ClusterBatch.wait("denied")))._tag, "InputChanged")

        // Cancelled in the middle, and gone on with after all workers were gone.
        const many = InputRef.file(
          yield* world.file(
            "many.jsonl",
            lines(1500, (nth) => `m${nth}`)
          )
        )
        yield* start("many", many)
        yield* Effect.repeat(ClusterBatch.status("many"), {
          schedule: Schedule.spaced("20 millis"),
          until: ({ chunksDone }) => chunksDone > 0
        })
        // What there is by now, and no more is counted than was read.
        const some = yield* ClusterBatch.exportTo("many", out)
        assert.isAbove(some.results, 0)
        assert.isBelow(some.results, 1500)
        yield* ClusterBatch.cancel("many")
        assert.strictEqual((yield* Effect.flip(ClusterBatch.wait("many")))._tag, "RunCancelled")
        yield* worker.stop
        const before = total()
        yield* ClusterBatch.resume("many")
        yield* world.start({ grace: 0 })
        const done = yield* ClusterBatch.wait("many")
        assert.strictEqual(done.succeeded + done.skipped, 1500)
        assert.isAbove(done.skipped, 0)
        assert.strictEqual(total() - before, done.succeeded)

        // A run that is over is forgotten, wholly.
        assert.strictEqual(yield* ClusterBatch.purge("rows"), 120)
        for (const run of ["bad", "denied", "many"]) yield* ClusterBatch.purge(run)
        const sql = yield* SqlClient
        const left =
          yield* sql`SELECT (SELECT count(*)::int FROM stint_runs) AS runs, (SELECT count(*)::int FROM stint_chunks) AS chunks,
          (SELECT count(*)::int FROM stint_results) AS results, (SELECT count(*)::int FROM effect_queue) AS queued,
          (SELECT count(*)::int FROM cluster_messages WHERE entity_type = 'Workflow/stint/embedding') AS messages,
          (SELECT count(*)::int FROM cluster_replies) AS replies`
        assert.deepStrictEqual(left, [{ runs: 0, chunks: 0, results: 0, queued: 0, messages: 0, replies: 0 }])
        assert.strictEqual((yield* Effect.flip(ClusterBatch.status("rows")))._tag, "RunNotFound")
      }).pipe(Effect.provide(world.client))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})
