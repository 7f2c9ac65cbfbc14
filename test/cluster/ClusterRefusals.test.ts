/** What the commands of a cluster refuse before anything is taken or changed, as real processes on a real Postgres. */
import { assert, describe, it } from "@effect/vitest"
import { Migrations } from "@stint/cluster"
import { Clock, Effect, Redacted } from "effect"
import { SqlClient } from "effect/sql/SqlClient"
import * as World from "../command/commandWorld.ts"
import * as Stint from "../command/stintProcess.ts"
import * as Postgres from "../postgres/server.ts"

const make = Effect.gen(function* () {
  const url = yield* Postgres.database
  const world = yield* World.make(1)
  const command = (args: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) =>
    Stint.start(["cluster", ...args], { ...world.env, STINT_DATABASE_URL: Redacted.value(url), ...more })
  /** The command to its end: its code, and what it said. */
  const told = Effect.fnUntraced(function* (
    args: ReadonlyArray<string>,
    more: Readonly<Record<string, string>> = {}
  ) {
    const stint = yield* command(args, more)
    const { code } = yield* stint.end
    return { code, said: stint.stderr(), out: stint.stdout() }
  })
  return { url, world, command, told }
})

describe("stint cluster refuses", () => {
  it.live("a role that was given no rights, in one message that says where they come from", () =>
    Effect.gen(function* () {
      const { told, url } = yield* make
      const role = `nobody_${process.pid}`
      yield* told(["migrate"])
      yield* Effect.gen(function* () {
        const sql = yield* SqlClient
        yield* Effect.acquireRelease(sql`CREATE ROLE ${sql(role)} LOGIN`, () =>
          Effect.ignore(sql`DROP ROLE ${sql(role)}`)
        )
        const least = { STINT_DATABASE_URL: Redacted.value(Postgres.as(url, role)) }
        // What nobody could look at may be billing: the command that reaps ends as it does without a database.
        for (const [name, wanted] of [
          ["status", 2],
          ["reap", 5]
        ] as const) {
          const { code, said } = yield* told([name], least)
          assert.strictEqual(code, wanted, said)
          assert.match(said, /^stint: The database at .* permission denied for table stint_migrations; .*\n$/)
          assert.include(said, "stint cluster migrate --role NAME")
        }
        // All of a worker's but one: as after a change for which nobody ran the grants again.
        for (const statement of Migrations.grants(role)) yield* sql.unsafe(statement)
        yield* sql`REVOKE DELETE ON stint_shares FROM ${sql(role)}`
        const { code, said } = yield* told(["worker", "--port", "0"], least)
        assert.strictEqual(code, 2, said)
        assert.match(said, /^stint: The database at .* may not read and write stint_shares; .*\n$/)
        assert.strictEqual((yield* told(["status"], least)).code, 0)
        yield* sql`DROP OWNED BY ${sql(role)}`
      }).pipe(Effect.scoped, Effect.provide(Postgres.client(url, 1)))
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1 })))
  )

  it.live("to reap on tables of another version, as what may still be billing", () =>
    Effect.gen(function* () {
      const { told, url } = yield* make
      // Without tables nothing is held.
      assert.strictEqual((yield* told(["reap"])).code, 2)
      yield* Effect.gen(function* () {
        yield* Migrations.migrate
        const sql = yield* SqlClient
        yield* sql`INSERT INTO stint_migrations (migration_id, name) VALUES (1000, 'later')`
      }).pipe(Effect.provide(Postgres.client(url, 1)))
      const { code, said } = yield* told(["reap"])
      assert.strictEqual(code, 5, said)
      assert.include(said, "a later version")
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1 })))
  )

  it.live("a worker whose token is refused, which would end the runs of all others", () =>
    Effect.gen(function* () {
      const { told } = yield* make
      yield* told(["migrate"])
      const { code, said } = yield* told(["worker", "--port", "0"], { HF_TOKEN: "hf_of_nobody" })
      assert.strictEqual(code, 2, said)
      assert.match(said, /^stint: The token stands in the way: Hugging Face refuses it \(401\)/)
      assert.notInclude(said, "is there for the others")
      assert.notInclude(said, "hf_of_nobody")
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1 })))
  )

  it.live(
    "to stay beyond its grace for an endpoint that cannot be paused, and says that it may be billing",
    () =>
      Effect.gen(function* () {
        const { command, told, world } = yield* make
        yield* told(["migrate"])
        const worker = yield* command(["worker", "--port", "0", "--name", "w", "--grace", "4 seconds"])
        yield* worker.says("is there for the others")
        const run = ["run", world.input, "--endpoint", "batch", "--spec", world.spec, "--job", "embed"]
        yield* told([...run, "--run", "one", "--detach"])
        yield* worker.says("not confirmed yet")
        const before = yield* Clock.currentTimeMillis
        yield* worker.kill("SIGTERM")
        const { code } = yield* worker.end
        const millis = (yield* Clock.currentTimeMillis) - before
        assert.strictEqual(code, 5, worker.stderr())
        assert.include(worker.stderr(), "ENDPOINT batch MAY STILL BE BILLING")
        // With a second for the connections, and what a busy machine takes.
        assert.isBelow(millis, 6500)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          World.emulator({ boot: "short", millis: 1, rules: [{ on: {}, do: { pauseFails: 1000 } }] })
        )
      )
  )

  it.live(
    "an address or a name that is no worker's own, and a role without a name, before it asks anybody",
    () =>
      Effect.gen(function* () {
        const { told } = yield* make
        for (const [flag, args] of [
          ["host", ["worker", "--port", "0", "--host", ""]],
          ["host", ["worker", "--port", "0", "--host", "0.0.0.0"]],
          ["name", ["worker", "--port", "0", "--name", ""]],
          ["role", ["migrate", "--role", ""]]
        ] as const) {
          const { code, out, said } = yield* told(args)
          assert.strictEqual(code, 2, said)
          assert.match(said, new RegExp(`^stint: --${flag} cannot be used: [^\\n]*\\n$`))
          assert.strictEqual(out, "")
        }
        // No table was made on the way.
        assert.include((yield* told(["status"])).said, "lacks the tables")
      }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "short", millis: 1 })))
  )
})
