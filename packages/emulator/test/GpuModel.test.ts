import { assert, describe, it } from "@effect/vitest"
import { GpuModel } from "@stint/emulator"
import { Deferred, Duration, Effect, Fiber, Random, Semaphore, Stream } from "effect"
import { TestClock } from "effect/testing"

const simple: GpuModel.Options = {
  name: "simple",
  step: "10 millis",
  perSequence: "1 millis",
  perPromptToken: "100 micros",
  cacheTokens: 1000
}

/** Runs an effect to its end on virtual time, a day of it at most. */
const onVirtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>, most: Duration.Input = "1 day") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(most)
    return yield* Fiber.join(fiber)
  })

const works = (count: number, promptTokens: number, outputTokens: number): ReadonlyArray<GpuModel.Work> =>
  Array.from({ length: count }, () => ({ promptTokens, outputTokens }))

/** Works whose lengths differ, the same for every run. */
const mixed = (count: number): Effect.Effect<ReadonlyArray<GpuModel.Work>> =>
  Random.withSeed(
    Effect.forEach(Array.from({ length: count }), () =>
      Effect.gen(function* () {
        const [a, b, c, d] = [yield* Random.next, yield* Random.next, yield* Random.next, yield* Random.next]
        const normal = (u: number, v: number) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
        return {
          promptTokens: Math.min(8000, Math.ceil(712 * Math.exp(0.8 * normal(a, b)))),
          outputTokens: Math.min(1024, Math.ceil(182 * Math.exp(0.8 * normal(c, d))))
        }
      })
    ),
    "rows"
  )

/** Serves all works, at most `limit` of them sent at a time. */
const serve = Effect.fnUntraced(function* (
  options: GpuModel.Options,
  all: ReadonlyArray<GpuModel.Work>,
  limit: number
) {
  const gpu = yield* GpuModel.make(options)
  const permits = yield* Semaphore.make(limit)
  const served = yield* onVirtualTime(
    Effect.forEach(all, (work) => permits.withPermit(gpu.run(work)), { concurrency: "unbounded" })
  )
  const begin = Math.min(...served.map(({ arrived }) => arrived))
  const end = Math.max(...served.map(({ finished }) => finished))
  return { served, totals: yield* gpu.totals, millis: end - begin }
})

it.effect("when the end of one request interrupts the others, nothing of them is left", () =>
  Effect.gen(function* () {
    const gpu = yield* GpuModel.make(simple)
    const first = yield* Deferred.make<void>()
    const one = (work: GpuModel.Work) =>
      Effect.raceFirst(
        Effect.tap(gpu.run(work), () => Deferred.succeed(first, undefined)),
        Deferred.await(first)
      )
    const all = Array.from({ length: 8 }, (_, nth) => ({
      promptTokens: 10,
      outputTokens: 20 + ((nth * 5) % 8)
    }))
    const before = yield* onVirtualTime(
      Effect.andThen(Effect.forEach(all, one, { concurrency: "unbounded" }), gpu.load),
      "1 second"
    )
    assert.deepInclude(before, { running: 0, waiting: 0, cacheUsage: 0 })
  })
)

describe("one request", () => {
  it.effect("takes a step a token, and its prompt in the first of them", () =>
    Effect.gen(function* () {
      const gpu = yield* GpuModel.make(simple)
      const served = yield* onVirtualTime(gpu.run({ promptTokens: 100, outputTokens: 20 }))
      assert.closeTo(served.firstToken - served.arrived, 10 + 1 + 10, 1e-6)
      assert.closeTo(served.finished - served.arrived, 20 * 11 + 10, 1e-6)
      assert.deepStrictEqual(yield* gpu.totals, {
        steps: 20,
        promptTokens: 100,
        outputTokens: 20,
        preemptions: 0
      })
    })
  )

  it.effect("is watched a token at a time, and takes no longer for it", () =>
    Effect.gen(function* () {
      const gpu = yield* GpuModel.make(simple)
      const tokens = yield* onVirtualTime(
        Stream.runCollect(gpu.stream({ promptTokens: 100, outputTokens: 20 }))
      )
      assert.deepStrictEqual(
        tokens,
        Array.from({ length: 20 }, () => 1)
      )
    })
  )

  it.effect("that comes in the middle of a step is let in at its end", () =>
    Effect.gen(function* () {
      const gpu = yield* GpuModel.make(simple)
      const [first, second] = yield* onVirtualTime(
        Effect.all(
          [
            gpu.run({ promptTokens: 0, outputTokens: 100 }),
            Effect.delay(gpu.run({ promptTokens: 0, outputTokens: 10 }), "16 millis")
          ],
          { concurrency: 2 }
        )
      )
      // Steps of 11 ms end at 22 ms; from there on two run, 12 ms a step.
      assert.closeTo(second.firstToken, 22 + 12, 1e-6)
      assert.closeTo(second.finished, 22 + 120, 1e-6)
      assert.closeTo(first.finished, 22 + 120 + 88 * 11, 1e-6)
    })
  )

  it.effect("gives its memory back when whoever asked goes away", () =>
    Effect.gen(function* () {
      const gpu = yield* GpuModel.make(simple)
      const gone = yield* Effect.forkChild(gpu.run({ promptTokens: 900, outputTokens: 50 }), {
        startImmediately: true
      })
      const waits = yield* Effect.forkChild(gpu.run({ promptTokens: 900, outputTokens: 50 }), {
        startImmediately: true
      })
      yield* TestClock.adjust("150 millis")
      const busy = yield* gpu.load
      assert.deepStrictEqual([busy.running, busy.waiting], [1, 1])
      assert.isAbove(busy.cacheUsage, 0.9)
      yield* Fiber.interrupt(gone)
      yield* TestClock.adjust("1 minute")
      const served = yield* Fiber.join(waits)
      assert.isBelow(served.firstToken, 300)
      assert.deepStrictEqual(yield* gpu.load, { running: 0, waiting: 0, cacheUsage: 0, preemptions: 0 })
    })
  )
})

