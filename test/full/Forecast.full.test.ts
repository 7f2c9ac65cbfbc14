/** Forecasts from the first rows of a job, against what the whole job then takes on simulated GPUs. */
import { assert, describe, it } from "@effect/vitest"
import { Forecast, Limit } from "@stint/batch"
import type { Hardware } from "@stint/core"
import { GpuModel } from "@stint/emulator"
import { Effect } from "effect"
import { simulate } from "../../scripts/limitsWorld.ts"

const calibration = 300
const rows = 3000

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

const tokens = { input: 981, output: 238 }
const exactly = (value: number) => ({ low: value, expected: value, high: value })

const engines = [
  { gpu: GpuModel.a10g, instance: instanceOf("nvidia-a10g", 1) },
  { gpu: GpuModel.h200, instance: instanceOf("nvidia-h200", 5) }
]

describe("a forecast from 300 rows of the reference job", () => {
  for (const { gpu, instance } of engines) {
    it.live(`holds what 3,000 of them are billed on a GPU like an ${gpu.name.toUpperCase()}`, () =>
      Effect.gen(function* () {
        const run = (count: number, seed: number) =>
          simulate({ gpu, rows: count, seed, limit: Limit.adaptive() })
        // Other rows of the same kind: what is forecast has not been seen.
        const first = yield* run(calibration, 7)
        const whole = yield* run(rows, 1)
        const { choices } = Forecast.make({
          work: { requests: rows, inputTokens: exactly(tokens.input), outputTokens: exactly(tokens.output) },
          hardware: [instance],
          evidence: {
            instanceType: instance.instanceType,
            instanceSize: instance.instanceSize,
            runs: 1,
            rows: calibration,
            seconds: first.seconds,
            tokens
          }
        })
        const billed = choices[0]?.billedMinutes
        assert.isDefined(billed)
        assert.isAtMost(billed.low, whole.billedMinutes)
        assert.isAtLeast(billed.high, whole.billedMinutes)
        // So wide a range would hold anything.
        assert.isBelow(billed.high / billed.low, 5)
        // What is likely is near it: within half of it.
        assert.isBelow(Math.abs(billed.expected / whole.billedMinutes - 1), 0.5)
      })
    )
  }
})
