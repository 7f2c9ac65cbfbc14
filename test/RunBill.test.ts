/** What a run of the cluster has cost, from what its workers have written down: beside the emulator's own meter. */
import { assert, describe, it } from "@effect/vitest"
import type { CostLedger } from "@stint/batch"
import { Meter as Truth } from "@stint/emulator"
import { Schema } from "effect"
import * as Bill from "../packages/cluster/src/internal/run/bill.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const Changes = Schema.Array(Schema.Struct({ after: between(1, 400_000), replicas: between(0, 4) })).check(
  Schema.isMinLength(1)
)
/** How much of the time a worker was there for: it comes before the former one goes. */
const Shifts = Schema.Array(between(1, 9))

const stepsOf = (changes: typeof Changes.Type): ReadonlyArray<CostLedger.Step> => {
  let at = 0
  return changes.map(({ after, replicas }) => ({ at: (at += after), replicas }))
}

/** What somebody sees who is there from one time to another. */
const seen = (steps: ReadonlyArray<CostLedger.Step>, from: number, to: number) => {
  const before = steps.findLast(({ at }) => at <= from)
  return [
    ...(before === undefined ? [] : [{ at: from, replicas: before.replicas }]),
    ...steps.filter(({ at }) => at > from && at <= to)
  ]
}

const account = (
  steps: ReadonlyArray<CostLedger.Step>,
  seenAt: number,
  how: Partial<Bill.Account> = {}
): Bill.Account => ({ steps, facts: {}, seenAt, isEnded: true, isSilent: false, ...how })

const books = (accounts: ReadonlyArray<Bill.Account>, rest: Partial<Bill.Books> = {}): Bill.Books => ({
  accounts,
  holding: undefined,
  finishedAt: undefined,
  now: 600_000,
  ...rest
})

const minutes = (given: Bill.Books) => Bill.of(given)?.billedMinutes

describe("the bill of a run", () => {
  it.prop(
    "is what one who saw all would have: nothing twice where workers overlap, nothing left out between them",
    { changes: Changes, shifts: Shifts },
    ({ changes, shifts }) => {
      const steps = stepsOf(changes)
      const now = (steps.at(-1)?.at ?? 0) + 12_345
      let truth = Truth.make(6)
      for (const { at, replicas } of steps) truth = Truth.run(truth, { at, replicas })
      const total = shifts.reduce((sum, shift) => sum + shift, 1)
      let done = 0
      const accounts = shifts.map((shift) => {
        const from = Math.floor((now * done) / total)
        done += shift
        const to = Math.floor((now * (done + 1)) / total)
        return account(seen(steps, from, to), to)
      })
      // The last one is there still.
      const last = account(seen(steps, Math.floor((now * done) / total), now), now, { isEnded: false })
      const { billedMinutes, dollars } = Truth.bill(truth, now)
      const all = [...accounts, { ...last, facts: { pricePerHour: 6 } }]
      const bill = Bill.of(books(all, { now }))
      assert.strictEqual(bill?.billedMinutes ?? 0, billedMinutes)
      assert.approximately(bill?.dollars ?? 0, dollars, 1e-9)
    }
  )

  const gone = account([{ at: 0, replicas: 1 }], 200_000, { isEnded: false, isSilent: true })

  it("counts what a lost worker held until it was released, or to the end of the run", () => {
    const held = { isReleased: false, since: 0, updatedAt: 0 }
    assert.strictEqual(minutes(books([gone])), 4)
    assert.strictEqual(minutes(books([gone], { holding: held })), 10)
    assert.strictEqual(minutes(books([gone], { holding: held, finishedAt: 290_000 })), 5)
    const released = { isReleased: true, since: 0, updatedAt: 310_000 }
    assert.strictEqual(minutes(books([gone], { holding: released })), 6)
    // Woken by others since: when it was released nobody knows.
    assert.strictEqual(minutes(books([gone], { holding: { ...held, since: 250_000 } })), 4)
  })

  it("goes on where a worker left in order and saw it awake", () => {
    const held = { isReleased: false, since: 0, updatedAt: 0 }
    const left = account([{ at: 0, replicas: 1 }], 230_000)
    assert.strictEqual(minutes(books([gone, left], { holding: held })), 10)
    assert.strictEqual(minutes(books([left], { holding: held })), 10)
    assert.strictEqual(minutes(books([left], { holding: held, finishedAt: 290_000 })), 5)
    const asleep = account([...left.steps, { at: 220_000, replicas: 0 }], 230_000)
    assert.strictEqual(minutes(books([asleep], { holding: held })), 4)
  })

  it("does not hold what a lost worker saw against those who came after it", () => {
    const holding = { isReleased: false, since: 0, updatedAt: 0 }
    const many = { ...gone, steps: [{ at: 0, replicas: 4 }] }
    const other = account(
      [
        { at: 100_000, replicas: 4 },
        { at: 240_000, replicas: 1 }
      ],
      600_000,
      { isEnded: false }
    )
    assert.strictEqual(minutes(books([many, other], { holding })), 4 * 3 + 4 + 6)
  })

  it("is not there where nobody has held the endpoint, and has no dollars without a price", () => {
    assert.isUndefined(Bill.of(books([])))
    assert.isUndefined(Bill.of(books([account([], 600_000)])))
    assert.isUndefined(Bill.of(books([gone]))?.dollars)
  })
})