describe("laws", () => {
  it.effect("throughput rises with the batch until memory is full, and then no more", () =>
    Effect.gen(function* () {
      const rates: Array<number> = []
      for (const limit of [1, 2, 4, 8, 16, 64, 256]) {
        const { millis, totals } = yield* serve({ ...simple, cacheTokens: 4000 }, works(256, 100, 100), limit)
        rates.push((1000 * totals.outputTokens) / millis)
      }
      const [one = 0, two = 0, four = 0, eight = 0, sixteen = 0, many = 0, all = 0] = rates
      assert.isTrue(one < two && two < four && four < eight && eight < sixteen, String(rates))
      // 4000 tokens are some 25 sequences of 100 and half of 100.
      assert.isAtLeast(many, sixteen)
      assert.closeTo(all / many, 1, 0.02)
    })
  )

  it.effect("requests are let in in the order in which they came", () =>
    Effect.gen(function* () {
      const { served, totals } = yield* serve(simple, works(60, 200, 20), 60)
      const firsts = served.map(({ firstToken }) => firstToken)
      assert.deepStrictEqual(
        firsts,
        firsts.toSorted((a, b) => a - b)
      )
      assert.strictEqual(totals.outputTokens, 1200)
    })
  )

  it.effect("who came last loses its memory when there is none, and reads its prompt again", () =>
    Effect.gen(function* () {
      const { served, totals } = yield* serve(simple, works(8, 100, 100), 8)
      assert.isAbove(totals.preemptions, 0)
      assert.isAbove(totals.promptTokens, 800)
      assert.strictEqual(totals.outputTokens, 800)
      assert.strictEqual(served[0]?.preemptions, 0)
      assert.strictEqual(
        served.reduce((sum, { preemptions }) => sum + preemptions, 0),
        totals.preemptions
      )
    })
  )

  it.effect("Little: requests in the system are their rate times their time, within 2 %", () =>
    Effect.gen(function* () {
      const gpu = yield* GpuModel.make(GpuModel.a10g)
      const rows = yield* mixed(1500)
      const seen: Array<number> = []
      const watch = Effect.forever(
        Effect.delay(
          Effect.map(gpu.load, ({ running, waiting }) => seen.push(running + waiting)),
          "250 millis"
        )
      )
      const arrivals = Effect.forEach(
        rows,
        (work, i) => Effect.delay(gpu.run(work), Duration.millis(300 * i)),
        { concurrency: "unbounded" }
      )
      const watching = yield* Effect.forkChild(watch)
      const served = yield* onVirtualTime(arrivals, "15 minutes")
      yield* Fiber.interrupt(watching)
      const end = Math.max(...served.map(({ finished }) => finished))
      const samples = seen.slice(0, Math.floor(end / 250))
      const inSystem = samples.reduce((sum, count) => sum + count, 0) / samples.length
      const time = served.reduce((sum, { arrived, finished }) => sum + finished - arrived, 0) / served.length
      const rate = served.length / end
      assert.isAbove(inSystem, 10)
      assert.closeTo((rate * time) / inSystem, 1, 0.02)
    })
  )

  it.effect("the same works give the same times, watched or not", () =>
    Effect.gen(function* () {
      const rows = yield* mixed(200)
      const one = yield* serve(GpuModel.a10g, rows, 64)
      assert.deepStrictEqual((yield* serve(GpuModel.a10g, rows, 64)).totals, one.totals)
      const watched = yield* Effect.gen(function* () {
        const gpu = yield* GpuModel.make(GpuModel.a10g)
        const permits = yield* Semaphore.make(64)
        yield* onVirtualTime(
          Effect.forEach(rows, (work) => permits.withPermit(Stream.runDrain(gpu.stream(work))), {
            concurrency: "unbounded"
          })
        )
        return yield* gpu.totals
      })
      assert.strictEqual(watched.outputTokens, one.totals.outputTokens)
      assert.closeTo(watched.steps / one.totals.steps, 1, 0.01)
    })
  )
})

describe("presets", () => {
  /** Minutes billed for the reference job: its cold start of 240 s, and whole minutes. */
  const billed = (options: GpuModel.Options, limit: number) =>
    Effect.gen(function* () {
      const { millis } = yield* serve(options, yield* mixed(3000), limit)
      return Math.ceil((240 + millis / 1000) / 60)
    })

  it.effect(
    "a10g bills what the reference job was reckoned at: 250, 72 and 16 minutes for 1, 4 and 100 in flight",
    () =>
      Effect.gen(function* () {
        assert.closeTo(yield* billed(GpuModel.a10g, 1), 250, 8)
        assert.closeTo(yield* billed(GpuModel.a10g, 4), 72, 3)
        assert.closeTo(yield* billed(GpuModel.a10g, 100), 16, 1)
        assert.closeTo(yield* billed(GpuModel.a10g, 1024), 16, 1)
      })
  )

  it.effect(
    "h200 bills what the reference job was reckoned at: 150, 43, 9 and 8 minutes for 1, 4, 100 and all in flight",
    () =>
      Effect.gen(function* () {
        assert.closeTo(yield* billed(GpuModel.h200, 1), 150, 6)
        assert.closeTo(yield* billed(GpuModel.h200, 4), 43, 2)
        assert.closeTo(yield* billed(GpuModel.h200, 100), 9, 1)
        assert.closeTo(yield* billed(GpuModel.h200, 1024), 8, 1)
      })
  )
})
