import { assert, describe, it } from "@effect/vitest"
import { Endpoints, Hardware } from "@stint/core"
import { Effect } from "effect"
import * as Fake from "./fakeHub.ts"

const compute = (instanceType: string, more: object = {}) => ({
  instanceType,
  instanceSize: "x1",
  numAccelerators: 1,
  status: "available",
  pricePerHour: 0.8,
  quota: { maxAccelerators: 2, usedAccelerators: 1 },
  ...more
})

const catalogue = Fake.json({
  vendors: [
    {
      name: "aws",
      regions: [
        {
          name: "us-east-1",
          computes: [
            compute("nvidia-l4"),
            compute("nvidia-a10g", { status: "not_available" }),
            compute("nvidia-h100", { status: "deprecated" }),
            compute("nvidia-t4", { quota: { maxAccelerators: 0, usedAccelerators: 0 } }),
            compute("intel-spr", { numAccelerators: undefined, gpuMemoryGb: null, quota: undefined })
          ]
        }
      ]
    }
  ]
})

const check = (wanted: Partial<Hardware.Wanted>) => {
  const fake = Fake.inOrder(catalogue)
  const spec = {
    vendor: "aws",
    region: "us-east-1",
    instanceType: "nvidia-l4",
    instanceSize: "x1",
    ...wanted
  }
  return Fake.use(fake, (endpoints) =>
    Effect.provideService(Hardware.check(spec), Endpoints.Endpoints, endpoints)
  )
}

describe("Hardware.check", () => {
  it.effect("says what an hour costs with all replicas up", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* check({})).pricePerHour, 0.8)
      assert.strictEqual((yield* check({ instanceType: "intel-spr", maxReplica: 3 })).pricePerHour, 0.8 * 3)
    })
  )

  for (const [what, wanted, problem, says] of [
    ["an unknown vendor", { vendor: "acme" }, "unknown", 'no vendor "acme"'],
    ["an unknown region", { region: "mars-1" }, "unknown", 'no region "mars-1"'],
    [
      "an unknown instance",
      { instanceType: "nvidia-l5" },
      "unknown",
      "Near it: aws us-east-1 nvidia-l4 x1 ($0.8/h)"
    ],
    ["a size that is not made", { instanceSize: "x9" }, "unknown", "Near it: aws us-east-1 nvidia-l4 x1"],
    ["what is out of stock", { instanceType: "nvidia-a10g" }, "unavailable", "it is not available"],
    ["what is deprecated", { instanceType: "nvidia-h100" }, "unavailable", "it is deprecated"],
    ["a quota of nothing", { instanceType: "nvidia-t4" }, "quota", "the quota has 0 left"],
    ["more replicas than the quota has", { maxReplica: 2 }, "quota", "it needs 2 accelerators"]
  ] as const) {
    it.effect(`refuses ${what} before anything is created, and says what comes near`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(check(wanted))
        assert.strictEqual(error._tag, "HardwareUnavailable")
        if (error._tag !== "HardwareUnavailable") return
        assert.strictEqual(error.problem, problem)
        assert.include(error.message, says)
      })
    )
  }
})
