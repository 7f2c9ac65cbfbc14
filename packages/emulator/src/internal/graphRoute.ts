/** `POST …/metrics/{graph}`: one graph of an endpoint by itself. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { Missing } from "@stint/core/ControlPlane"
import * as EndpointMetrics from "@stint/core/EndpointMetrics"
import * as Body from "./body.ts"
import * as Measured from "./measured.ts"
import type { Permit } from "./permit.ts"
import * as Refusal from "./refusal.ts"
import type { Store } from "./store.ts"

const prefix = "/v2/endpoint/:namespace/:name/metrics"

// Two of these paths were seen; the others follow their pattern.
const paths: Readonly<Record<string, keyof EndpointMetrics.AllGraphs>> = {
  "response-status-code-grouped": "responseStatusCodeGrouped",
  "response-elapsed": "responseElapsed",
  "pending-request": "pendingRequest",
  "replicas-running": "replicasRunning",
  "hardware-cpu": "hardwareCpu",
  "hardware-mem": "hardwareMem",
  "hardware-gpu": "hardwareGpu",
  "hardware-gpu-mem": "hardwareGpuMem",
  "vllm/prefix-cache": "inference"
}

const status = { BadRequest: 400, Unauthorized: 401, Forbidden: 403, Missing: 404 } as const

const decode = Schema.decodeUnknownEffect(EndpointMetrics.Window)

/** Adds the routes to the router. */
export const layer = ({
  permit,
  store
}: {
  readonly permit: Permit
  readonly store: Store
}): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.addAll(
    Object.entries(paths).map(([path, key]) =>
      HttpRouter.route("POST", `${prefix}/${path}`, (request) =>
        Effect.gen(function* () {
          const { name = "", namespace = "" } = yield* HttpRouter.params
          yield* permit(request, namespace)
          const held = yield* store.get(namespace, name)
          const json = yield* Body.read(request)
          const window = yield* Effect.mapError(decode(json), ({ message }) => Body.unreadable(message))
          const graph = (yield* Measured.graphs(held, window))[key]
          // No engine here tells what vLLM tells.
          if (graph === null || graph === undefined)
            return yield* new Missing({ error: "404 Not Found", code: "NOT_FOUND" })
          return HttpServerResponse.jsonUnsafe(graph)
        }).pipe(
          Effect.catch((error) =>
            Effect.succeed(Refusal.refusal(status[error._tag], error.error, error.code))
          )
        )
      )
    )
  )
