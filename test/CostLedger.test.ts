/** One cap for work that is done on several leases, one after the other, each of which knows what the others have spent. */
import { assert, describe, it } from "@effect/vitest"
import { CostLedger, ManagedEndpoint } from "@stint/batch"
import { Emulator } from "@stint/emulator"
import { Clock, Effect, Exit, Schema } from "effect"
import * as World from "./batchWorld.ts"

const { name, options } = World
const CAP = 8

const seconds = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Turns = Schema.Array(Schema.Struct({ work: seconds(200), pause: seconds(90) })).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(8)
)

const metered = Effect.flatMap(Emulator.Emulator, (emulator) => emulator.bill(name))

describe("work with a ledger", () => {
  it.effect.prop(
    "costs no more than one cap, however many leases it takes, and no less is counted than is billed",
    { turns: Turns },
    ({ turns }) =>
      Effect.gen(function* () {
        let before: ReadonlyArray<CostLedger.Step> = []
        let isOver = false
        for (const { pause, work } of turns) {
          let account: CostLedger.Account | undefined
          const spent = (yield* Effect.option(metered)).pipe((bill) =>
            bill._tag === "Some" ? bill.value.billedMinutes : 0
          )
          const turn = ManagedEndpoint.withEndpoint({ ...options, maxBilledMinutes: CAP }, () =>
            Effect.sleep(`${work} seconds`)
          ).pipe(
            Effect.provideService(CostLedger.CostLedger, {
              before,
              begun: (one) => {
                account = one
              }
            })
          )
          const exit = yield* Effect.exit(World.inTime(turn))
          const now = yield* Clock.currentTimeMillis
          const { billedMinutes } = yield* metered
          assert.isAtMost(billedMinutes, CAP)
          // Once it is over it stays over, and nothing is woken.
          if (isOver && spent === CAP) assert.isTrue(Exit.isFailure(exit))
          isOver ||= Exit.isFailure(exit)
          before = CostLedger.endedAt(account?.steps() ?? [], now)
          assert.isAtLeast(CostLedger.bill(before, { now }).billedMinutes, billedMinutes)
          yield* World.secondsPass(pause)
        }
      }).pipe(Effect.provide(World.world({ boot: "20 seconds" }))),
    { arbitrary: { runs: 6 } }
  )

  it.effect("is refused before anything is woken where the cap is spent, and told what was spent", () =>
    Effect.gen(function* () {
      yield* World.secondsPass(600)
      const before = [
        { at: 0, replicas: 2 },
        { at: 241_000, replicas: 0 }
      ]
      const error = yield* World.failure(
        ManagedEndpoint.withEndpoint({ ...options, maxBilledMinutes: 10 }, () => Effect.void).pipe(
          Effect.provideService(CostLedger.CostLedger, { before, begun: () => {} })
        )
      )
      assert.strictEqual(World.tagOf(error), "CostCapReached")
      assert.include(String(error), "at 10 billed minutes")
      assert.deepStrictEqual(yield* World.changes, [])
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("is refused too where the cap was spent by others, and it was put to sleep since", () =>
    Effect.gen(function* () {
      yield* World.existing("paused")
      yield* World.secondsPass(600)
      const now = yield* Clock.currentTimeMillis
      const already = yield* World.changes
      const error = yield* World.failure(
        ManagedEndpoint.withEndpoint({ ...options, maxBilledMinutes: 10 }, () => Effect.void).pipe(
          Effect.provideService(CostLedger.CostLedger, {
            before: [{ at: now - 599_000, replicas: 1 }],
            begun: () => {}
          })
        )
      )
      assert.strictEqual(World.tagOf(error), "CostCapReached")
      assert.deepStrictEqual(yield* World.changes, already)
    }).pipe(Effect.provide(World.world()))
  )

  it.effect("goes on with a bill that others have begun and that still runs: no minute is begun twice", () =>
    Effect.gen(function* () {
      yield* World.existing("running")
      const now = yield* Clock.currentTimeMillis
      const [, bill] = yield* World.inTime(
        ManagedEndpoint.withBill(options, () => Effect.sleep("15 seconds")).pipe(
          Effect.provideService(CostLedger.CostLedger, {
            before: [{ at: now - 30_000, replicas: 1 }],
            begun: () => {}
          })
        )
      )
      assert.strictEqual(bill.billedMinutes, 1)
    }).pipe(Effect.provide(World.world()))
  )
})
