/** Endpoints as the steps of an `ExecutionPlan`, and what imports the unstable module. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { ManagedEndpoint, withEndpoint } from "@stint/batch"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import { Emulator, type Engine } from "@stint/emulator"
import { Effect, ExecutionPlan, FileSystem, Layer, Result, Schedule, Stream } from "effect"
import { AiError, LanguageModel, Model } from "effect/ai"
import { HttpServerResponse } from "effect/http"
import * as World from "../../../../test/batchWorld.ts"
import { adds, ends, on, repository, says, streams } from "./chatWorld.ts"

/** A talker that answers so many requests before it breaks. */
const talker = (text: string, good = Number.POSITIVE_INFINITY, status = 500) => {
  let asked = 0
  const engine: Engine.Engine = {
    name: text,
    healthRoute: "/health",
    handle: (request) =>
      Effect.gen(function* () {
        if (request.method === "GET") return HttpServerResponse.jsonUnsafe({ data: [{ id: repository }] })
        asked += 1
        const body = yield* Effect.orDie(request.text)
        if (asked > good) return HttpServerResponse.jsonUnsafe({ error: "no such thing" }, { status })
        return body.includes('"stream":true')
          ? streams(adds({ content: text }), adds({}, "stop"), ends)
          : says({ content: text })
      })
  }
  return { engine, asked: () => asked }
}

/** Two endpoints, `large` and `small`, with an engine each. */
const worldOf = (large: Engine.Engine, small: Engine.Engine) =>
  World.world({ engines: ({ image }) => ("vLLM" in image ? large : small) })

const step = (name: string, image: "vLLM" | "llamacpp") =>
  HuggingFaceLanguageModel.model(repository).pipe(Layer.provide(ManagedEndpoint.layer(on(image, name))))

const plan = ExecutionPlan.make(
  { provide: step("large", "vLLM"), attempts: 2 },
  { provide: step("small", "llamacpp") }
)

const states = Effect.gen(function* () {
  const { endpoints } = yield* Emulator.Emulator
  return Object.fromEntries((yield* endpoints).map(({ name, state }) => [name, state]))
})

describe("a plan of two endpoints", () => {
  it.effect("does not wake the second where the first answers", () =>
    Effect.gen(function* () {
      const text = LanguageModel.generateText({ prompt: "a" }).pipe(
        Effect.flatMap(({ text }) => Effect.map(Model.ProviderName, (name) => [name, text])),
        Effect.withExecutionPlan(plan)
      )
      assert.deepStrictEqual(yield* World.inTime(text), ["huggingface", "from large"])
      assert.deepStrictEqual(yield* states, { large: "paused" })
    }).pipe(Effect.provide(worldOf(talker("from large").engine, talker("from small").engine)))
  )

  it.effect("goes on to the second where the first fails, whole and in pieces, and both are paused", () =>
    Effect.gen(function* () {
      const large = talker("from large", 0)
      const text = LanguageModel.generateText({ prompt: "a" }).pipe(
        Effect.map(({ text }) => text),
        Effect.withExecutionPlan(plan)
      )
      const pieces = LanguageModel.streamText({ prompt: "a" }).pipe(
        Stream.filterMap((part) =>
          part.type === "text-delta" ? Result.succeed(part.delta) : Result.failVoid
        ),
        Stream.withExecutionPlan(plan),
        Stream.mkString
      )
      const said = Effect.gen(function* () {
        assert.strictEqual(yield* World.inTime(text), "from small")
        assert.strictEqual(large.asked(), 2)
        assert.strictEqual(yield* World.inTime(pieces), "from small")
        assert.deepStrictEqual(yield* states, { large: "paused", small: "paused" })
      })
      yield* Effect.provide(said, worldOf(large.engine, talker("from small").engine))
    })
  )

  it.effect("tries again only what may pass, and goes on at once from what does not", () =>
    Effect.gen(function* () {
      const retried = ExecutionPlan.make(
        {
          provide: step("large", "vLLM"),
          attempts: 3,
          schedule: Schedule.spaced("1 second"),
          while: (error: unknown) => AiError.isAiError(error) && error.isRetryable
        },
        { provide: step("small", "llamacpp") }
      )
      const ask = LanguageModel.generateText({ prompt: "a" }).pipe(Effect.withExecutionPlan(retried))
      for (const [status, asks] of [
        [400, 1],
        [500, 3]
      ] as const) {
        const large = talker("from large", 0, status)
        const { text } = yield* Effect.provide(
          World.inTime(ask),
          worldOf(large.engine, talker("from small").engine)
        )
        assert.strictEqual(text, "from small")
        assert.strictEqual(large.asked(), asks)
      }
    })
  )

  it.effect("goes on to the second where the first cannot be had", () =>
    Effect.gen(function* () {
      const text = LanguageModel.generateText({ prompt: "a" }).pipe(
        Effect.map(({ text }) => text),
        // There is no such endpoint, and nothing says what to create.
        Effect.withExecutionPlan(
          ExecutionPlan.make(
            {
              provide: HuggingFaceLanguageModel.layer().pipe(
                Layer.provide(ManagedEndpoint.layer({ name: "nobody" }))
              )
            },
            { provide: step("small", "llamacpp") }
          )
        )
      )
      assert.strictEqual(yield* World.inTime(text), "from small")
    }).pipe(Effect.provide(worldOf(talker("from large").engine, talker("from small").engine)))
  )

  it.effect("asks an endpoint that is held already, and wakes it once for many questions", () =>
    Effect.gen(function* () {
      const large = talker("from large", 2)
      const ask = LanguageModel.generateText({ prompt: "a" }).pipe(Effect.map(({ text }) => text))
      const program = withEndpoint(on("vLLM", "large"), () =>
        Effect.gen(function* () {
          const held = yield* HuggingFaceLanguageModel.model(repository).captureRequirements
          const plan = ExecutionPlan.make({ provide: held }, { provide: step("small", "llamacpp") })
          return yield* Effect.replicateEffect(Effect.withExecutionPlan(ask, plan), 3)
        })
      )
      const said = yield* Effect.provide(
        World.inTime(program),
        worldOf(large.engine, talker("from small").engine)
      )
      assert.deepStrictEqual(said, ["from large", "from large", "from small"])
    })
  )
})

it.effect("nothing outside of ai/ imports effect/ai, so that the root stays on stable ground", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const src = "packages/batch/src"
    const files = (yield* fs.readDirectory(src, { recursive: true })).filter((name) => name.endsWith(".ts"))
    const importing = yield* Effect.filter(files, (file) =>
      Effect.map(fs.readFileString(`${src}/${file}`), (text) =>
        /from "(effect\/ai[/"]|[^"]*\/ai\/)/.test(text)
      )
    )
    assert.isAbove(importing.length, 3)
    assert.deepStrictEqual(
      importing.filter((file) => !file.startsWith("ai/")),
      []
    )
  }).pipe(Effect.provide(NodeServices.layer))
)
