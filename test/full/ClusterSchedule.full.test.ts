/** A schedule of the cluster, on a real Postgres: whoever is lost, each tick is run once, and one run at a time. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, ClusterSchedule, Engine, InputRef, Migrations, RunError, Worker } from "@stint/cluster"
import { Cron, Effect, Exit, Layer, Schedule, Scope } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { state } from "../batchWorld.ts"
import { counting, embedding, endpoint, limit, lines, make, quiet } from "../cluster/clusterWorld.ts"
import * as Postgres from "../postgres/server.ts"

const ROWS = 60

/** Until it is so, or half a minute is over. */
const until = (is: () => boolean) =>
  Effect.repeat(Effect.sync(is), { schedule: Schedule.spaced("20 millis"), until: (done) => done }).pipe(
    Effect.timeout("30 seconds")
  )

const HOUR = 3_600_000

describe("a schedule", () => {
  it.live(
    "goes on when the worker that started a run is lost in the middle of it: no tick twice, no two runs at once",
    () =>
      Effect.gen(function* () {
        const { asked, engine } = counting(150)
        const events: Array<ClusterSchedule.Event> = []
        let file = ""
        const schedule = ClusterSchedule.layer({
          name: "each-second",
          cron: "* * * * * *",
          batch: embedding,
          start: () => ({ input: InputRef.file(file), endpoint, limit, chunk: 8, parameters: {} }),
          onEvent: (event) => Effect.sync(() => void events.push(event))
        })
        const started = () => events.flatMap((event) => (event._tag === "Started" ? [event] : []))
        const world = yield* make(engine, Layer.merge(embedding.layer, Layer.orDie(schedule)))
        file = yield* world.file("rows.jsonl", lines(ROWS))
        const runners = yield* Effect.all([world.start(), world.start()], { concurrency: 2 })
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient
          yield* until(() => asked.size >= 20)
          const [row] = yield* sql<{
            worker: string
            run: string
          }>`SELECT worker, run FROM stint_schedules`
          const host = runners.find(({ name }) => name === row?.worker)
          const other = runners.find((runner) => runner !== host)
          assert.isDefined(host)
          assert.strictEqual((yield* ClusterBatch.status(row?.run ?? "")).state, "running")
          yield* host?.stop ?? Effect.void
          const before = started().length
          yield* until(() => started().length >= before + 2)
          const runs = started().map(({ run }) => run)
          for (const run of runs) {
            const { remaining, succeeded } = yield* ClusterBatch.wait(run)
            assert.deepStrictEqual({ succeeded, remaining }, { succeeded: ROWS, remaining: 0 })
          }
          // In the middle of a run, so that no tick begins another as it stops.
          const last = yield* until(() => started().length > runs.length).pipe(
            Effect.map(() => started().at(-1)?.run ?? "")
          )
          yield* ClusterBatch.status(last).pipe(
            Effect.repeat({
              schedule: Schedule.spaced("20 millis"),
              until: ({ state }) => state === "running"
            }),
            Effect.timeout("30 seconds")
          )
          yield* other?.stop ?? Effect.void

          const all = yield* sql<{ run: string; state: string; overlaps: boolean }>`
            SELECT run, state, coalesce(created_at < lag(finished_at) OVER (ORDER BY id), false) AS overlaps FROM stint_runs ORDER BY id`
          assert.isFalse(all.some(({ overlaps }) => overlaps))
          assert.deepStrictEqual(
            all.map(({ run }) => run),
            started().map(({ run }) => run)
          )
          const dues = events.map(({ due }) => due)
          assert.strictEqual(new Set(dues).size, dues.length)
          assert.isTrue(events.some((event) => event._tag === "Skipped" && event.why === "busy"))
          assert.isFalse(events.some(({ _tag }) => _tag === "Failed"))
          const [status] = yield* ClusterSchedule.all
          assert.strictEqual(status?.last?.run, last)
          assert.deepStrictEqual(status?.times, { cron: "* * * * * *", zone: "UTC" })
          // Nobody is left to do the last one.
          assert.strictEqual(status?.state, "running")
          const ended = all.map(({ state }) => state)
          assert.deepStrictEqual(ended, [...ended.slice(1).map(() => "finished"), "running"])
          assert.isAbove(status?.next ?? 0, status?.last?.due ?? Infinity)
        }).pipe(Effect.provide(world.client))
        assert.strictEqual(yield* Effect.provide(state, world.emulator), "paused")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )

  /** Workers that have a schedule whose runs are only counted. */
  const counted = Effect.fnUntraced(function* (
    begin: (run: string) => Effect.Effect<void, RunError.RunRefused> = () => Effect.void
  ) {
    const url = yield* Postgres.database
    yield* Effect.provide(Migrations.migrate, Postgres.client(url, 2))
    const database = Postgres.client(url, 4)
    const client = yield* Layer.build(Engine.layerClient.pipe(Layer.provideMerge(database)))
    const scope = yield* Effect.scope
    const events: Array<ClusterSchedule.Event> = []
    let calls = 0
    const start = (
      options: Pick<ClusterSchedule.Options<null>, "name" | "cron" | "missed" | "missedWithin">
    ) =>
      Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        const layer = ClusterSchedule.layer({
          ...options,
          batch: {
            start: ({ run }) =>
              Effect.andThen(
                Effect.sync(() => void calls++),
                begin(run)
              )
          },
          start: () => ({ input: InputRef.file("rows.jsonl"), endpoint, parameters: null }),
          onEvent: (event) => Effect.sync(() => void events.push(event))
        }).pipe(
          Layer.provide(Worker.layer()),
          Layer.provide(Layer.succeedContext(client)),
          Layer.provide(database)
        )
        yield* Layer.buildWithMemoMap(layer, yield* Layer.makeMemoMap, own)
        return { stop: Scope.close(own, Exit.void) }
      })
    return { url, client, start, events, calls: () => calls }
  })

  it.live("says when it is due, in which zone, and why a run of it could not be started", () =>
    Effect.gen(function* () {
      const { client, events, start } = yield* counted((run) =>
        Effect.fail(new RunError.RunRefused({ run, detail: "it has no letters" }))
      )
      const sql = yield* Effect.provide(SqlClient, client)
      yield* start({ name: "refused", cron: "* * * * * *" })
      const noon = Cron.parseUnsafe("0 12 * * 1-5", "Europe/Berlin")
      yield* start({ name: "noon", cron: noon })
      yield* until(() => events.length > 0)
      const kept = Effect.provide(ClusterSchedule.all, client).pipe(
        Effect.repeat({
          schedule: Schedule.spaced("20 millis"),
          until: (all) => all.length === 2 && all.every(({ times }) => times !== undefined)
        }),
        Effect.timeout("30 seconds")
      )
      const [atNoon, refused] = yield* kept
      assert.deepStrictEqual(atNoon?.times, { cron: "0 12 * * 1,2,3,4,5", zone: "Europe/Berlin" })
      const [clock] = yield* sql<{ now: number }>`
        SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`
      assert.strictEqual(atNoon?.next, Cron.next(noon, clock?.now ?? 0).getTime())
      assert.deepStrictEqual(
        { last: atNoon?.last, skipped: atNoon?.skipped, failed: atNoon?.failed, state: atNoon?.state },
        { last: undefined, skipped: undefined, failed: undefined, state: undefined }
      )
      assert.strictEqual(events[0]?._tag, "Failed")
      assert.include(refused?.failed?.why ?? "", "it has no letters")
      assert.isAtLeast(refused?.failed?.due ?? 0, events[0]?.due ?? Infinity)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("that many workers have is run once a tick", () =>
    Effect.gen(function* () {
      const { calls, events, start } = yield* counted()
      const stops = yield* Effect.all(
        Array.from({ length: 5 }, () => start({ name: "s", cron: "* * * * * *" })),
        { concurrency: 5 }
      )
      yield* until(() => events.length >= 4)
      yield* Effect.forEach(stops, ({ stop }) => stop, { concurrency: 5 })
      const started = events.filter(({ _tag }) => _tag === "Started").map(({ due }) => due)
      assert.strictEqual(new Set(started).size, started.length)
      // On a busy machine a look may come after the next tick is due: then that one is run, and this one told.
      const told = new Set(events.map(({ due }) => due))
      assert.isTrue(events.every((event) => event._tag !== "Skipped" || event.why === "missed"))
      assert.isFalse(events.some(({ _tag }) => _tag === "Failed"))
      assert.isAtMost(started.length, (Math.max(...told) - Math.min(...told)) / 1000 + 1)
      assert.isAtLeast(calls(), started.length)
    }).pipe(Effect.scoped, quiet)
  )

  it.live("makes up once for what was missed, or leaves it out, and not later than it may", () =>
    Effect.gen(function* () {
      const { client, events, start } = yield* counted()
      const sql = yield* Effect.provide(SqlClient, client)
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      // Due three hours ago, and the days before.
      const due = Math.floor(now / HOUR) * HOUR - 3 * HOUR
      const cron = `0 ${new Date(due).getUTCHours()} * * *`
      const seen = now - 72 * HOUR
      const begin = (schedule: string) =>
        sql`INSERT INTO stint_schedules (schedule, seen) VALUES (${schedule}, ${String(seen)}::text::bigint)`
      const heard = (count: number) =>
        until(() => events.length >= count).pipe(Effect.map(() => events.splice(0)))

      yield* begin("skip")
      yield* start({ name: "skip", cron })
      assert.deepStrictEqual(yield* heard(1), [{ _tag: "Skipped", due, why: "missed" }])

      yield* begin("bounded")
      yield* start({ name: "bounded", cron, missed: "once", missedWithin: "2 hours" })
      assert.deepStrictEqual(yield* heard(1), [{ _tag: "Skipped", due, why: "missed" }])

      yield* begin("once")
      yield* start({ name: "once", cron, missed: "once" })
      const stamp = new Date(due).toISOString().replaceAll(/[-:]|\.000/g, "")
      assert.deepStrictEqual(yield* heard(2), [
        { _tag: "Skipped", due: due - 24 * HOUR, why: "missed" },
        { _tag: "Started", due, run: `once-${stamp}` }
      ])
    }).pipe(Effect.scoped, quiet)
  )

  it.live("waits for whoever writes a tick down just now, and leaves it to them", () =>
    Effect.gen(function* () {
      const { client, events, start, url } = yield* counted()
      const sql = yield* Postgres.connect(url, 1)
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const text = String(now)
      const cron = `0 ${new Date(now - 3 * HOUR).getUTCHours()} * * *`
      yield* sql`INSERT INTO stint_schedules (schedule, seen) VALUES ('held', ${String(now - 72 * HOUR)}::text::bigint)`
      const isWaiting = Effect.map(
        sql<{ count: number }>`SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted`,
        ([row]) => (row?.count ?? 0) > 0
      )
      yield* Effect.gen(function* () {
        yield* sql`SELECT 1 FROM stint_schedules WHERE schedule = 'held' FOR UPDATE`
        yield* start({ name: "held", cron, missed: "once" })
        yield* Effect.repeat(isWaiting, {
          schedule: Schedule.spaced("20 millis"),
          until: (waits) => waits
        }).pipe(Effect.timeout("30 seconds"))
        yield* sql`UPDATE stint_schedules SET seen = ${text}::text::bigint, run = 'theirs', due = ${text}::text::bigint`
      }).pipe(sql.withTransaction)
      yield* Effect.sleep("500 millis")
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(
        (yield* Effect.provide(ClusterSchedule.all, client)).map(({ last }) => last),
        [{ run: "theirs", due: now }]
      )
    }).pipe(Effect.scoped, quiet)
  )

  it.live("starts what a worker had written down that was lost before it could start it", () =>
    Effect.gen(function* () {
      const { client, events, start } = yield* counted()
      const sql = yield* Effect.provide(SqlClient, client)
      const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      const due = String(now - 5000)
      yield* sql`INSERT INTO stint_schedules (schedule, seen, run, due, pending, worker)
        VALUES ('lost', ${due}::text::bigint, 'lost-1', ${due}::text::bigint, true, 'gone')`
      yield* start({ name: "lost", cron: "0 2 29 2 *" })
      yield* until(() => events.length > 0)
      assert.deepStrictEqual(events, [{ _tag: "Started", due: Number(due), run: "lost-1" }])
    }).pipe(Effect.scoped, quiet)
  )
})
