/** An endpoint that is awake for good: what the engine needs of a lease, without the lease. */
import * as Cost from "@stint/batch/Cost"
import * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import * as UndiciClient from "@stint/batch/node/UndiciClient"
import * as Endpoint from "@stint/core/Endpoint"
import * as Endpoints from "@stint/core/Endpoints"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

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
