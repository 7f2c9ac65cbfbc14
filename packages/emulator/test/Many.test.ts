import { assert, describe, it } from "@effect/vitest"
import { Endpoints } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import { at, call, manage, memory, spec } from "./harness.ts"

describe("many of everything", () => {
  it.effect(
    "lists two thousand endpoints, each once",
    () =>
      Effect.gen(function* () {
        const { create, list } = yield* Endpoints.Endpoints
        const names = Array.from({ length: 2000 }, (_, index) => `e-${index}`)
        yield* Effect.forEach(names, (name) => create(name, spec), { discard: true })
        yield* TestClock.adjust("1 minute")
        const seen = yield* Stream.runCollect(Stream.map(list(), ({ name }) => name))
        assert.deepStrictEqual(seen, names)
        const { body } = yield* manage("GET", "emulator?limit=1")
        assert.strictEqual(at(body, "totalItems"), 2000)
      }).pipe(Effect.provide(memory())),
    30_000
  )

  it.effect(
    "keeps a bounded log of a container that writes without end",
    () =>
      Effect.gen(function* () {
        const { create, get } = yield* Endpoints.Endpoints
        const { urls } = yield* Emulator.Emulator
        yield* create("a", spec)
        yield* TestClock.adjust("1 minute")
        const { url } = yield* get("a")
        const health = call("GET", new URL("/health", url))
        yield* Effect.forEach(Array.from({ length: 12_000 }), () => health, { discard: true })
        const logs = new URL("/v3/endpoint/emulator/a/logs?limit=9999", urls.management)
        const { body } = yield* call("GET", logs)
        assert.strictEqual(Array.isArray(body) ? body.length : 0, 5000)
        const text = yield* call("GET", new URL("/v2/endpoint/emulator/a/logs?tail=1", urls.management))
        assert.strictEqual(text.status, 200)
      }).pipe(Effect.provide(memory({ logCapacity: 10 }))),
    30_000
  )
})
