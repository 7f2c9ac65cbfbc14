/** An endpoint that is awake for good: what the engine needs of a lease, without the lease. */
import { Cost, ManagedEndpoint } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { Endpoint, Endpoints } from "@stint/core"
import { Effect, Layer, Redacted } from "effect"

/** `CurrentEndpoint` at a URL, over the client of a run: of an engine, or of Hugging Face's own image. */
export const layer = (url: string, image: "tei" | "vLLM" | "huggingface" = "huggingface") =>
  Layer.effect(
    ManagedEndpoint.CurrentEndpoint,
    Effect.gen(function* () {
      const endpoint = yield* Endpoint.fromJson({
        name: "bench",
        model: { repository: "bench", image: { [image]: {} } },
        status: { state: "running", url, readyReplica: 1, targetReplica: 1 }
      })
      const endpoints = yield* Endpoints.make({ token: Redacted.make("hf_bench"), namespace: "bench" })
      return ManagedEndpoint.CurrentEndpoint.of({
        endpoint,
        url: new URL(url),
        client: endpoints.clientFor(endpoint),
        conceal: endpoints.conceal,
        acquisition: "Adopted",
        bill: Effect.succeed(Cost.bill({ millis: 0, pricePerHour: undefined, replicas: 1 })),
        awaitAwake: Effect.succeed({ endpoint, wasAway: false }),
        read: Effect.succeed(endpoint),
        modelName: Effect.succeed(undefined)
      })
    })
  ).pipe(Layer.provide(UndiciClient.layer()))
