/**
 * The `@huggingface/inference` client on an endpoint that is awake for as long as it is asked.
 *
 * On an account: about ten minutes of nvidia-l4 x1 at $0.80 an hour, some 15 cents.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { InferenceClient } from "@huggingface/inference"
import { withEndpoint } from "@stint/batch"
import { Console, Effect, Redacted, Stream } from "effect"
import { chatSpec, sockets, Token } from "./setup/sockets.ts"

const program = withEndpoint({ name: "example-inference", spec: chatSpec, maxCost: 0.5 }, ({ url }) =>
  Effect.gen(function* () {
    const client = new InferenceClient(Redacted.value(yield* Token), {
      // Without a slash at its end.
      endpointUrl: url.href.replace(/\/$/, "")
    })
    const pieces = client.chatCompletionStream({
      model: chatSpec.repository,
      messages: [{ role: "user", content: "What is a dog?" }],
      max_tokens: 40,
      temperature: 0,
      seed: 1
    })
    const text = yield* Stream.fromAsyncIterable(pieces, (error) => error).pipe(
      Stream.map(({ choices }) => choices[0]?.delta.content ?? ""),
      Stream.mkString
    )
    yield* Console.log(text)
  })
)

NodeRuntime.runMain(Effect.provide(program, sockets))
