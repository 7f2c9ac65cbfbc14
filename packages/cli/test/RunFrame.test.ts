/** What is drawn of a run: never wider than the terminal, never below zero, never going back, and in its place. */
import { assert, describe, it } from "@effect/vitest"
import { type Fault, type ManagedEndpoint, Progress } from "@stint/batch"
import { Endpoint } from "@stint/core"
import { Arbitrary, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Cells from "../src/ui/Cells.ts"
import * as LeaseState from "../src/ui/LeaseState.ts"
import * as RunFrame from "../src/ui/RunFrame.ts"
import * as RunView from "../src/ui/RunView.ts"
import * as Table from "../src/ui/Table.ts"
import * as Times from "../src/ui/Times.ts"

const Num = Schema.Union([Schema.Literals([0, 1, 0.001, 12, 999, 20_005, 1e6, 1e9, 1e15]), Schema.Finite])
const Words = Schema.Union([
  Schema.Literals([
    "",
    "busy 429: slow down",
    "海の夜".repeat(40),
    "👩‍👩‍👧‍👦🌊".repeat(9),
    "a\nb\t\u001b[31mred\u0007"
  ]),
  Schema.String
])
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000_000_000 }))
const Width = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
const MaybeNum = Schema.UndefinedOr(Num)

const given = {
  now: Num,
  total: Schema.UndefinedOr(Count),
  succeeded: Count,
  failed: Count,
  skipped: Count,
  inFlight: Count,
  limit: Schema.Union([Num, Schema.Number]),
  rate: Num,
  low: Num,
  expected: Num,
  high: Num,
  isKnown: Schema.Boolean,
  isHeld: Schema.Boolean,
  lastError: Schema.UndefinedOr(Words),
  dollars: MaybeNum,
  pricePerHour: MaybeNum,
  capMinutes: MaybeNum,
  state: Words,
  waitsFor: Schema.UndefinedOr(Words),
  phase: Schema.Literals(["booting", "working", "releasing"]),
  columns: Width
}

type Given = { readonly [K in keyof typeof given]: (typeof given)[K]["Type"] }

const faults = new Map<Fault.Reason, number>([
  ["busy", 12],
  ["engine", 3]
])

const momentOf = (it: Given): RunFrame.Moment => ({
  now: it.now,
  lease: {
    phase: it.phase,
    state: Cells.oneLine(it.state),
    stateSince: it.low,
    since: it.high,
    bootMillis: it.expected,
    waitsFor: it.waitsFor && Cells.oneLine(it.waitsFor),
    givesUpAt: it.dollars,
    billedSince: it.pricePerHour,
    pricePerHour: it.pricePerHour,
    capMinutes: it.capMinutes
  },
  snapshot: {
    total: it.total,
    succeeded: it.succeeded,
    failed: it.failed,
    skipped: it.skipped,
    inFlight: it.inFlight,
    limit: it.limit,
    attempts: it.succeeded,
    isHeld: it.isHeld,
    heldMillis: it.low,
    elapsedMillis: it.now,
    rate: it.rate,
    recentRate: it.rate,
    timeLeft: it.isKnown
      ? { lowMillis: it.low, expectedMillis: it.expected, highMillis: it.high }
      : undefined,
    faults,
    lastError: it.lastError,
    bill: {
      billedMinutes: it.inFlight,
      ...(it.dollars === undefined ? {} : { dollars: Math.abs(it.dollars) }),
      ...(it.pricePerHour === undefined ? {} : { pricePerHour: Math.abs(it.pricePerHour) })
    },
    expectedDollars: it.dollars
  }
})

const plain = (_: "label" | "bad", text: string) => text

const words = (moment: RunFrame.Moment, columns = 80) =>
  RunFrame.lines(moment, columns).map((line) => RunFrame.lineOf(line, columns, plain))

const sample: Given = {
  now: 100_000,
  total: 20_005,
  succeeded: 12_345,
  failed: 12,
  skipped: 0,
  inFlight: 64,
  limit: 128,
  rate: 1060,
  low: 6000,
  expected: 8000,
  high: 11_000,
  isKnown: true,
  isHeld: false,
  lastError: "busy 429: slow down",
  dollars: 0.033,
  pricePerHour: 0.8,
  capMinutes: 30,
  state: "running",
  waitsFor: undefined,
  phase: "working",
  columns: 80
}

