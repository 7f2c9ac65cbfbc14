/** The emulator as the conformance suite wants it, with an organisation. */
import { Emulator } from "@stint/emulator"
import { Effect, Fiber, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import type { Subject } from "./Subject.ts"

const organization = "acme"

const options: Emulator.Options = { organizations: [organization] }

const common = { patience: "20 minutes", organization, spendingCap: undefined } as const

/** In memory, on the test's clock. */
export const inMemory: Subject = {
  ...common,
  layer: Emulator.layerEndpoints.pipe(
    Layer.provide(Emulator.layerMemory({ ...options, boot: "84 seconds" }))
  ),
  time: "virtual",
  pass: (wait) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(wait, { startImmediately: true })
      while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      return yield* Fiber.join(fiber)
    })
}

/** On sockets, on the machine's clock. */
export const onSockets: Subject = {
  ...common,
  layer: Emulator.layerEndpoints.pipe(
    Layer.provide(Emulator.layerServer({ ...options, boot: "40 millis" })),
    Layer.provide(FetchHttpClient.layer)
  ),
  time: "real",
  pass: (wait) => wait
}
