/**
 * The `openai` client on an endpoint that is awake for as long as it is asked.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { withEndpoint } from "@stint/batch"
import { Console, Effect, Redacted } from "effect"
import { OpenAI } from "openai"
import { chatSpec, sockets, Token } from "./setup/sockets.ts"

const program = withEndpoint({ name: "example-openai", spec: chatSpec, maxCost: 0.5 }, ({ url }) =>
  Effect.gen(function* () {
    const client = new OpenAI({
      baseURL: new URL("v1", url).href,
      apiKey: Redacted.value(yield* Token)
    })
    const { choices, usage } = yield* Effect.tryPromise((signal) =>
      client.chat.completions.create(
        {
          model: chatSpec.repository,
          messages: [{ role: "user", content: "What is a dog?" }],
          max_tokens: 40,
          temperature: 0,
          seed: 1
        },
        { signal }
      )
    )
    yield* Console.log(`${choices[0]?.message.content} (${usage?.completion_tokens} tokens)`)
  })
)

NodeRuntime.runMain(Effect.provide(program, sockets))
