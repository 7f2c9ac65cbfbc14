/** What runs and leases tell a metrics exporter: whatever overlaps, it adds up, and nothing is counted twice. */
import { assert, describe, it } from "@effect/vitest"
import { Metrics, Progress, withEndpoint } from "@stint/batch"
import { Emulator } from "@stint/emulator"
import { Deferred, Effect, Exit, Fiber, Metric, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as World from "./batchWorld.ts"

/** Each counts from nothing. */
const counted = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

const value = (metric: Metric.Metric<number, Metric.CounterState<number>>, attributes = {}) =>
  Effect.map(Metric.value(Metric.withAttributes(metric, attributes)), ({ count }) => count)
const level = (metric: Metric.Metric<number, Metric.GaugeState<number>>, attributes = {}) =>
  Effect.map(Metric.value(Metric.withAttributes(metric, attributes)), (state) => state.value)

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
const Step = Schema.Struct({
  run: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  does: Schema.Literals(["begins", "ends", "works"]),
  succeeded: Count,
  attempts: Count,
  inFlight: Count,
  limit: Count,
  seconds: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 }))
})

describe("the metrics of runs", () => {
  it.effect.prop(
    "counters are the sums of all runs, and gauges of those that go on, however they overlap",
    [Schema.Array(Step).check(Schema.isMaxLength(24))],
    ([steps]) =>
      counted(
        Effect.gen(function* () {
          const live = new Map<number, { readonly scope: Scope.Closeable; readonly cells: Progress.Cells }>()
          const sums = { succeeded: 0, attempts: 0 }
          const close = ({
            cells,
            scope
          }: {
            readonly scope: Scope.Closeable
            readonly cells: Progress.Cells
          }) => {
            sums.succeeded += cells.succeeded
            sums.attempts += cells.attempts
            return Scope.close(scope, Exit.void)
          }
          for (const step of steps) {
            const found = live.get(step.run)
            if (step.does === "begins" && found === undefined) {
              const { cells } = Progress.make()
              const scope = yield* Scope.make()
              live.set(step.run, { scope, cells })
              yield* Effect.provideService(Metrics.publish(cells), Scope.Scope, scope)
            } else if (step.does === "ends" && found !== undefined) {
              live.delete(step.run)
              yield* close(found)
            } else if (found !== undefined) {
              found.cells.succeeded += step.succeeded
              found.cells.attempts += step.attempts
              found.cells.inFlight = step.inFlight
              found.cells.limit = () => step.limit
            }
            yield* TestClock.adjust(step.seconds * 1000)
          }
          yield* TestClock.adjust("1 second")
          const now = [...live.values()].map(({ cells }) => cells)
          const sum = (of: (cells: Progress.Cells) => number) =>
            now.reduce((all, cells) => all + of(cells), 0)
          assert.strictEqual(
            yield* level(Metrics.inFlight),
            sum((cells) => cells.inFlight)
          )
          assert.strictEqual(
            yield* level(Metrics.limit),
            sum((cells) => cells.limit())
          )
          assert.strictEqual(yield* value(Metrics.attempts), sums.attempts + sum((cells) => cells.attempts))
          yield* Effect.forEach(live.values(), close)
          assert.strictEqual(yield* level(Metrics.inFlight), 0)
          assert.strictEqual(yield* level(Metrics.limit), 0)
          assert.strictEqual(yield* value(Metrics.items, { outcome: "succeeded" }), sums.succeeded)
          assert.strictEqual(yield* value(Metrics.attempts), sums.attempts)
        })
      ),
    { arbitrary: { runs: 40 } }
  )
})

const labels = Effect.map(Emulator.Emulator, ({ namespace }) => ({ namespace, endpoint: World.name }))

describe("the metrics of a lease", () => {
  it.effect("two who hold it are billed once, to the minute, and nobody is when it sleeps", () =>
    counted(
      Effect.gen(function* () {
        const of = yield* labels
        const letGo = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
        const hold = (one: Deferred.Deferred<void>) => withEndpoint(World.options, () => Deferred.await(one))
        const first = yield* World.during(hold(letGo[0]), 100)
        const second = yield* World.during(hold(letGo[1]), 200)
        assert.strictEqual(yield* level(Metrics.billedReplicas, of), 1)
        yield* Deferred.succeed(letGo[0], undefined)
        yield* World.inTime(Fiber.join(first))
        assert.strictEqual(yield* level(Metrics.billedReplicas, of), 1, "the second holds it still")
        yield* World.secondsPass(100)
        yield* Deferred.succeed(letGo[1], undefined)
        yield* World.inTime(Fiber.join(second))
        const { bill } = yield* Emulator.Emulator
        const { billedMinutes, dollars } = yield* bill(World.name)
        assert.isAtLeast(billedMinutes, 6)
        assert.strictEqual(yield* value(Metrics.billedMinutes, of), billedMinutes)
        assert.approximately(yield* level(Metrics.cost, of), dollars, 1e-9)
        assert.strictEqual(yield* level(Metrics.billedReplicas, of), 0)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "confirmed" }), 1)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "unconfirmed" }), 0)
        assert.strictEqual((yield* Metric.value(Metrics.ready)).count, 2)

        // Held again, it is another lease: minutes go on, dollars begin anew.
        yield* World.inTime(withEndpoint(World.options, () => Effect.void))
        assert.strictEqual(yield* value(Metrics.billedMinutes, of), (yield* bill(World.name)).billedMinutes)
        assert.isBelow(yield* level(Metrics.cost, of), dollars)
        assert.strictEqual(yield* value(Metrics.leases, { acquisition: "resumed" }), 1)
      })
    ).pipe(Effect.provide(World.world()))
  )

  it.effect("one that is kept is told as billed, and its release as kept", () =>
    counted(
      Effect.gen(function* () {
        const of = yield* labels
        yield* World.inTime(withEndpoint({ ...World.options, onRelease: "keep" }, () => Effect.void))
        assert.strictEqual(yield* level(Metrics.billedReplicas, of), 1)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "kept" }), 1)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "confirmed" }), 0)
      })
    ).pipe(Effect.provide(World.world()))
  )

  it.effect("one whose pause is refused is told as unconfirmed, and as billed still", () =>
    counted(
      Effect.gen(function* () {
        const of = yield* labels
        const error = yield* World.failure(withEndpoint(World.options, () => Effect.void))
        assert.strictEqual(error._tag, "ReleaseUnconfirmed")
        assert.strictEqual(yield* level(Metrics.billedReplicas, of), 1)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "unconfirmed" }), 1)
        assert.strictEqual(yield* value(Metrics.releases, { outcome: "confirmed" }), 0)
      })
    ).pipe(
      Effect.provide(
        World.world({}, ({ path }) =>
          path.endsWith("/pause") ? new Response("no", { status: 500 }) : undefined
        )
      )
    )
  )
})
