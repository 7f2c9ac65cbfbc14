/** More endpoints than anybody has. */
import { assert, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Duration, Effect, Stream } from "effect"
import { TestClock } from "effect/testing"

const spec = EndpointSpec.make({
  repository: "sentence-transformers/all-MiniLM-L6-v2",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

it.effect("the emulator lists ten thousand endpoints in seconds", () =>
  Effect.gen(function* () {
    const { create, list } = yield* Endpoints.Endpoints
    const names = Array.from({ length: 10_000 }, (_, index) => `e-${index}`)
    yield* Effect.forEach(names, (name) => create(name, spec), { discard: true })
    yield* TestClock.adjust("1 minute")
    const [elapsed, seen] = yield* TestClock.withLive(
      Effect.timed(Stream.runCollect(Stream.map(list(), ({ name }) => name)))
    )
    assert.deepStrictEqual(seen, names)
    assert.isBelow(Duration.toSeconds(elapsed), 10)
  }).pipe(Effect.provide(Emulator.layerTest()))
)
