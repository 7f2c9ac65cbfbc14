/** Objects of an engine that takes no schema: it stands in the prompt. */
import { assert, describe, it } from "@effect/vitest"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import { Effect, Exit, Layer, Logger, Schema } from "effect"
import { AiError, LanguageModel, Prompt } from "effect/ai"
import { withEndpoint } from "@stint/batch"
import * as World from "../../../../test/batchWorld.ts"
import { against, on, says, scripted } from "./chatWorld.ts"

const City = Schema.Struct({ name: Schema.String, people: Schema.Int })
const oslo = { name: "Oslo", people: 700_000 }
const object = LanguageModel.generateObject({ prompt: "a city", schema: City, objectName: "city" })

const refusal = World.refusal(400, { error: { message: "response_format is not supported", code: 400 } })

const logged = (lines: Array<string>) =>
  Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])

const reasonOf = (exit: Exit.Exit<unknown, unknown>) => {
  const error = Exit.isFailure(exit)
    ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
    : undefined
  return AiError.isAiError(error) ? error.reason._tag : assert.fail(`no error: ${String(exit)}`)
}

describe("an engine that takes no schema", () => {
  it.effect("is told it in the prompt from then on, which is said once, and its answers are checked", () => {
    const lines: Array<string> = []
    const fenced = `Here it is:\n\`\`\`json\n${JSON.stringify(oslo)}\n\`\`\``
    const { asked, world } = scripted(
      refusal,
      says({ content: fenced }),
      says({ content: JSON.stringify(oslo) })
    )
    return Effect.gen(function* () {
      const system = LanguageModel.generateObject({
        prompt: [
          { role: "system", content: "You are brief." },
          { role: "user", content: [{ type: "text", text: "a city" }] }
        ],
        schema: City
      })
      const [first, second] = yield* World.inTime(
        withEndpoint(on("vLLM"), () =>
          Effect.provide(Effect.all([object, system]), HuggingFaceLanguageModel.layer())
        )
      )
      assert.deepStrictEqual(first.value, oslo)
      assert.deepStrictEqual(second.value, oslo)
      assert.lengthOf(asked, 3)
      assert.isDefined(asked[0]?.["response_format"])
      const Asked = Schema.Struct({
        messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.String })),
        response_format: Schema.optionalKey(Schema.Json)
      })
      const [, again, later] = asked.map((each, at) =>
        at === 0 ? undefined : Schema.decodeUnknownSync(Asked)(each)
      )
      assert.isUndefined(again?.response_format)
      assert.deepStrictEqual(
        again?.messages.map(({ role }) => role),
        ["system", "user"]
      )
      assert.include(again?.messages[0]?.content, '"additionalProperties":false')
      assert.isUndefined(later?.response_format)
      assert.deepStrictEqual(
        later?.messages.map(({ role }) => role),
        ["system", "user"]
      )
      assert.match(later?.messages[0]?.content ?? "", /^You are brief\.\n\nAnswer with one JSON value/)
      assert.lengthOf(
        lines.filter((line) => line.includes("does not take a schema")),
        1
      )
    }).pipe(Effect.provide(Layer.merge(world, logged(lines))))
  })

  it.effect("that answers something else is told so: the shape is never taken for granted", () =>
    Effect.gen(function* () {
      const { asked, exit } = yield* against(object, refusal, says({ content: '{"name":"Oslo"}' }))
      assert.strictEqual(reasonOf(exit), "StructuredOutputError")
      assert.lengthOf(asked, 2)
    })
  )

  it.effect("is not taken for one when the request is refused without the schema too", () => {
    const { asked, world } = scripted(refusal, refusal, says({ content: JSON.stringify(oslo) }))
    return Effect.gen(function* () {
      const [first, second] = yield* World.inTime(
        withEndpoint(on("vLLM"), () =>
          Effect.provide(Effect.all([Effect.exit(object), object]), HuggingFaceLanguageModel.layer())
        )
      )
      assert.strictEqual(reasonOf(first), "InvalidRequestError")
      assert.deepStrictEqual(second.value, oslo)
      assert.isDefined(asked[2]?.["response_format"], "the schema is sent as before")
    }).pipe(Effect.provide(world))
  })

  it.effect("and refusals of other things are not asked again", () =>
    Effect.gen(function* () {
      const { asked, exit } = yield* against(object, World.refusal(400, { error: "the prompt is too long" }))
      assert.strictEqual(reasonOf(exit), "InvalidRequestError")
      assert.lengthOf(asked, 1)
      const text = yield* against(LanguageModel.generateText({ prompt: Prompt.make("a") }), refusal)
      assert.strictEqual(reasonOf(text.exit), "InvalidRequestError")
      assert.lengthOf(text.asked, 1)
    })
  )
})
