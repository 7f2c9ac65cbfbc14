/** Endpoints on sockets, for clients that know nothing of Effect. */
import { Endpoints, EndpointSpec, Policy } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect, Layer, Redacted, Schedule, Stream } from "effect"
import { FetchHttpClient } from "effect/http"

const cpu = {
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
}

/** What the tests serve, by the server that serves it. */
export const specs = {
  tei: EndpointSpec.make({
    ...cpu,
    repository: "intfloat/e5-small-v2",
    task: "sentence-embeddings",
    image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference:cpu-1.8" } }
  }),
  tgi: EndpointSpec.make({
    ...cpu,
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    task: "text-generation",
    image: { tgi: { url: "ghcr.io/huggingface/text-generation-inference:3.3.6" } }
  }),
  vLLM: EndpointSpec.make({
    ...cpu,
    repository: "Qwen/Qwen3-0.6B",
    task: "text-generation",
    image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000 } }
  }),
  embedding: EndpointSpec.make({ ...cpu, repository: "intfloat/e5-small-v2", task: "feature-extraction" }),
  classification: EndpointSpec.make({ ...cpu, repository: "acme/guesslang", task: "text-classification" }),
  diffusion: EndpointSpec.make({ ...cpu, repository: "stabilityai/sd-turbo", task: "text-to-image" })
}

/** A token that may manage, and not call. */
export const managing = "hf_managing"

/** The emulator on sockets, and a client of its management API. */
export const world = Emulator.layerEndpoints.pipe(
  Layer.provideMerge(
    Emulator.layerServer({
      boot: "40 millis",
      tokens: [{ token: managing, permissions: ["inference.endpoints.write"] }]
    })
  ),
  Layer.provide(FetchHttpClient.layer)
)

/** A running endpoint's URL, without a slash at its end, and the token that may call it. */
export const serve = (spec: EndpointSpec.EndpointSpec) =>
  Effect.gen(function* () {
    const { token } = yield* Emulator.Emulator
    const endpoints = yield* Endpoints.Endpoints
    yield* endpoints.create("e", spec)
    const { url } = yield* endpoints.awaitReady("e")
    return { url: (url?.href ?? "").replace(/\/$/, ""), token: Redacted.value(token), endpoints }
  }).pipe(Effect.provideService(Policy.CurrentPolling, Schedule.spaced("10 millis")))

/** What another client's promise comes to. */
export const ask = <A>(promise: () => Promise<A>): Effect.Effect<A> => Effect.promise(promise)

/** All that another client's iterable gives. */
export const collect = <A>(items: AsyncIterable<A>): Effect.Effect<ReadonlyArray<A>> =>
  Effect.orDie(Stream.runCollect(Stream.fromAsyncIterable(items, (error) => error)))

/** What it is rejected with. */
export const rejection = (promise: () => Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    promise().then(
      () => "nothing: it succeeded",
      (error: unknown) => error
    )
  )
