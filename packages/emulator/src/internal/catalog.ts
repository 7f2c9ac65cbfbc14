/** Models that are deployed with settings of the server's own. */
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { CatalogApi } from "@stint/core/Catalog"
import { BadRequest, Missing } from "@stint/core/ControlPlane"
import * as Endpoint from "@stint/core/Endpoint"
import type { Account } from "./account.ts"
import type { JsonObject } from "./body.ts"
import { toJson } from "./held.ts"
import type { Permit } from "./permit.ts"
import type { Store } from "./store.ts"
import * as Validation from "./validation.ts"

/** The catalog's routes, at their place. */
export const api = CatalogApi.prefix("/api/catalog")

const tei = {
  tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8", port: 80, healthRoute: "/health" }
}
const vLLM = { vLLM: { url: "vllm/vllm-openai:v0.11.0", port: 80, healthRoute: "/health" } }
const toolkit = { huggingface: {} }

/** What the emulator's catalog holds: tasks that an engine of its own serves. */
const models: Readonly<
  Record<string, { readonly task: string; readonly image: JsonObject; readonly on: string }>
> = {
  "BAAI/bge-base-en-v1.5": { task: "sentence-embeddings", image: tei, on: "gpu" },
  "intfloat/multilingual-e5-large": { task: "sentence-embeddings", image: tei, on: "gpu" },
  "sentence-transformers/all-MiniLM-L6-v2": { task: "sentence-embeddings", image: tei, on: "cpu" },
  "distilbert/distilbert-base-uncased-finetuned-sst-2-english": {
    task: "text-classification",
    image: toolkit,
    on: "cpu"
  },
  "meta-llama/Llama-3.1-8B-Instruct": { task: "text-generation", image: vLLM, on: "gpu" },
  "Qwen/Qwen2.5-7B-Instruct": { task: "text-generation", image: vLLM, on: "gpu" }
}

const instances: Readonly<Record<string, JsonObject>> = {
  cpu: { accelerator: "cpu", instanceType: "intel-spr", instanceSize: "x4" },
  gpu: { accelerator: "gpu", instanceType: "nvidia-l4", instanceSize: "x1" }
}

/** @source contract: how names are derived from a model's id by Hugging Face's own deployments */
const nameOf = (repository: string, sequence: number): string => {
  const short = repository
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, "-")
    .slice(0, 25)
  const hash = (Hash.string(`${repository} ${sequence}`) >>> 0).toString(16).padStart(8, "0").slice(0, 6)
  return `${short}-${hash}`
}

/** Makes the handlers of the group. */
export const layer = (options: {
  readonly account: Account
  readonly permit: Permit
  readonly store: Store
}) => {
  const { account, permit, store } = options
  let deployed = 0
  return HttpApiBuilder.group(api, "catalog", (handlers) =>
    handlers
      .handle("list", ({ request }) => Effect.as(permit(request), { models: Object.keys(models) }))
      .handle(
        "deploy",
        Effect.fnUntraced(function* ({ payload, request }) {
          yield* permit(request, payload.namespace)
          const model = models[payload.repoId]
          if (model === undefined)
            return yield* new Missing({
              error: `404 Not Found: \`${payload.repoId}\` is not in the catalog`,
              code: "NOT_FOUND"
            })
          const instance = instances[payload.accelerator ?? model.on]
          if (instance === undefined)
            return yield* new BadRequest({
              error: `accelerator: \`${payload.repoId}\` is not offered on \`${payload.accelerator}\``,
              code: "VALIDATION_FAILED"
            })
          const spec = yield* Validation.validate({
            name: payload.endpointName ?? nameOf(payload.repoId, deployed++),
            type: "authenticated",
            provider: { vendor: "aws", region: "us-east-1" },
            compute: { ...instance, scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 } },
            model: {
              repository: payload.repoId,
              framework: "pytorch",
              task: model.task,
              image: model.image,
              fromCatalog: true
            }
          })
          const held = yield* store.create(payload.namespace, spec.name, spec, account.namespace)
          return { endpoint: yield* Effect.orDie(Endpoint.fromJson(toJson(held))) }
        })
      )
  )
}
