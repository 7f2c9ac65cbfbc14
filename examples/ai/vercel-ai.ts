/**
 * Vercel's AI SDK on an endpoint that is awake for as long as it is asked.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { withEndpoint } from "@stint/batch"
import { generateText } from "ai"
import { Console, Effect, Redacted } from "effect"
import { chatSpec, sockets, Token } from "./setup/sockets.ts"

const program = withEndpoint({ name: "example-vercel", spec: chatSpec, maxCost: 0.5 }, ({ url }) =>
  Effect.gen(function* () {
    const provider = createOpenAICompatible({
      name: "stint",
      baseURL: new URL("v1", url).href,
      apiKey: Redacted.value(yield* Token)
    })
    const { text, usage } = yield* Effect.tryPromise((abortSignal) =>
      generateText({
        model: provider(chatSpec.repository),
        prompt: "What is a dog?",
        maxOutputTokens: 40,
        temperature: 0,
        seed: 1,
        abortSignal
      })
    )
    yield* Console.log(`${text} (${usage.outputTokens} tokens)`)
  })
)

NodeRuntime.runMain(Effect.provide(program, sockets))
