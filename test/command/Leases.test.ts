import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const Line = Schema.fromJsonString(
  Schema.Struct({
    endpoint: Schema.String,
    standing: Schema.String,
    policy: Schema.String,
    pricePerHour: Schema.NullOr(Schema.Finite),
    holders: Schema.Array(Schema.Struct({ pid: Schema.Int, isAlive: Schema.Boolean }))
  })
)

describe.concurrent("stint leases", () => {
  it.live("lists who holds what, and whether they live", () =>
    Effect.gen(function* () {
      const world = yield* World.make(10)
      const none = yield* world.stint("leases")
      assert.strictEqual((yield* none.end).code, 0)
      assert.include(none.stdout(), "No endpoint is leased")

      const run = yield* world.run("--no-guardian")
      yield* run.says("pending")
      const table = yield* world.stint("leases")
      assert.strictEqual((yield* table.end).code, 0)
      assert.match(table.stdout(), /^tester\/batch +held +\d+ .*pause +\$0\.033\/h$/m)

      yield* run.kill("SIGKILL")
      yield* run.end
      const json = yield* world.stint("leases", "--json")
      assert.strictEqual((yield* json.end).code, 0)
      const line = yield* Schema.decodeEffect(Line)(json.stdout().trim())
      assert.strictEqual(line.standing, "orphan")
      assert.deepStrictEqual(
        line.holders.map(({ isAlive }) => isAlive),
        [false]
      )
      assert.deepStrictEqual(LeaseWorld.guardians(world.env.HOME), [])
    }).pipe(Effect.scoped, Effect.provide(World.emulator({ boot: "long", millis: 0 })))
  )
})
