/** One limit for all workers: its parts never sum up to more than the whole. */
import { assert, describe, it } from "@effect/vitest"
import type { Limit } from "@stint/batch"
import { Effect, Exit, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Counts from "../src/internal/limit/counts.ts"
import { divide, grants } from "../src/internal/limit/divide.ts"
import * as Member from "../src/internal/limit/member.ts"
import * as Store from "../src/internal/limit/store.ts"

const sum = (parts: Iterable<number>) => [...parts].reduce((all, part) => all + part, 0)

const upTo = (most: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: most }))
const Demands = Schema.Array(upTo(2000)).check(Schema.isMaxLength(12))

describe("a limit is divided", () => {
  it.prop(
    "never into more than it is, nor to anybody more than is asked for, and nothing is left while somebody asks",
    { total: upTo(5000), asked: Demands },
    ({ asked, total }) => {
      const asking = asked.map((demand, nth) => ({ id: `w${nth}`, demand }))
      const parts = divide(total, asking)
      assert.strictEqual(sum(parts.values()), Math.min(total, sum(asked)))
      for (const { demand, id } of asking) assert.isAtMost(parts.get(id) ?? 0, demand)
    }
  )

  it("in proportion to what is asked for", () => {
    const parts = divide(100, [
      { id: "a", demand: 300 },
      { id: "b", demand: 100 }
    ])
    assert.deepStrictEqual([...parts.values()], [75, 25])
  })

  it("with one at least for each who asks, while there is enough", () => {
    const parts = divide(3, [
      { id: "a", demand: 1000 },
      { id: "b", demand: 1 },
      { id: "c", demand: 1 }
    ])
    assert.deepStrictEqual([...parts.values()], [1, 1, 1])
  })
})

/** Who speaks, comes, dies or is asked for another amount; and the limit itself moves. */
const Step = Schema.Struct({
  kind: Schema.Literals(["speak", "speak", "demand", "leave", "total"]),
  id: upTo(5),
  to: upTo(60)
})

describe("the parts that workers use", () => {
  it.prop(
    "sum up to no more than the limit, whoever comes, goes, and speaks when; where it fell, to no more than was promised before",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(80)) },
    ({ steps }) => {
      const members = new Map<
        number,
        { demand: number; held: number; heard: number; granted: number; uses: number }
      >()
      let total = 16
      const used = () => sum(Array.from(members.values(), ({ uses }) => uses))
      /** What they use, and what they will have been told of by the time they speak next. */
      const promised = () => sum(Array.from(members.values(), ({ granted, uses }) => Math.max(granted, uses)))
      const speak = (id: number) => {
        const member = members.get(id) ?? { demand: 10, held: 0, heard: 0, granted: 0, uses: 0 }
        members.set(id, member)
        // At worst all that it might have is in flight while it is told of less.
        member.held = member.uses
        member.heard = member.granted
        member.uses = member.granted
        const holdings = Array.from(members, ([each, holding]) => ({ id: String(each), ...holding }))
        const given = grants(total, holdings)
        for (const [each, holding] of members) holding.granted = given.get(String(each)) ?? 0
      }
      for (const one of steps) {
        const before = promised()
        if (one.kind === "total") total = 1 + one.to
        else if (one.kind === "leave") members.delete(one.id)
        else {
          speak(one.id)
          const member = members.get(one.id)
          if (one.kind === "demand" && member !== undefined) member.demand = one.to
        }
        assert.isAtMost(promised(), Math.max(total, before))
        assert.isAtMost(used(), promised())
      }
      // When all have spoken a few times nothing is left that somebody could use, and no more is used than there is.
      for (let round = 0; round < 4; round++) for (const id of members.keys()) speak(id)
      const asked = sum(Array.from(members.values(), ({ demand }) => demand))
      assert.strictEqual(used(), Math.min(total, asked))
    }
  )
})

describe("what many answers come to", () => {
  it("is told again as as many answers, with the same sums", () => {
    let counts = Counts.none
    for (const [at, reason] of [
      [10, undefined],
      [30, undefined],
      [5, "busy"],
      [7, "engine"]
    ] as const) {
      counts = Counts.after(counts, {
        reason,
        at: 0,
        durationMillis: at,
        inFlight: 1,
        outputTokens: 4,
        isSaturated: at === 10
      })
    }
    const samples = Counts.samples(counts, { from: 0, to: 1000, inFlight: 9 })
    const good = samples.filter(({ reason }) => reason === undefined)
    assert.strictEqual(samples.length, 3)
    assert.strictEqual(sum(good.map(({ durationMillis }) => durationMillis)), 40)
    assert.deepStrictEqual(
      good.map(({ isSaturated }) => isSaturated),
      [true, false]
    )
    assert.deepStrictEqual(
      samples.filter(({ reason }) => reason === "busy").map(({ durationMillis }) => durationMillis),
      [5]
    )
  })
})

const ten = Effect.succeed<Limit.Controller>({
  current: () => 10,
  onSample: () => undefined,
  onReopened: () => undefined
})

describe("workers that share a limit", () => {
  it.effect("have all of it, and the part of one that is gone after its word has run out", () =>
    Effect.gen(function* () {
      const store = Store.memory()
      const join = Effect.fnUntraced(function* (worker: string, scope: Scope.Scope) {
        return yield* Scope.provide(
          Member.make({ worker, max: 10, begin: () => ten, store, demand: () => 10 }),
          scope
        )
      })
      const [one, two] = [yield* Scope.make(), yield* Scope.make()]
      const first = yield* join("a", one)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(first.share(), 10)
      const second = yield* join("b", two)
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual([first.share(), second.share()], [5, 5])
      yield* Scope.close(two, Exit.void)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(first.share(), 10)
      // One that is killed says nothing.
      yield* store.report({ worker: "c", demand: 10, inFlight: 0, counts: Counts.none })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(first.share(), 5)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(first.share(), 10)
      yield* Scope.close(one, Exit.void)
    })
  )

  it.effect("use nothing of it once they hear nothing any more", () =>
    Effect.gen(function* () {
      const store = Store.memory()
      let isCut = false
      const scope = yield* Scope.make()
      const member = yield* Member.make({
        worker: "a",
        max: 10,
        begin: () => ten,
        store: { ...store, report: (mine) => (isCut ? Effect.die("cut off") : store.report(mine)) },
        demand: () => 10
      }).pipe(Scope.provide(scope))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(member.share(), 10)
      isCut = true
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual(member.share(), 0)
      isCut = false
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(member.share(), 10)
      yield* Scope.close(scope, Exit.void)
    })
  )
})
