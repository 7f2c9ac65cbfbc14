/**
 * What a row of a cluster costs the database: bytes on the disk, and how many are written a second by group commit, on a
 * Postgres of its own that waits for its disk. The figures of "How far it goes" in docs/cluster.md:
 *
 *     node test/cluster/constants.ts
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Migrations } from "@stint/cluster"
import { Clock, Console, Effect, Layer } from "effect"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import { SqlClient } from "effect/sql/SqlClient"
import { MAX_ATTEMPTS, itemId, queueOf } from "../../packages/cluster/src/internal/run/workflow.ts"
import * as Writer from "../../packages/cluster/src/internal/results/writer.ts"
import * as Postgres from "../postgres/server.ts"

const ROWS = 15_000
/** Rows that wait at once, as those in flight of a worker do. */
const WAITING = 1024

const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

/** Numbers that no compression makes smaller than they are, the same each time. */
let state = 1
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}
const letters = (length: number) =>
  JSON.stringify(Array.from({ length }, () => String.fromCharCode(97 + random() * 26)).join(""))
const vector = (length: number) => JSON.stringify(Array.from({ length }, () => Math.fround(random() - 0.5)))

const outputs = {
  "20 bytes": () => letters(18),
  "1 KB of text": () => letters(1022),
  "4 KB of text": () => letters(4094),
  "a vector of 384 numbers": () => vector(384),
  "a vector of 1,024 numbers": () => vector(1024)
}

const sizeOf = (table: string) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient
    const rows = yield* sql<{ size: number; count: number }>`
      SELECT pg_total_relation_size(${table}::text::regclass)::float8 AS size, (SELECT count(*)::float8 FROM ${sql(table)}) AS count`
    const [{ count, size } = { count: 1, size: 0 }] = rows
    return size / count
  })

/** Writes rows by so many writers at once; rows a second. */
const written = Effect.fnUntraced(function* (run: number, writers: number, output: () => string) {
  const sample = Array.from({ length: 64 }, output)
  const row = (position: number): Writer.Row => ({
    runId: String(run),
    position,
    key: `row-${position}`,
    fingerprint: position.toString(16).padStart(16, "0"),
    succeeded: true,
    runAttempt: 1,
    attempts: 1,
    durationMillis: 100 + position / 7,
    output: sample[position % sample.length] ?? "",
    error: null,
    input: null
  })
  const begun = yield* Clock.currentTimeMillis
  yield* Effect.all(
    Array.from({ length: writers }, (_, nth) =>
      Effect.scoped(
        Effect.gen(function* () {
          const writer = yield* Writer.make
          const positions = Array.from({ length: ROWS / writers }, (_, index) => nth * ROWS + index)
          yield* Effect.forEach(positions, (position) => writer.write([row(position)]), {
            concurrency: WAITING / writers,
            discard: true
          })
        })
      )
    ),
    { concurrency: writers }
  )
  return (ROWS * 1000) / ((yield* Clock.currentTimeMillis) - begun)
})

const queue = PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreSql()))

const main = Effect.gen(function* () {
  const server = yield* Postgres.make({ isDurable: true })
  const database = Postgres.client(yield* Postgres.databaseOn(server), 10)
  yield* Effect.gen(function* () {
    yield* Migrations.migrate
    const sql = yield* SqlClient
    yield* Console.log("| output | bytes of a row on the disk | rows/s, one writer | three writers |")
    yield* Console.log("| --- | --- | --- | --- |")
    let run = 0
    for (const [name, output] of Object.entries(outputs)) {
      yield* sql`TRUNCATE stint_results`
      const one = yield* written(++run, 1, output)
      const bytes = yield* sizeOf("stint_results")
      const three = yield* written(++run, 3, output)
      yield* Console.log(
        `| ${name} | ${number.format(bytes)} | ${number.format(one)} | ${number.format(three)} |`
      )
    }
    const [{ id } = { id: "1" }] = yield* sql<{ id: string }>`
      INSERT INTO stint_runs (run, definition, endpoint, settings, input, state) VALUES ('r', 'rows', 'e', '{}', '{}', 'running')
      RETURNING id::text AS id`
    const chunks = 4096
    yield* sql`INSERT INTO stint_chunks (run_id, number, first, items, place)
      SELECT ${id}::text::bigint, n, n * 1024::bigint, 1024, '{"from":' || n * 1000000::bigint || ',"to":' || (n + 1) * 1000000::bigint || ',"checksum":"0123456789abcdef"}'
      FROM generate_series(1, ${chunks}::int) n`
    // Taken, and done.
    yield* sql`UPDATE stint_chunks SET worker = 'worker-1', taken_at = clock_timestamp()`
    yield* sql`UPDATE stint_chunks SET done = true, done_at = clock_timestamp(), faults = '{}'`
    const items = yield* queueOf("rows")
    yield* sql.withTransaction(
      Effect.forEach(
        Array.from({ length: chunks }, (_, nth) => ({ id, attempt: 1, number: nth })),
        (item) => items.offer(item, { id: itemId(item) }),
        { discard: true }
      )
    )
    const chunk = (yield* sizeOf("stint_chunks")) + (yield* sizeOf("effect_queue"))
    yield* Console.log(
      `\nA chunk: ${number.format(chunk)} bytes, its place in the queue included; tried ${MAX_ATTEMPTS} times at most.`
    )
  }).pipe(Effect.provide(Layer.provideMerge(queue, database)))
})

NodeRuntime.runMain(main.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
