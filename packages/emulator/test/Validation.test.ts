import { assert, describe, it } from "@effect/vitest"
import type { Emulator } from "@stint/emulator"
import { Effect, type Schema } from "effect"
import { at, createBody, manage, memory, type Services } from "./harness.ts"

const test = (name: string, body: Effect.Effect<unknown, unknown, Services>, options?: Emulator.Options) =>
  it.effect(name, () => body.pipe(Effect.provide(memory(options))))

const create = (name: string, change?: Parameters<typeof createBody>[1]) =>
  manage("POST", "emulator", { body: createBody(name, change) })

describe("a create body", () => {
  const refusals: ReadonlyArray<readonly [string, Parameters<typeof createBody>[1], string]> = [
    [
      "task null",
      { model: { task: null } },
      "Failed to parse the request body as JSON: model.task: expected value"
    ],
    ["no url", { model: { image: { vLLM: {} } } }, "model.image.vLLM: missing field `url`"],
    ["unknown image", { model: { image: { vllm: { url: "x" } } } }, "model.image: unknown variant `vllm`"],
    ["two images", { model: { image: { tei: { url: "x" }, tgi: { url: "x" } } } }, "exactly one variant"],
    ["no model path", { model: { image: { llamacpp: { url: "x" } } } }, "missing field `modelPath`"],
    [
      "short timeout",
      { scaling: { minReplica: 0, scaleToZeroTimeout: 14 } },
      "must be between 15 and 2880 minutes"
    ],
    [
      "long timeout",
      { scaling: { minReplica: 0, scaleToZeroTimeout: 2881 } },
      "must be between 15 and 2880 minutes"
    ],
    ["half a minute", { scaling: { minReplica: 0, scaleToZeroTimeout: 15.5 } }, "between 15 and 2880"],
    ["timeout with a replica", { scaling: { scaleToZeroTimeout: 15 } }, "scaleToZeroTimeout is incompatible"],
    ["more than the most", { scaling: { minReplica: 2 } }, "minReplica <= maxReplica"],
    ["vendor", { provider: { vendor: "oracle" } }, "provider.vendor: unknown variant `oracle`"],
    ["region", { provider: { region: "mars-1" } }, "unknown region `mars-1` of `aws`"],
    ["instance", { compute: { instanceType: "g5.xlarge" } }, "unknown instance `g5.xlarge`"],
    [
      "instance not there",
      { provider: { region: "eu-west-1" } },
      "unknown instance `nvidia-l4` `x1` in `aws` `eu-west-1`"
    ],
    ["accelerator", { compute: { accelerator: "cpu" } }, "`nvidia-l4` is `gpu`, not `cpu`"],
    ["type", { top: { type: "secret" } }, "type: unknown variant `secret`"],
    [
      "no repository",
      { top: { model: { image: { huggingface: {} } } } },
      "model: missing field `repository`"
    ],
    ["name in capitals", { top: { name: "Batch" } }, "name: must be 1 to 32"],
    ["long name", { top: { name: "a".repeat(33) } }, "name: must be 1 to 32"],
    ["number for a name", { top: { name: 7 } }, "Failed to parse the request body as JSON: name: expected"]
  ]
  for (const [what, change, text] of refusals) {
    test(
      `refuses ${what}`,
      Effect.gen(function* () {
        const { body, status } = yield* create("e", change)
        assert.strictEqual(status, 400)
        assert.include(String(at(body, "error")), text)
        assert.include(["BAD_REQUEST", "VALIDATION_FAILED"], at(body, "code"))
        assert.strictEqual((yield* manage("GET", "emulator/e")).status, 404)
      })
    )
  }

  test(
    "asks for a parallel size on several accelerators",
    Effect.gen(function* () {
      const vLLM = (fields: Record<string, Schema.Json>) =>
        create("e", {
          compute: { instanceSize: "x4", scaling: { minReplica: 0, maxReplica: 1 } },
          model: { image: { vLLM: { url: "x", ...fields } } }
        })
      assert.strictEqual((yield* vLLM({})).status, 400)
      assert.strictEqual((yield* vLLM({ tensorParallelSize: 4 })).status, 200)
    })
  )

  test(
    "refuses what is no JSON, or no object",
    Effect.gen(function* () {
      for (const text of ["{", "", "[]", "null"]) {
        const { body, status } = yield* manage("POST", "emulator", { text })
        assert.strictEqual(status, 400)
        assert.match(String(at(body, "error")), /^Failed to parse the request body as JSON: /)
      }
    })
  )
})
