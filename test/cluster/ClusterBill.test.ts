/** What a run costs: one bill and one cap for all of its workers, on a real Postgres and an emulator that bills. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ClusterBatch, InputRef } from "@stint/cluster"
import { Emulator } from "@stint/emulator"
import { Effect, Schedule } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import { counting, embedding, endpoint, lines, make, quiet } from "./clusterWorld.ts"

const ROWS = 300

/** What the emulator has billed. */
const billed = Effect.flatMap(Emulator.Emulator, ({ bill }) => bill("e"))

describe("the money of a run", () => {
  it.live("is one bill and one cap, whoever worked on it: workers one after the other spend no more", () =>
    Effect.gen(function* () {
      const { asked, engine } = counting(30)
      const world = yield* make(engine)
      const input = InputRef.file(yield* world.file("rows.jsonl", lines(ROWS)))
      const untilAsked = (count: number) =>
        Effect.repeat(
          Effect.sync(() => asked.size),
          { schedule: Schedule.spaced("10 millis"), until: (now) => now >= count }
        )
      const bill = Effect.map(ClusterBatch.status("one"), (status) => status.bill)
      const start = (run: string, maxBilledMinutes: number) =>
        embedding.start({
          run,
          input,
          endpoint: { ...endpoint, pricePerHour: 6, maxBilledMinutes },
          limit: { _tag: "Fixed", concurrency: 4 },
          chunk: 20,
          parameters: {}
        })

      yield* Effect.gen(function* () {
        const first = yield* world.start({ grace: 0 })
        yield* start("one", 2)
        yield* untilAsked(60)
        // A worker writes down what it has seen once a second.
        const written = yield* Effect.repeat(bill, {
          schedule: Schedule.spaced("20 millis"),
          until: (now) => now !== undefined
        }).pipe(Effect.timeout("5 seconds"))
        assert.deepStrictEqual(
          { minutes: written?.billedMinutes, replicas: written?.replicas },
          { minutes: 1, replicas: 1 }
        )
        yield* first.stop
        // Paused, and read back.
        const after = yield* bill
        assert.deepStrictEqual(
          { minutes: after?.billedMinutes, replicas: after?.replicas, dollars: after?.dollars },
          { minutes: 1, replicas: 0, dollars: 0.1 }
        )

        const second = yield* world.start({ grace: 0 })
        yield* untilAsked(120)
        yield* second.stop
        assert.strictEqual((yield* bill)?.billedMinutes, 2)
        const soFar = yield* Effect.provide(billed, world.emulator)
        assert.strictEqual(soFar.billedMinutes, 2)

        // Both minutes are spent: the next one wakes nothing, and ends the run for all.
        const third = yield* world.start()
        const reached = yield* Effect.flip(ClusterBatch.wait("one"))
        assert.strictEqual(reached._tag, "CostCapReached")
        assert.strictEqual((yield* Effect.provide(billed, world.emulator)).billedMinutes, 2)
        assert.isBelow(asked.size, ROWS)

        // An attempt of its own has the whole cap; two at once have one bill.
        const fourth = yield* world.start()
        yield* ClusterBatch.resume("one")
        const report = yield* ClusterBatch.wait("one")
        assert.strictEqual(report.succeeded + report.skipped, ROWS)
        yield* third.stop
        yield* fourth.stop
        const end = yield* bill
        const all = yield* Effect.provide(billed, world.emulator)
        assert.strictEqual(end?.billedMinutes, all.billedMinutes - 2)
        assert.strictEqual(report.bill?.billedMinutes, end?.billedMinutes)
        assert.strictEqual(end?.dollars, ((end?.billedMinutes ?? 0) * 6) / 60)

        // What a worker that was killed has spent counts: it is gone, and could say no more.
        const sql = yield* SqlClient
        yield* start("two", 10)
        yield* sql`INSERT INTO stint_accounts (run_id, attempt, worker, account, endpoint, steps, facts, began_at, seen_at)
          SELECT id, attempt, 'gone', 'gone', '', json_build_array(
              json_build_array((extract(epoch FROM clock_timestamp()) * 1000)::bigint - 620000, 1))::text, '{}',
            clock_timestamp() - interval '620 seconds', clock_timestamp() - interval '30 seconds'
          FROM stint_runs WHERE run = 'two'`
        assert.strictEqual((yield* ClusterBatch.status("two")).bill?.billedMinutes, 10)
        yield* world.start()
        assert.strictEqual((yield* Effect.flip(ClusterBatch.wait("two")))._tag, "CostCapReached")
        assert.strictEqual((yield* Effect.provide(billed, world.emulator)).billedMinutes, all.billedMinutes)

        // A run that is forgotten leaves no account.
        yield* ClusterBatch.purge("one")
        yield* ClusterBatch.purge("two")
        assert.deepStrictEqual(yield* sql`SELECT worker FROM stint_accounts`, [])
      }).pipe(Effect.provide(world.client))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
  )
})
