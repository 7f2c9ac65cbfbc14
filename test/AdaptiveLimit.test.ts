/** The limit that finds itself, through the whole engine, against fixed ones on three simulated engines. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Limit } from "@stint/batch"
import { GpuModel } from "@stint/emulator"
import { Clock, Effect, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { type Studied, simulate } from "../scripts/limitsWorld.ts"
import * as World from "./batchWorld.ts"

const rows = 300
const engines: ReadonlyArray<{ readonly name: string; readonly studied: Studied; readonly best: number }> = [
  { name: "a small GPU that queues", studied: { gpu: GpuModel.a10g }, best: 128 },
  { name: "a large GPU that queues", studied: { gpu: GpuModel.h200 }, best: 512 },
  { name: "one that refuses above 128", studied: { gpu: GpuModel.a10g, refusesAbove: 128 }, best: 128 }
]

describe("with nothing configured, within 5 % of the best fixed limit", () => {
  for (const { best, name, studied } of engines) {
    it.live(`on ${name}, whether or not it tells of itself`, () =>
      Effect.gen(function* () {
        const run = (limit: Limit.Limit, tells: boolean) => simulate({ ...studied, tells, rows, limit })
        const fixed = yield* run(Limit.fixed(best), false)
        for (const tells of [true, false]) {
          const adaptive = yield* run(Limit.adaptive(), tells)
          assert.strictEqual(adaptive.succeeded, rows)
          assert.isAtMost(adaptive.seconds, 1.05 * fixed.seconds)
          assert.isAtMost(adaptive.refusals, 5)
        }
      })
    )
  }
})

it.live("the comparison can tell: a fixed limit that is too low costs multiples", () =>
  Effect.gen(function* () {
    const run = (limit: Limit.Limit) => simulate({ gpu: GpuModel.h200, rows: 100, limit })
    assert.isAbove((yield* run(Limit.fixed(8))).seconds, 2 * (yield* run(Limit.fixed(100))).seconds)
  })
)

/** Seconds that rows of about two seconds take, where everything is refused for `refusesFor` at ten seconds. */
const secondsOf = (count: number, refusesFor: number) => {
  let from: number | undefined
  let refusals = 0
  const engine = World.scripted(({ text }) =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      from ??= now
      if (now - from >= 10_000 && now - from < 10_000 + refusesFor) {
        refusals++
        yield* Effect.sleep(10)
        return World.refusal(429, { error: "Too many requests" })
      }
      yield* Effect.sleep(1500 + ((text.length * 617 + now) % 1000))
      return World.good(text)
    })
  )
  const silent: typeof engine = {
    ...engine,
    handle: (request) =>
      request.method === "GET" && request.url !== "/health"
        ? Effect.succeed(HttpServerResponse.empty({ status: 404 }))
        : engine.handle(request)
  }
  return Effect.gen(function* () {
    const start = yield* Clock.currentTimeMillis
    const { succeeded } = yield* World.inTime(
      Stream.fromIterable(World.words(count)).pipe(Batch.runOn(World.options, World.job))
    )
    assert.strictEqual(succeeded, count)
    return { seconds: ((yield* Clock.currentTimeMillis) - start) / 1000, refusals }
  }).pipe(Effect.provide(World.world({ engine: silent })))
}

it.effect("a second in which everything is refused costs no more than half of the time again", () =>
  Effect.gen(function* () {
    const without = yield* secondsOf(6000, 0)
    const refused = yield* secondsOf(6000, 1000)
    assert.isAbove(refused.refusals, 50)
    assert.isAtMost(refused.seconds, 1.5 * without.seconds)
  })
)
