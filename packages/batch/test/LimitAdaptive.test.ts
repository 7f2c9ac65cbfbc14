import { assert, describe, it } from "@effect/vitest"
import type { Limit } from "@stint/batch"
import { Schema } from "effect"
import * as Adaptive from "../src/internal/limit/adaptive.ts"
import * as EngineMetrics from "../src/internal/limit/engineMetrics.ts"
import * as Goodput from "../src/internal/limit/goodput.ts"

const minute = 60_000

/** A limit, and a time that passes with each answer. */
const make = (settings: Partial<Adaptive.Settings> = {}) => {
  const limit = Adaptive.make({ seed: 64, replicas: 1, max: 4096, ...settings })
  let at = 0
  const sample = (more: Partial<Limit.Sample> = {}) =>
    limit.onSample({
      reason: undefined,
      at,
      durationMillis: 1000,
      inFlight: limit.current(),
      outputTokens: 100,
      isSaturated: true,
      ...more
    })
  return {
    ...limit,
    sample,
    /** So many good answers, `millis` from one to the next. */
    answers: (count: number, millis: number | (() => number) = 100, more: Partial<Limit.Sample> = {}) => {
      for (let n = 0; n < count; n++) {
        at += typeof millis === "number" ? millis : millis()
        sample(more)
      }
    },
    busy: (more: Partial<Limit.Sample> = {}) => sample({ reason: "busy", durationMillis: 10, ...more }),
    read: (running: number | undefined, waiting: number) => limit.onReading({ running, waiting }, at),
    pass: (millis: number) => {
      at += millis
    }
  }
}

const Event = Schema.Union([
  Schema.TaggedStruct("Answers", { count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })) }),
  Schema.TaggedStruct("Busy", {
    inFlight: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5000 }))
  }),
  Schema.TaggedStruct("Read", {
    running: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 })),
    waiting: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 }))
  }),
  Schema.TaggedStruct("Replicas", { count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })) }),
  Schema.TaggedStruct("Reopened", {}),
  Schema.TaggedStruct("Pass", {
    millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))
  })
])
const Events = Schema.Array(Event).check(Schema.isMaxLength(60))

const happen = (limit: ReturnType<typeof make>, event: typeof Event.Type) => {
  switch (event._tag) {
    case "Answers":
      return limit.answers(event.count)
    case "Busy":
      return limit.busy({ inFlight: event.inFlight })
    case "Read":
      return limit.read(event.running, event.waiting)
    case "Replicas":
      return limit.onReplicas(event.count)
    case "Reopened":
      return limit.onReopened()
    case "Pass":
      return limit.pass(event.millis)
  }
}

describe("whatever happens", () => {
  const Max = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600 }))
  it.prop("is a whole number from 1 to its maximum", { max: Max, events: Events }, ({ max, events }) => {
    const limit = make({ max })
    for (const event of events) {
      happen(limit, event)
      assert.isTrue(Number.isInteger(limit.current()))
      assert.isAtLeast(limit.current(), 1)
      assert.isAtMost(limit.current(), max)
    }
  })

  it.prop("never asks for more than the engine takes by its own word", { events: Events }, ({ events }) => {
    const limit = make({ declared: 100 })
    let replicas = 1
    for (const event of events) {
      happen(limit, event)
      if (event._tag === "Replicas" && event.count > 0) replicas = event.count
      assert.isAtMost(limit.current(), 100 * replicas)
    }
  })

  it.prop(
    "does not pass what was refused before five minutes went by",
    { events: Events, inFlight: Schema.Int.check(Schema.isBetween({ minimum: 2, maximum: 600 })) },
    ({ events, inFlight }) => {
      const limit = make()
      limit.answers(500)
      limit.busy({ inFlight })
      // What was in flight is served, and what comes after it as well: it was not a time that refuses everything.
      limit.answers(1)
      limit.answers(1, 100, { durationMillis: 50 })
      let left = 5 * minute - 200
      for (const event of events) {
        if (event._tag === "Pass" || event._tag === "Replicas") continue
        left -= event._tag === "Answers" ? 100 * event.count : 0
        if (left < 0) return
        happen(limit, event)
        assert.isAtMost(limit.current(), inFlight - 1)
      }
    }
  )
})

