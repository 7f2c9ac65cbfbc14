/** `stint cluster` as real processes, on a real Postgres and the emulator. */
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { Effect, FileSystem, Path, Redacted, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import * as World from "../command/commandWorld.ts"
import * as Stint from "../command/stintProcess.ts"
import * as Proxy from "../postgres/proxy.ts"
import * as Postgres from "../postgres/server.ts"

const Status = Schema.fromJsonString(
  Schema.Struct({
    run: Schema.String,
    state: Schema.String,
    items: Schema.Int,
    itemsDone: Schema.Int,
    itemsFailed: Schema.Int,
    chunks: Schema.Int,
    chunksDone: Schema.Int,
    attempt: Schema.Int
  })
)
const One = Schema.fromJsonString(
  Schema.Struct({
    chunksDone: Schema.Int,
    held: Schema.NullOr(
      Schema.Struct({
        endpoint: Schema.String,
        state: Schema.String,
        dollars: Schema.optional(Schema.Finite),
        leases: Schema.Array(Schema.Struct({ worker: Schema.String }))
      })
    ),
    fleet: Schema.Array(Schema.Struct({ worker: Schema.String, state: Schema.String }))
  })
)
const All = Schema.fromJsonString(
  Schema.Struct({
    runs: Schema.Array(Schema.Struct({ run: Schema.String, state: Schema.String })),
    workers: Schema.Array(Schema.Struct({ worker: Schema.String })),
    endpoints: Schema.Array(Schema.Struct({ endpoint: Schema.String, state: Schema.String }))
  })
)
const Reaped = Schema.fromJsonString(Schema.Struct({ endpoint: Schema.String, outcome: Schema.String }))
const Migrated = Schema.fromJsonString(
  Schema.Struct({ changes: Schema.Array(Schema.String), sql: Schema.Array(Schema.String) })
)
const Ready = Schema.fromJsonString(
  Schema.Struct({ worker: Schema.String, port: Schema.Int, health: Schema.NullOr(Schema.String) })
)
const Line = Schema.fromJsonString(Schema.Struct({ id: Schema.String }))

const emulator = (millis: number) => World.emulator({ boot: "short", millis })

/** A database, an input, and the command on both. */
const make = Effect.fnUntraced(function* (rows: number, options: { readonly isMigrated: boolean }) {
  const url = yield* Postgres.database
  const world = yield* World.make(rows)
  const env = { ...world.env, STINT_DATABASE_URL: Redacted.value(url) }
  const start = (args: ReadonlyArray<string>, more: Record<string, string> = {}) =>
    Stint.start(["cluster", ...args], { ...env, ...more })
  /** The command to its end, which must be as it says. */
  const done = Effect.fnUntraced(function* (code: number, ...args: ReadonlyArray<string>) {
    const stint = yield* start(args)
    const end = yield* stint.end
    assert.strictEqual(end.code, code, `${args.join(" ")}\n${stint.stdout()}\n${stint.stderr()}`)
    return stint
  })
  if (options.isMigrated) yield* done(0, "migrate")
  const worker = Effect.fnUntraced(function* (name: string, more: Record<string, string> = {}) {
    const stint = yield* start(
      ["worker", "--name", name, "--port", "0", "--health-port", "0", "--json"],
      more
    )
    yield* stint.says("is there for the others")
    yield* Effect.repeat(
      Effect.sync(() => stint.stdout()),
      { until: (text) => text.includes("\n"), schedule: Schedule.spaced("20 millis") }
    )
    return { ...stint, ...(yield* Schema.decodeEffect(Ready)(stint.stdout().trim())) }
  })
  const run = ["run", world.input, "--endpoint", "batch", "--spec", world.spec, "--job", "embed"]
  const status = Effect.fnUntraced(function* (run: string) {
    const { stdout } = yield* done(0, "status", run, "--json")
    return yield* Schema.decodeEffect(One)(stdout())
  })
  return { url, world, start, done, worker, run, status }
})

const idsOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const lines = (yield* fs.readFileString(file)).split("\n").filter((line) => line !== "")
  return yield* Effect.forEach(lines, (line) => Effect.map(Schema.decodeEffect(Line)(line), ({ id }) => id))
})

const wanted = (count: number) => Array.from({ length: count }, (_, nth) => `row-${nth}`)

/** How many requests for rows the emulator has seen. */
const asked = Effect.flatMap(Emulator.Emulator, ({ log }) =>
  Effect.map(log, (all) => all.filter(({ method, plane }) => plane === "data" && method === "POST").length)
)

