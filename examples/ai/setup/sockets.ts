/**
 * Where the examples with other people's clients run: they need real sockets and a token. On an emulator in the example's
 * own process, or with `STINT_EXAMPLES=account` on the account that `HF_TOKEN` names.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Credentials, Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Context, Effect, Layer, type Redacted } from "effect"
import { place } from "../../setup/endpoints.ts"

/** The token that a client other than Stint's is given. */
export class Token extends Context.Service<Token, Redacted.Redacted>()("@stint/examples/Token") {}

const account = Layer.mergeAll(Endpoints.layerConfig(), Layer.effect(Token, Credentials.token))

const emulator = Layer.mergeAll(
  Emulator.layerEndpoints,
  Layer.effect(
    Token,
    Effect.map(Emulator.Emulator, ({ token }) => token)
  )
).pipe(Layer.provide(Emulator.layerServer({ boot: "100 millis" })), Layer.orDie)

/** The endpoints of that place, on sockets, and the token. */
export const sockets = Layer.unwrap(
  Effect.map(place, (where) => (where === "account" ? account : emulator))
).pipe(Layer.provide(NodeHttpClient.layerUndici), Layer.provideMerge(NodeServices.layer))

/** A small chat model on vLLM. */
export const chatSpec = EndpointSpec.make({
  repository: "HuggingFaceTB/SmolLM2-1.7B-Instruct",
  task: "text-generation",
  accelerator: "gpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "nvidia-l4",
  instanceSize: "x1",
  image: { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 8000, healthRoute: "/health" } }
})