describe("growth", () => {
  it("lets one more in for each answer at least", () => {
    const limit = make()
    limit.answers(30)
    assert.isAtLeast(limit.current(), 94)
  })

  it("stops at 512 a replica where nothing says that there is room for more", () => {
    const limit = make({ replicas: 2 })
    let rate = 100
    // Always better, so that nothing but the cap stops it.
    limit.answers(5000, () => (rate *= 0.999))
    assert.strictEqual(limit.current(), 1024)
  })

  it("does not grow beyond what is used", () => {
    const limit = make()
    limit.answers(40, 100, { inFlight: 20 })
    assert.strictEqual(limit.current(), 64)
    limit.answers(2000, 100, { inFlight: 57, isSaturated: false })
    assert.strictEqual(limit.current(), 64)
  })

  it("takes no other failure for a sign of anything", () => {
    for (const reason of ["row", "engine", "transport", "cold", "gone", "account"] as const) {
      const limit = make()
      for (let n = 0; n < 100; n++) limit.sample({ reason })
      assert.strictEqual(limit.current(), 64, reason)
    }
  })

  it("does not take slowness for a sign of anything", () => {
    const limit = make()
    limit.answers(60, 100, { durationMillis: 1 })
    const quick = limit.current()
    const slow = make()
    slow.answers(60, 100, { durationMillis: 100_000 })
    assert.strictEqual(slow.current(), quick)
  })
})

describe("a refusal", () => {
  it("costs a fifth, once a round trip", () => {
    const limit = make()
    limit.answers(36, 100)
    const before = limit.current()
    limit.pass(100)
    for (let n = 0; n < 5; n++) limit.busy({ inFlight: before })
    assert.strictEqual(limit.current(), Math.floor(0.8 * before))
    limit.pass(100)
    limit.busy({ inFlight: limit.current() })
    assert.strictEqual(limit.current(), Math.floor(0.8 * before), "a refusal's own round trip is none")
    limit.pass(900)
    limit.busy({ inFlight: limit.current() })
    assert.isBelow(limit.current(), Math.floor(0.7 * before))
  })

  it("of many at once teaches what the last of them found", () => {
    const limit = make({ seed: 1000, max: 1000 })
    for (let inFlight = 1000; inFlight > 128; inFlight--) limit.busy({ inFlight })
    assert.strictEqual(limit.describe().ceiling, 128)
    assert.strictEqual(limit.current(), 128)
  })

  it("is a ceiling that is approached, and reached", () => {
    const limit = make({ seed: 129 })
    limit.busy({ inFlight: 129 })
    assert.strictEqual(limit.current(), 103)
    limit.answers(30)
    assert.isBelow(limit.current(), 120)
    limit.answers(800)
    assert.strictEqual(limit.current(), 128)
  })

  it("is tried again after five quiet minutes, and each time that fails after twice as long", () => {
    const limit = make({ seed: 129 })
    limit.busy({ inFlight: 129 })
    // Goodput that never stands still, so that the ceiling alone decides.
    let gap = 100
    const better = () => (gap *= 0.999)
    limit.answers(1000, better)
    assert.strictEqual(limit.current(), 128)
    limit.pass(5 * minute)
    limit.answers(10, better)
    assert.isAbove(limit.current(), 128)
    limit.busy({ inFlight: 129 })
    limit.answers(1)
    assert.strictEqual(limit.current(), 128)
    limit.pass(9 * minute)
    limit.answers(10, better)
    assert.strictEqual(limit.current(), 128)
    limit.pass(minute)
    limit.answers(10, better)
    assert.isAbove(limit.current(), 128)
  })

  it("that nobody repeats is forgotten in growing steps", () => {
    const limit = make({ seed: 33 })
    limit.busy({ inFlight: 33 })
    limit.answers(300)
    limit.pass(5 * minute)
    let gap = 100
    limit.answers(2000, () => (gap *= 0.998))
    assert.isAbove(limit.current(), 100)
  })
})

