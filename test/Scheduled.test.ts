/** A program by the calendar: when it runs, when it does not, and what becomes of the endpoint that it holds. */
import { assert, describe, it } from "@effect/vitest"
import { Scheduled, withEndpoint } from "@stint/batch"
import { Cause, Clock, Cron, Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as World from "./batchWorld.ts"

const HOUR = 3_600_000

const hourOf = (millis: number) => millis / HOUR

/** What a schedule tells of itself, as `Started 2`, hours since the test began. */
const watched = () => {
  const told: Array<string> = []
  const onEvent = (event: Scheduled.Event) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const how =
        event._tag === "Skipped"
          ? ` ${event.why}`
          : event._tag === "Ended"
            ? ` ${event.exit._tag}`
            : event.isLate
              ? " late"
              : ""
      told.push(`${event._tag}${how} ${hourOf(event.due)} at ${hourOf(now)}`)
    })
  return { told, onEvent }
}

const hoursPass = (hours: number) => Effect.repeat(TestClock.adjust("30 minutes"), { times: hours * 2 - 1 })

/** A machine that can sleep: its clock goes on then, its timers do not. */
const laptop = Effect.map(Clock.Clock, (awake) => {
  let slept = 0
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => awake.currentTimeMillisUnsafe() + slept,
    currentTimeMillis: Effect.map(awake.currentTimeMillis, (now) => now + slept),
    currentTimeNanosUnsafe: () => awake.currentTimeNanosUnsafe() + BigInt(slept) * 1_000_000n,
    currentTimeNanos: Effect.map(awake.currentTimeNanos, (now) => now + BigInt(slept) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => awake.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: awake.monotonicTimeNanos,
    sleep: (duration) => awake.sleep(duration)
  }
  return {
    on: <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.provideService(program, Clock.Clock, clock),
    sleeps: (hours: number) =>
      Effect.sync(() => {
        slept += hours * HOUR
      })
  }
})

describe("Scheduled.run", () => {
  const hourly = "0 * * * *"

  it.effect("runs at each time that is due, and not before", () => {
    const { onEvent, told } = watched()
    return Effect.gen(function* () {
      yield* Effect.forkChild(Scheduled.run(Effect.void, { cron: "0 2,5 * * *", onEvent }), {
        startImmediately: true
      })
      yield* hoursPass(30)
      assert.deepStrictEqual(
        told.filter((line) => line.startsWith("Started")),
        ["Started 2 at 2", "Started 5 at 5", "Started 26 at 26", "Started 29 at 29"]
      )
    })
  })

  it.effect("goes by the time zone", () => {
    const { onEvent, told } = watched()
    return Effect.gen(function* () {
      yield* Effect.forkChild(
        Effect.void.pipe(Scheduled.run({ cron: "0 2 * * *", timeZone: "Asia/Tokyo", onEvent })),
        { startImmediately: true }
      )
      yield* hoursPass(24)
      assert.strictEqual(told[0], "Started 17 at 17")
    })
  })

  it.effect("skips what is due while a run goes on, and says so once", () => {
    const { onEvent, told } = watched()
    return Effect.gen(function* () {
      yield* Effect.forkChild(Scheduled.run(Effect.sleep("150 minutes"), { cron: hourly, onEvent }), {
        startImmediately: true
      })
      yield* hoursPass(5)
      assert.deepStrictEqual(told, [
        "Started 1 at 1",
        "Ended Success 1 at 3.5",
        "Skipped busy 3 at 3.5",
        "Started 4 at 4"
      ])
    })
  })

  it.effect("queues one of what is due while a run goes on, when asked to", () => {
    const { onEvent, told } = watched()
    let runs = 0
    const program = Effect.suspend(() => (runs++ === 0 ? Effect.sleep("150 minutes") : Effect.void))
    return Effect.gen(function* () {
      yield* Effect.forkChild(Scheduled.run(program, { cron: hourly, overlap: "queue", onEvent }), {
        startImmediately: true
      })
      yield* hoursPass(4)
      assert.deepStrictEqual(told, [
        "Started 1 at 1",
        "Ended Success 1 at 3.5",
        "Started late 3 at 3.5",
        "Ended Success 3 at 3.5",
        "Started 4 at 4",
        "Ended Success 4 at 4"
      ])
    })
  })

  for (const missed of ["skip", "once"] as const) {
    it.effect(`what was due while the machine slept is run ${missed === "once" ? "once" : "never"}`, () => {
      const { onEvent, told } = watched()
      return Effect.gen(function* () {
        const { on, sleeps } = yield* laptop
        yield* Effect.forkChild(on(Scheduled.run(Effect.void, { cron: hourly, missed, onEvent })), {
          startImmediately: true
        })
        yield* TestClock.adjust("29 minutes")
        yield* sleeps(5)
        yield* TestClock.adjust("1 minute")
        yield* hoursPass(1)
        assert.deepStrictEqual(
          told.filter((line) => !line.startsWith("Ended")),
          missed === "once"
            ? ["Started late 5 at 5.5", "Started 6 at 6"]
            : ["Skipped missed 5 at 5.5", "Started 6 at 6"]
        )
      })
    })
  }

  it.effect("ends a run at its deadline, and releases what it holds", () => {
    const { onEvent, told } = watched()
    return Effect.gen(function* () {
      const nightly = withEndpoint(World.options, () => Effect.never)
      yield* Effect.forkChild(
        Scheduled.run(nightly, { cron: Cron.parseUnsafe(hourly, "UTC"), deadline: "20 minutes", onEvent }),
        { startImmediately: true }
      )
      yield* World.secondsPass(3600 + 1300)
      assert.match(told.join(), /^Started 1 at 1,Ended Failure 1 at 1\.3/)
      yield* World.theEnd(["create", "pause"])
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("goes on after a run that failed or died", () => {
    const exits: Array<unknown> = []
    let runs = 0
    const program = Effect.suspend(() => (runs++ === 0 ? Effect.fail("mine") : Effect.die("bug")))
    return Effect.gen(function* () {
      yield* Effect.forkChild(
        Scheduled.run(program, {
          cron: hourly,
          onEvent: (event) =>
            Effect.sync(() => {
              if (event._tag === "Ended" && Exit.isFailure(event.exit))
                exits.push(Cause.squash(event.exit.cause))
            })
        }),
        { startImmediately: true }
      )
      yield* hoursPass(2)
      assert.deepStrictEqual(exits, ["mine", "bug"])
    })
  })

  it.effect("interrupted, ends the run that goes on and starts no other", () => {
    let ended = 0
    let started = 0
    const program = Effect.sync(() => started++).pipe(
      Effect.andThen(Effect.never),
      Effect.ensuring(Effect.sync(() => ended++))
    )
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Scheduled.run(program, { cron: hourly, overlap: "queue" }), {
        startImmediately: true
      })
      yield* hoursPass(3)
      yield* Fiber.interrupt(fiber)
      yield* hoursPass(3)
      assert.deepStrictEqual([started, ended], [1, 1])
    })
  })

  it.effect("refuses what is no cron expression", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Scheduled.run(Effect.void, { cron: "every night" }))
      assert.strictEqual(error._tag, "CronParseError")
    })
  )

  it.effect("an expression in seconds runs by the second", () => {
    const { onEvent, told } = watched()
    return Effect.gen(function* () {
      yield* Effect.forkChild(Scheduled.run(Effect.void, { cron: "*/20 * * * * *", onEvent }), {
        startImmediately: true
      })
      yield* TestClock.adjust(Duration.seconds(61))
      assert.strictEqual(told.length, 6)
    })
  })
})