describe("stint cluster", () => {
  it.live("makes its tables, does 500 rows on two workers of the least role, and forgets them", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const { done, run, start, status, url, worker, world } = yield* make(500, { isMigrated: false })

      // The tables, and a role of the workers that the printed SQL gives its rights.
      const role = `stint_worker_${process.pid}`
      const migrated = yield* Schema.decodeEffect(Migrated)(
        (yield* done(0, "migrate", "--role", role, "--json")).stdout()
      )
      assert.include(migrated.changes, "runs")
      yield* Effect.acquireRelease(
        Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* sql`CREATE ROLE ${sql(role)} LOGIN`
          for (const statement of migrated.sql) yield* sql.unsafe(statement)
        }).pipe(Effect.provide(Postgres.client(url, 1))),
        () =>
          Effect.gen(function* () {
            const sql = yield* SqlClient
            yield* Effect.ignore(Effect.andThen(sql`DROP OWNED BY ${sql(role)}`, sql`DROP ROLE ${sql(role)}`))
          }).pipe(Effect.provide(Postgres.client(url, 1)))
      )
      const least = { STINT_DATABASE_URL: Redacted.value(Postgres.as(url, role)) }
      const script = yield* done(0, "migrate", "--role", role)
      assert.include(script.stderr(), "nothing to do")
      for (const statement of migrated.sql) assert.include(script.stdout(), `${statement};\n`)

      const [w1, w2] = yield* Effect.all([worker("w1", least), worker("w2", least)], { concurrency: 2 })
      const http = yield* HttpClient.HttpClient
      for (const [name, text] of [
        ["healthz", "ok"],
        ["readyz", "ok"],
        ["metrics", "stint_"]
      ] as const) {
        const answer = yield* http.get(`${w1.health}/${name}`)
        assert.strictEqual(answer.status, 200, name)
        assert.include(yield* answer.text, text)
      }

      const given = ["--run", "nightly", "--chunk", "32", "--concurrency", "32"]
      const running = yield* start([...run, ...given, "--json"])
      // Seen by another in the middle: who holds the endpoint, and that somebody works.
      yield* running.says("is written down")
      const seen = yield* Effect.repeat(status("nightly"), {
        until: ({ held }) => (held?.leases.length ?? 0) > 0
      })
      assert.deepStrictEqual(
        seen.fleet.map((one) => one.worker),
        ["w1", "w2"]
      )
      assert.strictEqual(seen.held?.endpoint, "tester/batch")
      assert.isAbove(seen.held?.dollars ?? 0, 0)

      const end = yield* running.end
      assert.strictEqual(end.code, 0, running.stderr())
      const { items, itemsDone, itemsFailed, state } = yield* Schema.decodeEffect(Status)(
        running.stdout().trim()
      )
      assert.deepStrictEqual(
        { items, itemsDone, itemsFailed, state },
        {
          items: 500,
          itemsDone: 500,
          itemsFailed: 0,
          state: "finished"
        }
      )
      assert.include(running.stderr(), "500: 500 done")
      // That it has ended says that this was read back.
      assert.strictEqual(yield* World.state, "paused")
      // The same command again changes nothing, and tells the same.
      const again = yield* done(0, ...run, ...given)
      assert.include(again.stdout(), "500: 500 done")
      assert.include(again.stderr(), "is over already, and its input is not read again")
      // With the bill of all workers, the release included.
      const money = (text: string) => text.split("\n").filter((line) => /^\s*(billed|cost) /.test(line))
      assert.strictEqual(money(again.stdout()).length, 2, again.stdout())
      assert.deepStrictEqual(money(running.stderr()), money(again.stdout()))

      const out = path.join(world.out, "exported")
      yield* done(
        0,
        "export",
        "nightly",
        "--out",
        out,
        "--output-format",
        "jsonl",
        "--output-format",
        "parquet"
      )
      assert.deepStrictEqual(yield* idsOf(path.join(out, "results.jsonl")), wanted(500))
      const fs = yield* FileSystem.FileSystem
      assert.isTrue(yield* fs.exists(path.join(out, "results.parquet")))

      assert.include((yield* done(0, "status")).stdout(), "nightly")
      const forgotten = yield* done(0, "purge", "nightly")
      assert.include(forgotten.stdout(), "500 results")
      const empty = yield* Schema.decodeEffect(All)((yield* done(0, "status", "--json")).stdout())
      assert.deepStrictEqual(empty.runs, [])
      assert.deepStrictEqual(
        empty.endpoints.map(({ endpoint, state }) => `${endpoint} ${state}`),
        ["tester/batch released"]
      )
      assert.include((yield* done(2, "status", "nightly")).stderr(), 'no run "nightly"')

      for (const one of [w1, w2]) {
        yield* one.kill("SIGTERM")
        assert.strictEqual((yield* one.end).code, 0, one.stderr())
      }
    }).pipe(Effect.scoped, Effect.provide([emulator(20), FetchHttpClient.layer]))
  )

  it.live("leaves a run going on Ctrl-C; its only worker drains on SIGTERM and pauses the endpoint", () =>
    Effect.gen(function* () {
      const path = yield* Path.Path
      const { done, run, start, status, worker, world } = yield* make(400, { isMigrated: true })
      const limit = ["--run", "r", "--chunk", "50", "--concurrency", "8", "--pack", "off"]
      const first = yield* worker("w1")
      const waiting = yield* start([...run, ...limit])
      yield* World.started(60)
      yield* waiting.kill("SIGINT")
      assert.strictEqual((yield* waiting.end).code, 130)
      assert.include(waiting.stderr(), "stint cluster cancel r")
      assert.strictEqual(yield* World.state, "running")

      yield* first.kill("SIGTERM")
      assert.strictEqual((yield* first.end).code, 0, first.stderr())
      assert.strictEqual(yield* World.state, "paused")
      const { chunksDone, fleet } = yield* status("r")
      assert.isBelow(chunksDone, 8)
      assert.deepStrictEqual(fleet, [])

      // Another one goes on where it ended, and no row was sent twice.
      yield* worker("w2")
      const rest = yield* done(0, ...run, ...limit)
      assert.include(rest.stdout(), "400: 400 done")
      assert.strictEqual(yield* asked, 400)
      yield* done(0, "export", "r", "--out", world.out)
      assert.deepStrictEqual(yield* idsOf(path.join(world.out, "results.jsonl")), wanted(400))
    }).pipe(Effect.scoped, Effect.provide(emulator(50)))
  )

  it.live("pauses the endpoint on SIGTERM although the database is gone, or says that it is not paused", () =>
    Effect.gen(function* () {
      const { run, start, url, worker } = yield* make(4000, { isMigrated: true })
      const limit = ["--run", "r", "--chunk", "50", "--concurrency", "8", "--pack", "off"]
      yield* start([...run, ...limit, "--detach"])
      for (const [pause, code, ends] of [
        ["answers", 0, "paused"],
        ["fails", 5, "running"]
      ] as const) {
        const wire = yield* Proxy.make(url)
        const one = yield* worker(pause, { STINT_DATABASE_URL: Redacted.value(wire.url) })
        const before = yield* asked
        yield* World.started(before + 60)
        yield* wire.break
        yield* one.kill("SIGTERM")
        assert.strictEqual((yield* one.end).code, code, one.stderr())
        assert.strictEqual(one.stderr().includes("MAY STILL BE BILLING"), pause === "fails")
        assert.strictEqual(yield* World.state, ends)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        World.emulator({
          boot: "short",
          millis: 50,
          rules: [{ on: { route: "pause", from: 2 }, do: { status: 503 } }]
        })
      )
    )
  )

  it.live("cancels and resumes a run, and reaps what a worker left that was killed", () =>
    Effect.gen(function* () {
      const { done, run, start, url, worker } = yield* make(400, { isMigrated: true })
      const killed = yield* worker("w1")
      const limit = ["--run", "r", "--chunk", "50", "--concurrency", "8", "--pack", "off"]
      const detached = yield* done(0, ...run, ...limit, "--detach")
      assert.strictEqual(detached.stdout(), "r\n")
      yield* World.started(60)
      yield* killed.kill("SIGKILL")
      yield* killed.end
      assert.strictEqual(yield* World.state, "running")
      assert.include((yield* done(0, "cancel", "r")).stdout(), "is cancelled")
      // Its lease is still there: it is waited for.
      const reaped = yield* done(0, "reap", "--json")
      const { endpoint, outcome } = yield* Schema.decodeEffect(Reaped)(reaped.stdout().trim())
      assert.deepStrictEqual({ endpoint, outcome }, { endpoint: "tester/batch", outcome: "released" })
      assert.strictEqual(yield* World.state, "paused")
      assert.include((yield* done(0, "reap")).stdout(), "Nothing to release")

      // A worker was lost whose call may come yet: it is looked on, and what it has woken is put to sleep again.
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* sql`INSERT INTO stint_endpoint_leases (endpoint, holder, worker, phase, expires_at, called_at) VALUES
          ('tester/batch', gen_random_uuid(), 'gone', 'acquiring', clock_timestamp() - interval '40 seconds', clock_timestamp() - interval '48 seconds')`
      }).pipe(Effect.provide(Postgres.client(url, 1)))
      const late = yield* start(["reap"])
      yield* late.says("may come yet")
      yield* Effect.flatMap(Emulator.Emulator, (emulator) => emulator.setState("batch", "running"))
      assert.strictEqual((yield* late.end).code, 0, late.stderr())
      assert.include(late.stdout(), "released: paused")
      assert.notInclude(late.stdout(), "Nothing to release")
      assert.strictEqual(yield* World.state, "paused")

      yield* worker("w2")
      const waiting = yield* start([...run, ...limit])
      assert.strictEqual((yield* waiting.end).code, 4)
      assert.include(waiting.stderr(), "was cancelled")
      const resumed = yield* done(0, "resume", "r")
      assert.match(resumed.stdout(), /400: \d+ done, 0 failed, \d+ done before/)
      assert.include((yield* done(2, "resume", "nothing")).stderr(), 'no run "nothing"')
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(emulator(50)))
  )

  it.live("refuses what cannot go well in one clear error, and never shows a password", () =>
    Effect.gen(function* () {
      const { done, run, start, url, worker, world } = yield* make(3, { isMigrated: false })
      for (const args of [["worker", "--port", "0"], run, ["status"], ["reap"]]) {
        const { stderr } = yield* done(2, ...args)
        assert.include(stderr(), "stint cluster migrate")
        assert.strictEqual(stderr().trim().split("\n").length, 1, stderr())
      }

      const { host } = new URL(Redacted.value(url))
      for (const [wrong, words] of [
        ["postgres://me:s3cr%25et@127.0.0.1:1/stint", "127.0.0.1:1/stint"],
        [`postgres://me:s3cr%25et@${host}/nowhere`, `${host}/nowhere`],
        ["http://me:s3cr%25et@db.internal/stint", "no URL of a Postgres"],
        ["s3cr%et", "no URL of a Postgres"],
        ["", "STINT_DATABASE_URL nor DATABASE_URL"]
      ] as const) {
        const stint = yield* start(["status"], { STINT_DATABASE_URL: wrong })
        assert.strictEqual((yield* stint.end).code, 2, stint.stderr())
        assert.include(stint.stderr(), words)
        assert.notInclude(stint.stdout() + stint.stderr(), "s3cr")
        assert.strictEqual(stint.stderr().trim().split("\n").length, 1, stint.stderr())
      }
      // What nobody can look at may be billing.
      const unreached = yield* start(["reap"], {
        STINT_DATABASE_URL: "postgres://me:s3cret@127.0.0.1:1/stint"
      })
      assert.strictEqual((yield* unreached.end).code, 5)
      assert.notInclude(unreached.stderr(), "s3cret")

      yield* done(0, "migrate")
      assert.include((yield* done(2, "purge")).stderr(), "--older-than")
      const stdin = yield* done(2, "run", "-", "--endpoint", "batch", "--job", "embed")
      assert.include(stdin.stderr(), "stdin")
      const other = yield* done(
        2,
        "run",
        "ftp://me:s3cret@db.internal/rows.jsonl",
        "--endpoint",
        "batch",
        "--job",
        "embed"
      )
      assert.include(other.stderr(), "ftp:// addresses")
      assert.notInclude(other.stderr(), "s3cret")
      const flag = yield* done(2, ...run, "--system", "x")
      assert.include(flag.stderr(), "--system cannot be used")

      // An input that is wrong is told by a worker, before anything is woken.
      yield* worker("w1")
      yield* world.write(world.input, '{"id":"a","input":"x"}\n{"id":"a","input":"y"}\nno JSON\n')
      const wrong = yield* done(2, ...run)
      assert.include(wrong.stderr(), world.input)
      assert.isUndefined(yield* World.state)
      const { port } = yield* worker("w3")
      const taken = yield* done(2, "worker", "--port", String(port))
      assert.include(taken.stderr(), "EADDRINUSE")
    }).pipe(Effect.scoped, Effect.provide(emulator(0)))
  )
})