/**
 * A limit before an engine that answers in about two seconds, for rows without end. From `from` to `to` whatever arrives is
 * refused, within 10 ms, or whatever would be answered; above `bears` it is refused at any time.
 */
const lead = (
  limit: ReturnType<typeof make>,
  engine: {
    readonly millis: number
    readonly from?: number
    readonly to?: number
    readonly refuses?: "what arrives" | "what is answered"
    readonly bears?: number
    readonly tells?: boolean
  }
) => {
  const { bears = Infinity, from = Infinity, refuses = "what arrives", to = Infinity } = engine
  const due = new Map<number, Array<{ readonly sentAt: number; readonly isRefused: boolean }>>()
  const isRefusing = (at: number) => at >= from && at < to
  let inFlight = 0
  let served = 0
  let sent = 0
  const seen = { before: 0, least: Infinity, refusals: 0, answers: 0, limits: new Array<number>() }
  for (let at = 1; at <= engine.millis; at++) {
    if (at === from) seen.before = limit.current()
    limit.pass(1)
    for (const { isRefused: wasRefused, sentAt } of due.get(at) ?? []) {
      const isRefused = wasRefused || (refuses === "what is answered" && isRefusing(at))
      if (isRefused) seen.refusals++
      else seen.answers++
      if (!wasRefused) served--
      limit.sample({ reason: isRefused ? "busy" : undefined, durationMillis: at - sentAt, inFlight })
      inFlight--
    }
    due.delete(at)
    if (engine.tells === true && at % 2000 === 0) limit.read(served, 0)
    for (; inFlight < limit.current(); inFlight++) {
      const isRefused = served >= bears || (refuses === "what arrives" && isRefusing(at))
      if (!isRefused) served++
      const then = at + (isRefused ? 10 : 1500 + ((sent++ * 617) % 1000))
      due.set(then, [...(due.get(then) ?? []), { sentAt: at, isRefused }])
    }
    seen.least = Math.min(seen.least, limit.current())
    seen.limits.push(limit.current())
  }
  return seen
}

describe("a time in which everything is refused", () => {
  const threeRounds = 7500
  for (const tells of [false, true]) {
    for (const refuses of ["what arrives", "what is answered"] as const) {
      for (const seed of [1, 2, 3, 64, 400]) {
        for (const millis of [50, 1000, 30_000]) {
          it(`of ${millis} ms costs no more than itself: ${refuses}, ${seed} at first${tells ? ", with /metrics" : ""}`, () => {
            for (const from of [1, 3000, 30_000]) {
              const limit = make({ seed, max: 400 })
              const to = from + millis
              const { before, least, limits } = lead(limit, {
                millis: to + threeRounds,
                from,
                to,
                refuses,
                tells
              })
              assert.isAtLeast(least, Math.floor(Math.min(seed, before) / 8))
              assert.isAtLeast(limit.current(), Math.ceil(before / 2), `${from}: ${before} before`)
              assert.isAtLeast(limits[to - 1] ?? 0, Math.floor(before / 8), `${from}: ${before} before`)
            }
          })
        }
      }
    }
  }

  it("teaches nothing where nothing of what was in flight is served", () => {
    const limit = make()
    limit.answers(50)
    const before = limit.current()
    limit.pass(100)
    for (let inFlight = before; inFlight > 0; inFlight--) limit.busy({ inFlight })
    assert.isUndefined(limit.describe().ceiling)
    assert.strictEqual(limit.current(), Math.floor(0.8 * before))
  })

  it("teaches nothing where less is refused as well", () => {
    const limit = make()
    limit.answers(50)
    const before = limit.current()
    limit.pass(100)
    limit.busy({ inFlight: before })
    assert.strictEqual(limit.describe().ceiling, before - 1)
    limit.pass(50)
    limit.busy({ inFlight: Math.floor(before / 2) })
    assert.isUndefined(limit.describe().ceiling)
  })
})

