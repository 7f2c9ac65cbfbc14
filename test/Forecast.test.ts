/** Forecasts from the first rows of a job, against what the whole job then takes on the emulator's models of GPUs. */
import { assert, describe, it } from "@effect/vitest"
import { Forecast } from "@stint/batch"
import type { Hardware } from "@stint/core"
import { GpuModel } from "@stint/emulator"
import { Clock, Effect, Random, Semaphore } from "effect"
import { inVirtualTime } from "../scripts/limitsWorld.ts"

const instanceOf = (instanceType: string, pricePerHour: number): Hardware.Instance => ({
  vendor: "aws",
  region: "us-east-1",
  instanceType,
  instanceSize: "x1",
  accelerator: "gpu",
  accelerators: 1,
  architecture: undefined,
  cpus: undefined,
  memory: undefined,
  acceleratorMemory: undefined,
  status: "available",
  pricePerHour,
  quotaLeft: undefined
})

/** Rows like those of the reference job: 981 tokens read and 238 written, on average. */
const reference = (count: number, seed: string): Effect.Effect<ReadonlyArray<GpuModel.Work>> =>
  Random.withSeed(
    Effect.replicateEffect(
      Effect.gen(function* () {
        const normal = Effect.zipWith(
          Random.next,
          Random.next,
          (u, v) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
        )
        return {
          promptTokens: Math.min(4096, Math.ceil(848 * Math.exp(0.54 * (yield* normal)))),
          outputTokens: Math.min(1024, Math.ceil(182 * Math.exp(0.8 * (yield* normal))))
        }
      }),
      count
    ),
    seed
  )

/** Seconds from the first row to the last, and of the longest one, with so many sent at a time. */
const serve = (options: GpuModel.Options, works: ReadonlyArray<GpuModel.Work>, inFlight: number) =>
  Effect.gen(function* () {
    const gpu = yield* GpuModel.make(options)
    const permits = yield* Semaphore.make(inFlight)
    const rows = yield* Effect.forEach(
      works,
      (work) =>
        permits.withPermit(
          Effect.gen(function* () {
            const sent = yield* Clock.currentTimeMillis
            const { finished } = yield* gpu.run(work)
            return { finished, seconds: (finished - sent) / 1000 }
          })
        ),
      { concurrency: "unbounded" }
    )
    return {
      seconds: Math.max(...rows.map(({ finished }) => finished)) / 1000,
      longest: Math.max(...rows.map(({ seconds }) => seconds))
    }
  }).pipe(inVirtualTime)

const mean = (works: ReadonlyArray<GpuModel.Work>) => ({
  input: works.reduce((sum, { promptTokens }) => sum + promptTokens, 0) / works.length,
  output: works.reduce((sum, { outputTokens }) => sum + outputTokens, 0) / works.length
})

const exactly = (value: number) => ({ low: value, expected: value, high: value })

const BOOT = 240
const PAUSE = 2

const engines = [
  { gpu: GpuModel.a10g, instance: instanceOf("nvidia-a10g", 1), inFlight: 128 },
  { gpu: GpuModel.h200, instance: instanceOf("nvidia-h200", 5), inFlight: 512 }
]

describe("a forecast from the first rows of the reference job", () => {
  for (const { gpu, instance, inFlight } of engines) {
    it.live(`holds what all 3,000 are billed on a GPU like an ${gpu.name.toUpperCase()}`, () =>
      Effect.gen(function* () {
        const works = yield* reference(3000, "rows")
        const whole = yield* serve(gpu, works, inFlight)
        const billed = Math.ceil((BOOT + whole.seconds + PAUSE) / 60)
        for (const first of [100, 300]) {
          const begun = works.slice(0, first)
          const measured = yield* serve(gpu, begun, inFlight)
          const tokens = mean(begun)
          const { choices } = Forecast.make({
            work: {
              requests: works.length,
              inputTokens: exactly(tokens.input),
              outputTokens: exactly(tokens.output)
            },
            hardware: [instance],
            evidence: { ...instance, runs: 1, rows: first, ...measured, tokens }
          })
          const range = choices[0]?.billedMinutes
          assert.isDefined(range)
          assert.isAtMost(range.low, billed, `${first} rows`)
          assert.isAtLeast(range.high, billed, `${first} rows`)
          // A much wider range would hold anything, and so would one whose middle is nowhere near.
          assert.isAtMost(range.high / range.low, 6, `${first} rows`)
          assert.isBelow(Math.abs(range.expected / billed - 1), 0.5, `${first} rows`)
        }
      })
    )
  }

  it.live("gets narrower with the rows that were measured", () =>
    Effect.gen(function* () {
      const works = yield* reference(3000, "rows")
      const widthAfter = (first: number) =>
        Effect.gen(function* () {
          const measured = yield* serve(GpuModel.a10g, works.slice(0, first), 128)
          const { choices } = Forecast.make({
            work: { requests: 100_000, inputTokens: exactly(981), outputTokens: exactly(238) },
            hardware: [instanceOf("nvidia-a10g", 1)],
            evidence: { instanceType: "nvidia-a10g", instanceSize: "x1", runs: 1, rows: first, ...measured }
          })
          const range = choices[0]?.minutes
          assert.isDefined(range)
          return range.high / range.low
        })
      assert.isBelow(yield* widthAfter(400), yield* widthAfter(100))
      assert.isBelow(yield* widthAfter(900), yield* widthAfter(400))
      assert.isBelow(yield* widthAfter(900), 2.3)
    })
  )
})
