import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator, Meter } from "@stint/emulator"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import { memory, spec } from "./harness.ts"

const minute = 60_000

const billOf = (changes: ReadonlyArray<readonly [at: number, replicas: number]>, now: number, price = 0.6) =>
  Meter.bill(
    changes.reduce((meter, [at, replicas]) => Meter.run(meter, { at, replicas }), Meter.make(price)),
    now
  )

describe("Meter", () => {
  it("bills every minute that has begun", () => {
    const minutes = (until: number) => billOf([[1000, 1]], until).billedMinutes
    assert.deepStrictEqual(
      [1000, 1001, 1000 + minute, 1001 + minute, 1000 + 90 * minute].map(minutes),
      [0, 1, 1, 2, 90]
    )
  })

  it("begins a new minute with each stretch", () => {
    const { billedMinutes, dollars } = billOf(
      [
        [0, 1],
        [10_000, 0],
        [20_000, 1],
        [30_000, 0]
      ],
      10 * minute
    )
    assert.strictEqual(billedMinutes, 2)
    assert.strictEqual(dollars, 0.02)
  })

  it("bills each replica by itself, and ends the newest first", () => {
    const changes = [
      [0, 2],
      [minute, 3],
      [2 * minute, 1]
    ] as const
    assert.strictEqual(billOf(changes, 5 * minute).billedMinutes, 5 + 2 + 1)
  })

  it("charges the price that was in force", () => {
    const started = Meter.run(Meter.make(0.6), { at: 0, replicas: 1 })
    const moved = Meter.reprice(started, { at: 30_000, pricePerHour: 6 })
    assert.deepStrictEqual(Meter.bill(moved, 60_000), { billedMinutes: 2, dollars: 0.11, pricePerHour: 6 })
    assert.strictEqual(Meter.reprice(started, { at: 30_000, pricePerHour: 0.6 }), started)
  })

  const Step = Schema.Struct({
    do: Schema.Literals(["create", "pause", "resume", "scaleToZero", "delete", "nothing"]),
    wait: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))
  })

  // The model: which whole seconds were spent initializing or running, and how those make stretches.
  const bootSeconds = 8
  const pendingSeconds = 2

  it.effect.prop(
    "any life is billed as an independent model bills it",
    { steps: Schema.Array(Step).check(Schema.isBetweenLength(5, 30)) },
    ({ steps }) =>
      Effect.gen(function* () {
        const endpoints = yield* Endpoints.Endpoints
        const emulator = yield* Emulator.Emulator
        let now = 0
        let exists = true
        let asked: number | undefined = 0
        yield* endpoints.create("a", spec)
        const stretches: Array<readonly [number, number]> = []
        const stop = () => {
          if (asked !== undefined && now > asked + pendingSeconds)
            stretches.push([asked + pendingSeconds, now])
          asked = undefined
        }
        for (const step of steps) {
          switch (step.do) {
            case "create":
              yield* Effect.exit(endpoints.create("a", spec))
              if (!exists) asked = now
              exists = true
              break
            case "pause":
              yield* Effect.exit(endpoints.pause("a"))
              stop()
              break
            case "resume":
              yield* Effect.exit(endpoints.resume("a"))
              if (exists) asked ??= now
              break
            case "scaleToZero":
              yield* Effect.exit(endpoints.scaleToZero("a"))
              stop()
              break
            case "delete":
              yield* Effect.exit(endpoints.delete("a"))
              stop()
              exists = false
              break
            case "nothing":
          }
          yield* TestClock.adjust(`${step.wait} seconds`)
          now += step.wait
          // Left alone for 15 minutes since it began to run, it falls asleep by itself.
          const sleepAt = (asked ?? Infinity) + bootSeconds + 15 * 60
          if (asked !== undefined && now >= sleepAt) {
            stretches.push([asked + pendingSeconds, sleepAt])
            asked = undefined
          }
        }
        stop()
        const expected = stretches.reduce((sum, [from, to]) => sum + Math.ceil((to - from) / 60), 0)
        const bill = yield* emulator
          .bill("a")
          .pipe(Effect.orElseSucceed(() => ({ billedMinutes: 0, dollars: 0 })))
        assert.strictEqual(bill.billedMinutes, expected)
        assert.closeTo(bill.dollars, (expected / 60) * 0.033, 1e-9)
      }).pipe(Effect.provide(memory({ boot: `${bootSeconds} seconds` }))),
    { arbitrary: { runs: 60 } }
  )
})