describe("what is drawn of a run", () => {
  it.effect.prop(
    "is never wider than the terminal, and each line is one line, for any numbers and words",
    given,
    (it) =>
      Effect.sync(() => {
        for (const line of words(momentOf(it), it.columns)) {
          assert.isAtMost(Cells.widthOf(line), it.columns, line)
          // oxlint-disable-next-line no-control-regex
          assert.notMatch(line, /[\u0000-\u001F\u007F-\u009F]/)
        }
        assert.notInclude(RunFrame.one(momentOf(it)) ?? "", "\n")
      })
  )

  it.effect.prop("has no number below zero and none that is no number, whatever was counted", given, (it) =>
    Effect.sync(() => {
      const quiet = { ...it, state: "running", waitsFor: "hardware", lastError: undefined }
      const said = [...words(momentOf(quiet), 200), RunFrame.one(momentOf(quiet)) ?? ""].join("\n")
      assert.notMatch(said, /(?<![\w)])-\d|NaN|undefined/, said)
    })
  )

  it.effect.prop(
    "goes on and never back: rows done and the share of them",
    { steps: Schema.Array(Schema.Literals(["succeeded", "failed", "skipped"])), total: Count },
    ({ steps, total }) =>
      Effect.gen(function* () {
        const progress = Progress.make({ total })
        let [done, share] = [-1, -1]
        for (const step of steps) {
          progress.cells[step]++
          const snapshot = yield* progress.snapshot
          const line = words({ ...momentOf(sample), snapshot }).find((one) => one.includes("rows")) ?? ""
          const [, now = "", percent = ""] = /([\d,]+) of [\d,]+, (\d+) %/.exec(line) ?? []
          assert.isAbove(Number(now.replaceAll(",", "")), done, line)
          assert.isAtLeast(Number(percent), share, line)
          done = Number(now.replaceAll(",", ""))
          share = Number(percent)
        }
      })
  )

  it("says state, rows, what is left with its range, failures, speed, money and the last error by cause", () => {
    assert.deepStrictEqual(words(momentOf(sample)), [
      "  endpoint    running, at work for 1m 34s, booted in 8s, was away 6s",
      "  rows        ████████████░░░░░░░░  12,357 of 20,005, 61 %",
      "  left        7,648, about 8s (6s to 11s)",
      "  failed      12",
      "  speed       1,060/s, 64 of at most 128 in flight",
      "  cost        $0.033 of about $0.033, 64 of at most 30 min billed",
      "  errors      busy 12, engine 3",
      "  last error  busy 429: slow down"
    ])
  })

  it("reckons the end in started minutes, and counts the one that has begun once", () => {
    const costAt = (billedSince: number, high: number) => {
      const moment = momentOf({ ...sample, low: 6000, high, capMinutes: undefined })
      const cost = words({ ...moment, lease: { ...moment.lease, billedSince } }).find((line) =>
        line.includes("cost")
      )
      return cost?.trim()
    }
    // 30 s have begun its minute: 11 s more are within it, 40 s are not.
    assert.strictEqual(costAt(70_000, 11_000), "cost        $0.033 of about $0.033, 64 min billed")
    assert.strictEqual(costAt(70_000, 40_000), "cost        $0.033 of $0.033 to $0.046, 64 min billed")
  })

  it("says what a boot waits for, when it is given up and what it costs", () => {
    const moment = momentOf({ ...sample, phase: "booting", state: "initializing" })
    const lease = {
      ...moment.lease,
      since: 10_000,
      stateSince: 40_000,
      billedSince: 40_000,
      givesUpAt: 1_210_000
    }
    assert.deepStrictEqual(words({ ...moment, lease: { ...lease, waitsFor: "the model to load" } }), [
      "  endpoint    initializing for 1m 00s, 1m 30s since it was called",
      "  waits for   the model to load",
      "  gives up    in 18m 30s",
      "  cost        about $0.013, 1 of at most 30 min billed; $0.800 an hour"
    ])
    const pending = { ...lease, state: "pending", waitsFor: "hardware", billedSince: undefined }
    assert.include(words({ ...moment, lease: pending }).join("\n"), "nothing while it waits; $0.800 an hour")
    const wait = (now: number) => words({ ...moment, lease: pending, now })[1]?.trim()
    assert.strictEqual(wait(100_000), "waits for   hardware")
    assert.include(wait(400_000) ?? "", "none seems to be free there: see stint hardware")
  })

  it("says no time while the endpoint is away, and none before there is one", () => {
    assert.include(
      words(momentOf({ ...sample, isHeld: true })).join("\n"),
      "7,648, waiting for the endpoint, which is away"
    )
    assert.include(words(momentOf({ ...sample, isKnown: false })).join("\n"), "7,648, time not known yet")
    assert.include(words(momentOf({ ...sample, total: undefined })).join("\n"), "12,357 done")
  })

  it("the time that is left is rounded away from its middle, and coarser the longer it is", () => {
    const left = (low: number, mid: number, high: number) =>
      Times.left({ lowMillis: low * 1000, expectedMillis: mid * 1000, highMillis: high * 1000 })
    assert.deepStrictEqual(
      [
        left(0, 0, 0.4),
        left(0, 2, 4.2),
        left(6.9, 8, 10.1),
        left(61, 64, 65),
        left(500, 610, 900),
        left(5000, 7000, 9000),
        left(90_000, 200_000, 1e9)
      ],
      [
        "a moment",
        "at most 5s",
        "about 8s (6s to 11s)",
        "about 1m 5s (1m to 1m 5s)",
        "about 10m (8m 20s to 15m)",
        "about 2h (1h 20m to 2h 30m)",
        "about 2d 6h (1d 1h to 99d)"
      ]
    )
  })
})

const endpointIn = (state: string) => new Endpoint.Endpoint({ name: "e", status: { state }, raw: null })
const bill = { billedMinutes: 1 }

