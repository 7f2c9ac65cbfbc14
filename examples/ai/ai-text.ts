/**
 * The endpoint as a model of effect/ai: a text in pieces, an object, a tool, vectors.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { withEndpoint } from "@stint/batch"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import { Console, Effect, Schema, Stream } from "effect"
import { LanguageModel, Tool, Toolkit } from "effect/ai"
import { endpoints } from "../setup/endpoints.ts"
import { chatSpec } from "./setup/sockets.ts"

const City = Schema.Struct({ name: Schema.String, people: Schema.Int })

const Weather = Tool.make("weather", {
  description: "The weather of a city",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const tools = Toolkit.make(Weather)
const handlers = tools.toLayer({ weather: () => Effect.succeed("rain") })

// Nothing here knows of Hugging Face: another provider's layer would do.
const questions = Effect.gen(function* () {
  const pieces = LanguageModel.streamText({ prompt: "What is a dog?" }).pipe(
    Stream.map((part) => (part.type === "text-delta" ? part.delta : ""))
  )
  yield* Console.log(`a text: ${yield* Stream.mkString(pieces)}`)

  const { usage, value } = yield* LanguageModel.generateObject({ prompt: "A city of Norway", schema: City })
  yield* Console.log(`an object: ${Object.keys(value).join(" and ")}, ${usage.outputTokens.total} tokens`)

  const { toolResults } = yield* LanguageModel.generateText({
    prompt: "How is the weather in Oslo?",
    toolkit: tools,
    toolChoice: "required"
  })
  yield* Console.log(`a tool: ${toolResults.map(({ name, result }) => `${name} says ${result}`).join()}`)
}).pipe(Effect.provide(handlers))

const program = withEndpoint({ name: "example-ai-text", spec: chatSpec, maxCost: 0.5 }, () =>
  Effect.provide(
    questions,
    HuggingFaceLanguageModel.layer({ config: { max_tokens: 100, temperature: 0, seed: 1 } })
  )
)

NodeRuntime.runMain(Effect.provide(program, endpoints()))
