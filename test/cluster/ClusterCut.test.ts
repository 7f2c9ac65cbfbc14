/** The rows of a run, without workers. */
import { assert, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { InputRef } from "@stint/cluster"
import { Effect } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import type { Piece } from "../../packages/cluster/src/internal/input/pieces.ts"
import * as Runs from "../../packages/cluster/src/internal/run/runs.ts"
import { counting, embedding, endpoint, limit, make } from "./clusterWorld.ts"

const pieces = (rows: ReadonlyArray<number>): ReadonlyArray<Piece> =>
  rows.map((rows, nth) => ({ rows, place: { _tag: "Rows", start: nth * 100, end: nth * 100 + rows } }))

it.live("chunks that are being done are not replaced by whoever has read the input late", () =>
  Effect.gen(function* () {
    const world = yield* make(counting(5).engine)
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient
      const runs = yield* Runs.make
      const input = InputRef.file(yield* world.file("rows.jsonl", ""))
      yield* embedding.start({ run: "late", input, endpoint, limit, parameters: {} })
      const id = (yield* runs.find("late"))?.id ?? ""
      const seen = Effect.all([
        sql`SELECT number, first::int AS first, items, done FROM stint_chunks ORDER BY number`,
        sql`SELECT items::int AS items, chunks, chunks_done, stamp FROM stint_runs`
      ])
      yield* runs.cut(id, 1, "one", pieces([10, 10]))
      yield* runs.enqueued(id, 1)
      yield* runs.finish(id, 1, 0, { failed: 0, attempts: 10, faults: "{}" })
      const before = yield* seen
      assert.deepStrictEqual(before, [
        [
          { number: 0, first: 0, items: 10, done: true },
          { number: 1, first: 10, items: 10, done: false }
        ],
        [{ items: 20, chunks: 2, chunks_done: 1, stamp: "one" }]
      ])
      yield* runs.cut(id, 1, "two", pieces([5, 5, 5]))
      assert.deepStrictEqual(yield* seen, before)
    }).pipe(Effect.provide(world.client))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
)
