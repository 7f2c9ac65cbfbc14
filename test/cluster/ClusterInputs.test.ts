/** The rows of the command over a cluster, from CSV with a template and from a table. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, ClusterRows, InputRef } from "@stint/cluster"
import { Effect, Stream } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, limit, lines, make, quiet } from "./clusterWorld.ts"

describe("rows of the command over a cluster", () => {
  it.live(
    "come from CSV with a template, and from a table in the order of its key; a key that is none is refused",
    () =>
      Effect.gen(function* () {
        const { asked, engine } = counting(1)
        const world = yield* make(engine, ClusterRows.rows.layer)
        yield* world.start()
        yield* Effect.gen(function* () {
          const csv = `key,lang,body\n${Array.from({ length: 50 }, (_, nth) => `${nth},en,"b ${nth}"\n`).join("")}`
          const options = { endpoint, limit, options: { pack: false as const } }
          yield* ClusterRows.rows.start({
            ...options,
            run: "csv",
            chunk: 20,
            input: InputRef.file(yield* world.file("rows.csv", csv)),
            parameters: { kind: "embed", mapping: { id: "key", template: "{{lang}}: {{body}}" } }
          })
          assert.strictEqual((yield* ClusterBatch.wait("csv")).succeeded, 50)
          assert.isTrue(asked.has("en: b 49"))

          const sql = yield* SqlClient
          yield* sql`CREATE TABLE words AS SELECT n AS id, 'w' || n AS input FROM generate_series(1, 100) AS n`
          const table = InputRef.table("SELECT id, input FROM words;", "id")
          yield* ClusterRows.rows.start({
            ...options,
            run: "table",
            chunk: 30,
            input: table,
            parameters: { kind: "embed" }
          })
          assert.strictEqual((yield* ClusterBatch.wait("table")).succeeded, 100)
          const keys = yield* Stream.runCollect(Stream.map(ClusterBatch.results("table"), ({ key }) => key))
          assert.deepStrictEqual(
            keys,
            Array.from({ length: 100 }, (_, nth) => String(nth + 1))
          )

          yield* sql`INSERT INTO words VALUES (7, 'again')`
          yield* ClusterRows.rows.start({
            ...options,
            run: "twice",
            input: table,
            parameters: { kind: "embed" }
          })
          const twice = yield* Effect.flip(ClusterBatch.wait("twice"))
          assert.strictEqual(twice._tag, "SourceError")
          assert.include(twice.message, '"7" is not unique')

          yield* ClusterRows.rows.start({
            ...options,
            run: "nothing",
            input: InputRef.table("SELECT id FROM nothing", "id"),
            parameters: { kind: "embed" }
          })
          const nothing = yield* Effect.flip(ClusterBatch.wait("nothing"))
          assert.include(
            nothing.message,
            'The input of the query cannot be read: Postgres says: relation "nothing"'
          )
          assert.include(nothing.message, "start another run with one that is right")

          const parameters = { kind: "embed", mapping: { template: "{{ never closed" } } as const
          const refused = yield* Effect.flip(
            ClusterRows.rows.start({ ...options, run: "refused", input: table, parameters })
          )
          assert.strictEqual(refused._tag, "ParametersRefused")
        }).pipe(Effect.provide(world.client))
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})

describe("a run whose starter was lost as it began it", () => {
  it.live("is begun by a worker", () =>
    Effect.gen(function* () {
      const { engine } = counting(1)
      const world = yield* make(engine)
      yield* Effect.gen(function* () {
        const input = InputRef.file(yield* world.file("rows.jsonl", lines(10)))
        yield* embedding.start({ run: "lost", input, endpoint, limit, parameters: {} })
        const sql = yield* SqlClient
        yield* sql`DELETE FROM cluster_messages`
        yield* sql`UPDATE stint_runs SET token = NULL, created_at = created_at - interval '1 minute'`
        yield* world.start()
        assert.strictEqual((yield* ClusterBatch.wait("lost")).succeeded, 10)
      }).pipe(Effect.provide(world.client))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})