describe("where the endpoint of a run is", () => {
  const events: ReadonlyArray<readonly [number, ManagedEndpoint.Event, LeaseState.Lease["phase"]]> = [
    [0, { _tag: "Creating", namespace: "n" }, "booting"],
    [
      1000,
      { _tag: "Acquired", namespace: "n", acquisition: "Created", endpoint: endpointIn("pending") },
      "booting"
    ],
    [2000, { _tag: "Waiting", endpoint: endpointIn("initializing") }, "booting"],
    [60_000, { _tag: "Ready", endpoint: endpointIn("running"), waitedMillis: 60_000 }, "working"],
    [70_000, { _tag: "Releasing", policy: "pause" }, "releasing"],
    [75_000, { _tag: "Released", policy: "pause", state: "paused", bill }, "none"]
  ]

  it("is told by the steps of its lease, with the time of the boot", () => {
    let lease = LeaseState.initial
    for (const [at, event, phase] of events) {
      lease = LeaseState.after(lease, event, at, 600_000)
      assert.strictEqual(lease.phase, phase, event._tag)
      if (event._tag === "Waiting") {
        assert.strictEqual(lease.givesUpAt, 601_000)
        assert.strictEqual(lease.billedSince, 2000)
        assert.strictEqual(lease.stateSince, 2000)
        assert.include(lease.waitsFor ?? "", "model to load")
      }
      if (event._tag === "Ready") assert.strictEqual(lease.bootMillis, 60_000)
    }
  })
})

const view = Effect.fnUntraced(function* (canRedraw: boolean) {
  const written: Array<string> = []
  const made = yield* Effect.provideService(RunView.make("e"), RunView.Screen, {
    write: (text) => Effect.sync(() => void written.push(text)),
    canRedraw,
    columns: 80
  })
  return { ...made, written }
})

describe("the view of a run", () => {
  it.effect(
    "is one line at each interval where it cannot be drawn over, and says nothing of what is not woken",
    () =>
      Effect.gen(function* () {
        const { event, follow, written } = yield* view(false)
        const progress = Progress.make({ total: 10 })
        yield* Effect.forkChild(follow(progress), { startImmediately: true })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(written, [])
        yield* event({ _tag: "Ready", endpoint: endpointIn("running"), waitedMillis: 1000 })
        yield* TestClock.adjust("35 seconds")
        const lines = written.slice(1)
        assert.strictEqual(lines.length, 3)
        for (const line of lines) assert.match(line, /^\[[^\n]*0 of 10 rows; 0 failed[^\n]*\n$/)
        // A night's log is read as well.
        yield* TestClock.adjust("1 hour")
        assert.isBelow(written.length, 130)
      })
  )

  it.effect("is below the cursor, where others write without harm, and is gone when it ends", () =>
    Effect.gen(function* () {
      const { event, follow, say, written } = yield* view(true)
      const fiber = yield* Effect.forkChild(follow(Progress.make({ total: 10 })), { startImmediately: true })
      yield* event({ _tag: "Ready", endpoint: endpointIn("running"), waitedMillis: 1000 })
      yield* TestClock.adjust("1 second")
      const frame = written.at(-1) ?? ""
      const lines = frame.split("\n").length - 1
      assert.isAbove(lines, 3)
      assert.isTrue(frame.endsWith(`\r\u001b[${lines}A`))
      yield* say("a word")
      assert.isTrue((written.at(-1) ?? "").startsWith("\r\u001b[Ja word\n\r"))
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(written.at(-1), "\r\u001b[J")
    })
  )
})

describe("a table of any words", () => {
  const cells = Arbitrary.schema(Words)
  it.effect.prop(
    "has its columns below one another, in cells of the terminal, and no wider than that",
    {
      rows: Arbitrary.array(Arbitrary.array(cells, { minLength: 3, maxLength: 3 }), {
        minLength: 1,
        maxLength: 6
      }),
      width: Width
    },
    ({ rows, width }) =>
      Effect.sync(() => {
        const headings = ["name", "state", "$/h"]
        const fit = { width, cut: { name: 4 }, drop: ["state"], right: ["$/h"] }
        const lines = Table.fit(headings, rows, fit).split("\n")
        assert.strictEqual(lines.length, rows.length + 1)
        for (const line of lines) assert.isAtMost(Cells.widthOf(line), width)
        const whole = Table.fit(
          headings,
          rows.map(([a = "", b = ""]) => [a, b, "1"]),
          { width: undefined, cut: {}, drop: [], right: ["$/h"] }
        ).split("\n")
        // What stands at the right end ends in one column, whatever the characters before it take.
        assert.strictEqual(new Set(whole.map(Cells.widthOf)).size, 1, whole.join("\n"))
      })
  )

  it("cuts between characters, not in them, and says that it did", () => {
    assert.strictEqual(Cells.clip("海の夜", 4), "海…")
    assert.strictEqual(Cells.clip("a👩‍👩‍👧‍👦b", 3), "a…")
    assert.strictEqual(Cells.clipStart("海の夜", 5), "…の夜")
    assert.strictEqual(Cells.clip("abc", 3), "abc")
    assert.strictEqual(Cells.clip("abc", 0), "")
  })
})