describe("an engine that bears so many", () => {
  it("is learnt from the first burst, and kept to", () => {
    const limit = make({ seed: 1000, max: 1000 })
    const { refusals } = lead(limit, { millis: 20_000, bears: 128 })
    assert.strictEqual(limit.current(), 128)
    assert.isAtMost(refusals, 1000)
  })

  it("is approached from below, and refuses no more than a few", () => {
    const limit = make()
    const { refusals } = lead(limit, { millis: 120_000, bears: 128 })
    assert.isAtLeast(limit.current(), 127)
    assert.isAtMost(refusals, 5)
  })

  it("is learnt again after a time in which everything was refused", () => {
    const limit = make({ seed: 128 })
    lead(limit, { millis: 120_000, from: 1, to: 1000, bears: 128 })
    assert.isAtLeast(limit.current(), 120)
    assert.isAtMost(limit.current(), 129)
  })
})

describe("the engine's own numbers", () => {
  it("are followed up while nothing waits there", () => {
    const limit = make()
    limit.read(64, 0)
    assert.strictEqual(limit.current(), 96)
    limit.answers(1)
    limit.read(97, 0)
    assert.isAbove(limit.current(), 140)
  })

  it("are followed down by half of what waits too much", () => {
    const limit = make({ seed: 200 })
    limit.answers(1, 100, { inFlight: 200 })
    limit.read(75, 125)
    limit.read(75, 125)
    assert.isAtMost(limit.current(), 200 - Math.floor((125 - 75 / 10) / 2))
    assert.isAbove(limit.current(), 100)
  })

  it("leave it where a tenth waits", () => {
    const limit = make({ seed: 109 })
    limit.answers(1, 100, { inFlight: 109 })
    const before = limit.current()
    limit.read(100, 10)
    limit.answers(50)
    limit.read(100, 10)
    assert.strictEqual(limit.current(), before)
  })

  it("let it pass 512 a replica", () => {
    const limit = make({ seed: 512 })
    limit.read(512, 0)
    assert.strictEqual(limit.current(), 768)
  })

  it("do not shrink it while the engine still takes in", () => {
    const limit = make()
    limit.read(15, 49)
    limit.read(40, 24)
    assert.isAtLeast(limit.current(), 64)
  })

  it("count for all replicas, though each reading is of one", () => {
    const limit = make({ seed: 128, replicas: 2 })
    limit.answers(1, 100, { inFlight: 128 })
    for (let n = 0; n < 4; n++) limit.read(40, n % 2 === 0 ? 24 : 0)
    // 40 run and 12 wait on average where 4 should: 16 too many of 104, and half of them go.
    assert.strictEqual(limit.current(), 96)
  })

  it("of something else are not believed", () => {
    const limit = make()
    limit.answers(1, 100, { inFlight: 65 })
    const before = limit.current()
    limit.read(3, 0)
    assert.strictEqual(limit.current(), before)
  })

  it("change nothing when nobody waits for a place", () => {
    const limit = make()
    limit.answers(1, 100, { inFlight: 10, isSaturated: false })
    for (let n = 0; n < 5; n++) limit.read(10, 0)
    assert.strictEqual(limit.current(), 64)
  })

  it("of a queue alone are right when a whole batch waits", () => {
    const limit = make({ seed: 64 })
    limit.answers(1, 100, { inFlight: 64 })
    limit.read(undefined, 32)
    const before = limit.current()
    limit.read(undefined, 10)
    assert.isAbove(limit.current(), before)
  })
})

