import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { afford, type Subject, scenarios } from "./Subject.ts"
import { inMemory, onSockets } from "./emulated.ts"
import { real } from "./real.ts"
import { cpu, gpu, suite } from "./suite.ts"

suite("the emulator in memory", inMemory)
suite("the emulator on sockets", onSockets)

const subject = Effect.runSync(real)
if (typeof subject === "string") {
  describe("Hugging Face", () => {
    it.live(`is not tested: ${subject}`, () => Effect.logWarning(`Hugging Face is not tested: ${subject}.`))
  })
} else {
  suite("Hugging Face", subject)
}

describe("the spending cap", () => {
  const capped = scenarios({ ...inMemory, spendingCap: 0.1 } satisfies Subject)

  capped("refuses what costs more in an hour, before it is created", ({ create, endpoints }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(create(gpu, { name: "dear" }))
      assert.strictEqual(
        error.message,
        "aws us-east-1 nvidia-t4 x1 ($0.5/h) costs $0.5 an hour; the cap is $0.1."
      )
      assert.strictEqual((yield* Effect.flip(endpoints.get("dear")))._tag, "NotFound")
      yield* create(cpu)
    })
  )

  capped("counts all replicas", () =>
    Effect.gen(function* () {
      yield* afford({ ...cpu, maxReplica: 3 }, 0.1)
      const error = yield* Effect.flip(afford({ ...cpu, maxReplica: 4 }, 0.1))
      assert.strictEqual(error._tag, "TooDear")
    })
  )
})
