/** How looks at an endpoint become minutes: never fewer than were seen, and beside the emulator's meter where all is seen. */
import { assert, describe, it } from "@effect/vitest"
import { Endpoint } from "@stint/core"
import { Meter as Truth } from "@stint/emulator"
import { Schema } from "effect"
import * as Meter from "../packages/batch/src/internal/lease/meter.ts"

const MINUTE = 60_000

const at = (state: string, replicas = 0, maxReplica = replicas) =>
  new Endpoint.Endpoint({
    name: "e",
    compute: { scaling: { minReplica: 0, maxReplica } },
    status: { state, readyReplica: replicas, targetReplica: replicas },
    raw: null
  })

const running = (replicas: number) => (replicas === 0 ? at("paused") : at("running", replicas))

const Changes = Schema.Array(
  Schema.Struct({
    after: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400_000 })),
    replicas: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))
  })
)

describe("the meter of a lease", () => {
  it.prop(
    "counts as the emulator's where each change is seen as it happens",
    { changes: Changes },
    (given) => {
      const meter = Meter.make()
      let truth = Truth.make(0.8)
      let [now, replicas] = [0, 0]
      meter.see(now, running(0))
      for (const change of given.changes) {
        now += change.after
        // Once before it, and once after.
        meter.see(now, running(replicas))
        replicas = change.replicas
        meter.see(now, running(replicas))
        truth = Truth.run(truth, { at: now, replicas })
      }
      now += 12_345
      assert.strictEqual(Meter.minutes(meter.stretches(0, now)), Truth.bill(truth, now).billedMinutes)
    }
  )

  it.prop(
    "ends by a time at which the allowed minutes are not passed, and would be a moment later",
    { changes: Changes, more: Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 60 })) },
    ({ changes, more }) => {
      const meter = Meter.make()
      let now = 0
      for (const change of changes) {
        now += change.after
        meter.see(now, running(change.replicas))
      }
      const spent = Meter.minutes(meter.stretches(0, now))
      const end = meter.latestEnd(0, spent + more)
      if (meter.replicas() === 0) return assert.strictEqual(end, Infinity)
      assert.isAtMost(Meter.minutes(meter.stretches(0, end)), spent + more)
      assert.isAbove(Meter.minutes(meter.stretches(0, end + 1)), spent + more)
    }
  )

  const Magnitude = Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 308 }))

  it.prop(
    "comes to an end for a cap and a clock of any magnitude, with a time that keeps to the cap",
    {
      digits: Schema.Finite.check(Schema.isBetween({ minimum: 1, maximum: 10 })),
      cap: Magnitude,
      clock: Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 4e12 })),
      replicas: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))
    },
    ({ cap, clock, digits, replicas }) => {
      const allowed = digits * 10 ** cap
      const meter = Meter.make()
      meter.see(clock, running(replicas))
      const end = meter.latestEnd(clock, allowed)
      if (allowed > 1e9) return assert.strictEqual(end, Infinity)
      assert.isAtLeast(end, clock)
      assert.isAtMost(Meter.minutes(meter.stretches(clock, end)), Math.max(0, allowed))
    }
  )

  it.each([Number.MAX_SAFE_INTEGER, 7.5e9, Number.MAX_VALUE, Infinity])(
    "takes %s minutes for no cap",
    (allowed) => {
      const meter = Meter.make()
      meter.see(1.8e12, running(1))
      assert.strictEqual(meter.latestEnd(1.8e12, allowed), Infinity)
    }
  )

  it.each([Number.NaN, -1, -Infinity])("takes %s minutes for none at all", (allowed) => {
    const meter = Meter.make()
    meter.see(1.8e12, running(1))
    assert.isAtMost(meter.latestEnd(1.8e12, allowed), 1.8e12)
  })

  for (const [state, replicas] of [
    ["pending", 0],
    ["paused", 0],
    ["scaledToZero", 0],
    ["failed", 0],
    ["initializing", 1],
    ["running", 1],
    ["updating", 1],
    ["hibernating", 1]
  ] as const) {
    it(`takes "${state}" for ${replicas === 0 ? "free" : "billed"}`, () => {
      assert.strictEqual(at(state).billedReplicas, replicas)
    })
  }

  it("counts a started minute more where it was away for a moment that nobody saw", () => {
    const meter = Meter.make()
    meter.see(0, at("running", 1))
    meter.see(30_000, at("initializing", 0))
    assert.strictEqual(Meter.minutes(meter.stretches(0, 50_000)), 2)
  })

  it("keeps room for the replicas that an autoscaler may add", () => {
    const alone = Meter.make()
    alone.see(0, at("running", 1))
    assert.strictEqual(alone.latestEnd(0, 6), 6 * MINUTE)
    const scaling = Meter.make()
    scaling.see(0, at("running", 1, 3))
    assert.strictEqual(scaling.latestEnd(0, 6), 2 * MINUTE)
  })
})
