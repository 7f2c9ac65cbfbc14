/** A lease whose place may run out: what is sent on it, and who releases. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Inference, Leases, Limit, type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Clock, Effect, Stream } from "effect"
import * as World from "./batchWorld.ts"

/** Leases of one process, whose standing a test decides about. */
const makeLeases = (defaults?: Pick<Leases.Service, "backstop" | "whenLeased">) => {
  const asked: Array<Leases.Claim> = []
  const known = { isSure: true, losses: 0, mayRelease: Infinity }
  const regained: Effect.Effect<void> = Effect.suspend(() =>
    known.isSure ? Effect.void : Effect.andThen(Effect.sleep("100 millis"), regained)
  )
  const service: Leases.Service = {
    ...defaults,
    claim: (claim) =>
      Effect.sync(() => {
        asked.push(claim)
        return {
          orphan: undefined,
          isShared: false,
          note: () => Effect.void,
          facts: Effect.succeed({}),
          leave: Effect.succeed("last"),
          ended: () => Effect.void,
          standing: {
            isSure: () => known.isSure,
            losses: () => known.losses,
            regained,
            isOurs: Effect.sync(() => known.mayRelease-- > 0)
          }
        }
      })
  }
  return { asked, known, with: Effect.provideService(Leases.Leases, service) }
}

/** Loses the place for a time, during which somebody else pauses the endpoint; it is woken as the place stands again. */
const lose = (known: ReturnType<typeof makeLeases>["known"]) =>
  Effect.gen(function* () {
    const endpoints = yield* Endpoints.Endpoints
    yield* Effect.sleep("80 seconds")
    known.isSure = false
    const from = yield* Clock.currentTimeMillis
    yield* Effect.sleep("2 seconds")
    yield* Effect.orDie(endpoints.pause(World.name))
    yield* Effect.sleep("20 seconds")
    known.losses++
    known.isSure = true
    const to = yield* Clock.currentTimeMillis
    // The API says for a moment still that it is paused.
    yield* Effect.sleep("1 second")
    yield* Effect.orDie(endpoints.resume(World.name))
    return { from, to }
  })

describe("a place that may run out", () => {
  it.effect(
    "lets nothing be sent while it is not sure, charges no row for that, and takes no pause for others'",
    () => {
      const { known, with: withLeases } = makeLeases()
      return Effect.gen(function* () {
        const words = World.words(60)
        const [report, away] = yield* World.inTime(
          Effect.all(
            [
              Stream.fromIterable(words).pipe(
                Batch.runOn(World.options, World.job, { limit: Limit.fixed(1) }),
                withLeases
              ),
              lose(known)
            ],
            { concurrency: 2 }
          )
        )
        assert.strictEqual(report.succeeded, words.length)
        assert.strictEqual(report.failed, 0)
        const sent = yield* World.inferences
        // What was in flight as it was paused is sent once more.
        assert.isAtMost(sent.length, words.length + 1)
        const within = (from: number, to: number) =>
          sent.filter(({ time }) => time > from && time <= to).length
        assert.strictEqual(within(away.from + 3000, away.to), 0)
        assert.isAbove(within(away.from - 20_000, away.from), 0)
        assert.isAbove(within(away.to, Infinity), 0)
        yield* World.isPausedAndFree
      }).pipe(Effect.provide(World.world({ engine: World.slow("3 seconds") })))
    }
  )

  it.effect("answers a request that is not sent as an endpoint that is not there", () => {
    const { known, with: withLeases } = makeLeases()
    return Effect.gen(function* () {
      const error = yield* World.failure(
        withEndpoint(World.options, () => {
          known.isSure = false
          return Inference.featureExtraction("the sea at night")
        }).pipe(withLeases)
      )
      assert.include(String(error), "not sent")
      assert.deepStrictEqual(yield* World.inferences, [])
    }).pipe(Effect.provide(World.world()))
  })

  it.effect("is released no further once it is another's", () => {
    const { known, with: withLeases } = makeLeases()
    known.mayRelease = 1
    const told: Array<ManagedEndpoint.Event["_tag"]> = []
    const onEvent = ({ _tag }: ManagedEndpoint.Event) => Effect.sync(() => void told.push(_tag))
    return Effect.gen(function* () {
      yield* World.inTime(withLeases(withEndpoint({ ...World.options, onEvent }, () => Effect.void)))
      assert.deepStrictEqual(yield* World.changes, ["create"])
      assert.strictEqual(yield* World.state, "running")
      assert.deepStrictEqual(told.slice(-2), ["Releasing", "Left"])
    }).pipe(Effect.provide(World.world({}, ({ path }) => (path.endsWith("/pause") ? "refused" : undefined))))
  })

  it.effect("is asked for, and guarded, as its keeper says where nothing else is said", () => {
    const { asked, with: withLeases } = makeLeases({ whenLeased: "join", backstop: "set" })
    const sleepless = EndpointSpec.make({ ...World.spec, minReplica: 1 })
    return Effect.gen(function* () {
      yield* World.existing("paused", sleepless)
      yield* World.inTime(withLeases(withEndpoint({ name: World.name }, () => Effect.void)))
      yield* World.inTime(
        withLeases(
          withEndpoint({ name: World.name, whenLeased: "wait", backstop: "warn" }, () => Effect.void)
        )
      )
      assert.deepStrictEqual(
        asked.map(({ whenLeased }) => whenLeased),
        ["join", "wait"]
      )
      const updates = (yield* World.changes).filter((change) => change === "update" || change === "create")
      // Set for the first lease and put back after it.
      assert.strictEqual(updates.length, 3)
    }).pipe(Effect.provide(World.world()))
  })
})
