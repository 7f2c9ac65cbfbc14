/** Chat engines for the providers of `effect/ai`: the emulator's own, and one that follows a script. */
import { type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { EndpointSpec } from "@stint/core"
import type { Engine } from "@stint/emulator"
import { Effect, Schema, Stream } from "effect"
import { HttpServerResponse } from "effect/http"
import { HuggingFaceLanguageModel } from "@stint/batch/ai"
import * as World from "../../../../test/batchWorld.ts"

export const images = {
  vLLM: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } },
  tgi: { tgi: { url: "ghcr.io/huggingface/text-generation-inference:3.3.6" } },
  llamacpp: {
    llamacpp: {
      modelPath: "m.gguf",
      ctxSize: 16384,
      nParallel: 4,
      threadsHttp: 4,
      url: "ghcr.io/ggml-org/llama.cpp:server"
    }
  }
}

export const repository = "acme/talker"

/** An endpoint on which that engine runs. */
export const on = (image: keyof typeof images, name = World.name): ManagedEndpoint.Options => ({
  name,
  spec: EndpointSpec.make({
    repository,
    task: "text-generation",
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: images[image]
  })
})

/** Runs a program with the endpoint as its model. */
export const chat = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: HuggingFaceLanguageModel.Options = {},
  endpoint: ManagedEndpoint.Options = on("vLLM")
) =>
  World.inTime(withEndpoint(endpoint, () => Effect.provide(program, HuggingFaceLanguageModel.layer(options))))

/** The emulator's own engines. */
export const emulated = World.world({ engines: undefined })

const Asked = Schema.Record(Schema.String, Schema.Json)
type Asked = typeof Asked.Type
const decodeAsked = Schema.decodeUnknownEffect(Schema.fromJsonString(Asked))

/** What a server says to its requests, each time the next; the last one for all that follow. */
export const scripted = (...script: ReadonlyArray<HttpServerResponse.HttpServerResponse>) => {
  const asked: Array<Asked> = []
  const engine: Engine.Engine = {
    name: "scripted",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.jsonUnsafe({ data: [{ id: repository }] }))
        : Effect.gen(function* () {
            asked.push(yield* Effect.flatMap(request.text, decodeAsked))
            return (
              script[Math.min(asked.length, script.length) - 1] ?? HttpServerResponse.empty({ status: 500 })
            )
          }).pipe(Effect.orDie)
  }
  return { asked, world: World.world({ engine }) }
}

/** Runs a program against a script; gives what became of it, and what was asked. */
export const against = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  ...script: ReadonlyArray<HttpServerResponse.HttpServerResponse>
) =>
  Effect.suspend(() => {
    const { asked, world } = scripted(...script)
    return Effect.map(Effect.provide(Effect.exit(chat(program)), world), (exit) => ({ exit, asked }))
  })

/** A whole answer. */
export const says = (message: Schema.JsonObject, finish_reason = "stop", more: Schema.JsonObject = {}) =>
  HttpServerResponse.jsonUnsafe({
    id: "chatcmpl-1",
    model: repository,
    choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    ...more
  })

/** A call of a tool, as an engine says it. */
export const calls = (name: string, args: Schema.Json, id = "call-1") => ({
  content: null,
  tool_calls: [{ id, type: "function", function: { name, arguments: args } }]
})

/** The bytes of an event. */
export const event = (data: Schema.Json) => `data: ${JSON.stringify(data)}\n\n`

/** The bytes of an event that adds to the answer. */
export const adds = (delta: Schema.JsonObject, finish_reason: string | null = null) =>
  event({ id: "chatcmpl-1", model: repository, choices: [{ index: 0, delta, finish_reason }] })

/** The bytes of the event that tells what was spent, and of the last one. */
export const ends = `${event({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } })}data: [DONE]\n\n`

/** An answer in pieces of bytes, as they come over the wire. */
export const streams = (...pieces: ReadonlyArray<string | Uint8Array>) => {
  const encoder = new TextEncoder()
  return HttpServerResponse.stream(
    Stream.fromIterable(pieces.map((piece) => (typeof piece === "string" ? encoder.encode(piece) : piece))),
    { contentType: "text/event-stream" }
  )
}