describe("goodput", () => {
  /** An engine that answers at most `most` tokens a second: 100 an answer, and a second each below that. */
  const on = (
    limit: ReturnType<typeof make>,
    answers: number,
    most: () => number,
    more: Partial<Limit.Sample> = {}
  ) => limit.answers(answers, () => 1000 / Math.min(limit.current(), most()), more)

  it("that stands still stops the growth a little above the best size", () => {
    const limit = make({ seed: 16 })
    on(limit, 3000, () => 80)
    assert.isAtLeast(limit.current(), 80)
    assert.isBelow(limit.current(), 300)
    assert.strictEqual(limit.describe().source, "goodput")
  })

  it("is counted in answers where nobody tells tokens", () => {
    const limit = make({ seed: 16 })
    on(limit, 3000, () => 80, { outputTokens: undefined })
    assert.isAtLeast(limit.current(), 80)
    assert.isBelow(limit.current(), 300)
  })

  it("that rises later is found", () => {
    const limit = make({ seed: 16 })
    on(limit, 6000, () => 80)
    assert.isBelow(limit.current(), 300)
    on(limit, 200_000, () => 400)
    assert.isAtLeast(limit.current(), 400)
  })

  it("is tried with one more at least, however few are in flight", () => {
    const guard = Goodput.make()
    const sizes = Array.from({ length: 300 }, (_, n) => guard.onAnswer(1000 * n, 1, 100, 1))
    assert.isAbove(
      sizes.findIndex((size) => size !== undefined && Math.floor(size) === 2),
      0
    )
  })

  it("that falls far makes it look anew, from less", () => {
    const limit = make({ seed: 16 })
    on(limit, 3000, () => 200)
    const before = limit.current()
    let least = before
    for (let n = 0; n < 3000; n++) {
      on(limit, 1, () => 50)
      least = Math.min(least, limit.current())
    }
    assert.isBelow(least, before / 2)
  })
})

describe("an endpoint that changes", () => {
  it("has a limit by its replicas", () => {
    const limit = make()
    limit.onReplicas(3)
    assert.strictEqual(limit.current(), 192)
    limit.onReplicas(1)
    assert.strictEqual(limit.current(), 64)
  })

  it("has a ceiling by its replicas", () => {
    const limit = make({ seed: 129 })
    limit.busy({ inFlight: 129 })
    limit.onReplicas(2)
    assert.strictEqual(limit.describe().ceiling, 256)
  })

  it("begins anew when it was away, and remembers what was refused", () => {
    const limit = make()
    limit.answers(300)
    limit.busy({ inFlight: 200 })
    limit.onReopened()
    assert.strictEqual(limit.current(), 64)
    assert.strictEqual(limit.describe().ceiling, 199)
  })
})

describe("the text of /metrics", () => {
  const { parse } = EngineMetrics

  it("is read for each engine, over all labels", () => {
    const vllm = `# HELP vllm:num_requests_running Number.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b} 9"} 3.0
vllm:num_requests_running{engine="1",model_name="a"} 4.0
vllm:num_requests_waiting{engine="0"} 1.0
vllm:num_requests_waiting_by_reason{reason="capacity"} 700
`
    assert.deepStrictEqual(parse(vllm), { running: 7, waiting: 1 })
    assert.deepStrictEqual(parse('sglang:num_running_reqs{a="b"} 5\nsglang:num_queue_reqs 2\n'), {
      running: 5,
      waiting: 2
    })
    assert.deepStrictEqual(parse("tgi_queue_size 2\ntgi_batch_current_size 1e1"), { running: 10, waiting: 2 })
    assert.deepStrictEqual(parse("llamacpp:requests_processing 1\nllamacpp:requests_deferred 0 1700000000"), {
      running: 1,
      waiting: 0
    })
    assert.deepStrictEqual(parse("te_queue_size 6\n"), { running: undefined, waiting: 6 })
  })

  it("is of no use when it says something else", () => {
    for (const text of [
      "",
      "Ok",
      "<html>",
      "vllm:num_requests_running 3",
      "tgi_queue_size NaN",
      "x_te_queue_size 3"
    ]) {
      assert.isUndefined(parse(text), text)
    }
  })

  it.prop("is whatever a stranger sends", { text: Schema.String }, ({ text }) => {
    parse(text)
    parse(`te_queue_size${text}`)
  })
})
