/** What becomes of an endpoint in the end, and what is said when that cannot be confirmed. */
import { assert, describe, it } from "@effect/vitest"
import { ManagedEndpoint, withEndpoint } from "@stint/batch"
import { ReleaseUnconfirmed } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Cause, Clock, Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import * as World from "./batchWorld.ts"

const isReleaseUnconfirmed = (error: unknown): error is ReleaseUnconfirmed =>
  error instanceof ReleaseUnconfirmed

const use = (options: Partial<ManagedEndpoint.Options> = {}) =>
  withEndpoint({ ...World.options, ...options }, () => Effect.void)

const isPause = ({ path }: World.Seen) => path.endsWith("/pause")

const broken = () => new Response("broken", { status: 500 })

describe("the release policy", () => {
  const table: ReadonlyArray<
    readonly [ManagedEndpoint.ReleasePolicy, found: string | undefined, left: string, last: string]
  > = [
    ["pause", undefined, "paused", "pause"],
    ["pause", "running", "paused", "pause"],
    ["pause", "scaledToZero", "paused", "pause"],
    ["restore", undefined, "paused", "pause"],
    ["restore", "running", "running", "create"],
    ["restore", "initializing", "running", "create"],
    ["restore", "paused", "paused", "pause"],
    ["restore", "scaledToZero", "scaledToZero", "scale-to-zero"],
    ["restore", "failed", "paused", "pause"],
    ["scaleToZero", undefined, "scaledToZero", "scale-to-zero"],
    ["scaleToZero", "paused", "scaledToZero", "scale-to-zero"],
    ["delete", undefined, "gone", "delete"],
    ["delete", "running", "gone", "delete"],
    ["keep", undefined, "running", "create"],
    ["keep", "paused", "running", "resume"]
  ]
  for (const [onRelease, found, left, last] of table) {
    it.effect(`${onRelease} leaves what was ${found ?? "not there"} ${left}`, () =>
      Effect.gen(function* () {
        if (found === "initializing") {
          yield* World.starting
        } else if (found !== undefined) yield* World.existing(found)
        yield* World.inTime(use({ onRelease }))
        assert.strictEqual(yield* World.state, left)
        assert.strictEqual((yield* World.changes).at(-1), last)
        assert.strictEqual(yield* World.isFree, left !== "running")
      }).pipe(Effect.provide(World.world()))
    )
  }

  it.effect("says at the end what is left and what it came to", () => {
    const told: Array<ManagedEndpoint.Event> = []
    return Effect.gen(function* () {
      yield* World.inTime(use({ onEvent: (event) => Effect.sync(() => void told.push(event)) }))
      const last = told.at(-1)
      assert.strictEqual(last?._tag, "Released")
      if (last?._tag !== "Released") return
      assert.strictEqual(last.state, "paused")
      assert.deepStrictEqual(last.bill, {
        billedMinutes: 1,
        peakReplicas: 1,
        pricePerHour: 0.033,
        priceFrom: "api",
        dollars: 0.033 / 60,
        replicas: 0,
        // Of ten seconds of boot the first quarter is `pending`, which is free; it is looked at every second.
        bootMinutes: 8 / 60
      })
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("scaleToZero is content with an endpoint that somebody paused meanwhile", () =>
    Effect.gen(function* () {
      const { setState } = yield* Emulator.Emulator
      yield* World.inTime(
        withEndpoint({ ...World.options, onRelease: "scaleToZero" }, () =>
          Effect.orDie(setState(World.name, "paused"))
        )
      )
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world()))
  )
})

describe("a release that meets trouble", () => {
  it.effect("is tried again until it works", () =>
    Effect.gen(function* () {
      yield* World.inTime(use())
      assert.strictEqual(yield* World.state, "paused")
      assert.isTrue(yield* World.isFree)
    }).pipe(Effect.provide(World.world({}, (seen) => (isPause(seen) && seen.nth < 9 ? broken() : undefined))))
  )

  it.effect("is believed when the call was lost but the endpoint sleeps", () =>
    Effect.gen(function* () {
      yield* World.inTime(use())
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.provide(World.world({}, (seen) => (isPause(seen) ? "lost" : undefined))))
  )

  it.effect("gives the order again when it was taken and not carried out", () =>
    Effect.gen(function* () {
      yield* World.inTime(use())
      assert.strictEqual(yield* World.state, "paused")
      assert.isTrue(yield* World.isFree)
    }).pipe(
      Effect.provide(
        World.world({}, (seen) =>
          isPause(seen) && seen.nth < 3
            ? Response.json({ name: World.name, status: { state: "paused" } })
            : undefined
        )
      )
    )
  )

  for (const onRelease of ["pause", "scaleToZero", "delete"] as const) {
    it.effect(`${onRelease} of an endpoint that is gone is done`, () =>
      Effect.gen(function* () {
        const told: Array<string> = []
        yield* World.inTime(
          withEndpoint(
            {
              ...World.options,
              onRelease,
              onEvent: (event) =>
                Effect.sync(() => void (event._tag === "Released" && told.push(event.state)))
            },
            () => World.removed
          )
        )
        assert.deepStrictEqual(told, ["deleted"])
      }).pipe(Effect.provide(World.world()))
    )
  }
})

describe("a release that cannot be confirmed", () => {
  /** The server takes every order and carries out none. */
  const lies: World.Tamper = (seen) =>
    isPause(seen) ? Response.json({ name: "e", status: { state: "paused" } }) : undefined

  it.effect("is a typed error that names the endpoint, its price and the one command", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(use())
      assert.strictEqual(error._tag, "ReleaseUnconfirmed")
      if (error._tag !== "ReleaseUnconfirmed") return
      assert.strictEqual(error.state, "running")
      assert.strictEqual(error.pricePerHour, 0.033)
      assert.strictEqual(error.command, "stint endpoints pause e --namespace emulator")
      assert.include(error.message, '"emulator/e" MAY STILL BE BILLING at $0.033 an hour')
      assert.include(error.message, error.command)
    }).pipe(Effect.provide(World.world({}, lies)))
  )

  it.effect("wins over a failure of the use, and both are in the cause", () =>
    Effect.gen(function* () {
      const exit = yield* World.inTime(Effect.exit(withEndpoint(World.options, () => Effect.fail("mine"))))
      assert.isTrue(Exit.isFailure(exit))
      if (!Exit.isFailure(exit)) return
      const errors = exit.cause.reasons
        .filter(Cause.isFailReason)
        .map(({ error }) => World.tagOf(error) ?? error)
      assert.deepStrictEqual(errors, ["ReleaseUnconfirmed", "mine"])
      assert.isTrue(isReleaseUnconfirmed(Cause.squash(exit.cause)))
    }).pipe(Effect.provide(World.world({}, lies)))
  )

  it.effect("is heard of when the use was interrupted, too", () =>
    Effect.gen(function* () {
      const fiber = yield* World.during(
        withEndpoint(World.options, () => Effect.never),
        70
      )
      const exit = yield* World.interrupted(fiber)
      assert.isTrue(Exit.isFailure(exit))
      if (!Exit.isFailure(exit)) return
      assert.isTrue(Cause.hasInterrupts(exit.cause))
      assert.isTrue(
        exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && isReleaseUnconfirmed(reason.error))
      )
    }).pipe(Effect.provide(World.world({}, lies)))
  )

  it.effect("make - dies with it, because a finalizer cannot fail", () =>
    Effect.gen(function* () {
      const exit = yield* World.inTime(
        Effect.exit(Effect.scoped(Effect.asVoid(ManagedEndpoint.make(World.options))))
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.isTrue(Exit.isFailure(exit) && isReleaseUnconfirmed(Cause.squash(exit.cause)))
    }).pipe(Effect.provide(World.world({}, lies)))
  )

  it.effect("layer - dies with it", () =>
    Effect.gen(function* () {
      const exit = yield* World.inTime(
        Effect.exit(Effect.provide(Effect.void, ManagedEndpoint.layer(World.options)))
      )
      assert.isTrue(Exit.isFailure(exit) && isReleaseUnconfirmed(Cause.squash(exit.cause)))
    }).pipe(Effect.provide(World.world({}, lies)))
  )

  for (const onRelease of ["pause", "scaleToZero", "delete", "restore"] as const) {
    it.effect(`${onRelease} - is given up at the release timeout even if nobody ever answers`, () => {
      let isSilent = false
      return Effect.gen(function* () {
        if (onRelease === "restore") yield* World.existing("running")
        let left = 0
        yield* World.inTime(
          Effect.exit(
            withEndpoint({ ...World.options, onRelease, releaseTimeout: "45 seconds" }, () =>
              Effect.map(Clock.currentTimeMillis, (now) => {
                isSilent = true
                left = now
              })
            )
          )
        )
        assert.isAtMost((yield* Clock.currentTimeMillis) - left, 46_000)
      }).pipe(Effect.provide(World.world({}, () => (isSilent ? "silence" : undefined))))
    })
  }

  it.effect("after a create that nobody answered knows the price from the spec", () =>
    Effect.gen(function* () {
      const error = yield* World.failure(use())
      assert.strictEqual(error._tag, "ReleaseUnconfirmed")
      if (error._tag === "ReleaseUnconfirmed") assert.strictEqual(error.pricePerHour, 0.033)
      yield* TestClock.adjust("1 second")
    }).pipe(
      Effect.provide(
        World.world({}, ({ method, nth }) => (method === "GET" && nth === 0 ? undefined : "refused"))
      )
    )
  )
})
