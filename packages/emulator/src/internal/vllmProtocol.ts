/** What vLLM says of itself and of what it refuses, whatever it serves. */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

/** The release whose habits are kept. */
export const version = "0.19.0"

// vLLM has no bound; this one keeps the emulator's memory.
const bodyLimit = ByteSize.mebibytes(64)

/** Reads a JSON body. */
export const json = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<unknown, Engine.Refusal> =>
  (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() === "application/json"
    ? Engine.json(request, bodyLimit)
    : Effect.fail(
        new Engine.Refusal({
          reason: "NotJson",
          message: "Unsupported Media Type: Only 'application/json' is allowed"
        })
      )

const error = (status: number, type: string, message: string, param: string | null) =>
  HttpServerResponse.jsonUnsafe({ error: { message, type, param, code: status } }, { status })

/** vLLM's words: `{"error": {"message", "type", "param", "code"}}`. */
export const dialect: Engine.Dialect = ({ message, reason }) => {
  switch (reason) {
    case "NotJson":
      return error(415, "Unsupported Media Type", message, null)
    case "Unreadable":
    case "Malformed":
    case "Empty":
      return error(400, "Bad Request", message, null)
    case "TooLarge":
      return error(413, "Request Entity Too Large", message, null)
    case "UnknownModel":
      return error(404, "NotFoundError", message, "model")
    case "Invalid":
    case "Unsupported":
      return error(400, "BadRequestError", message, null)
    case "Overloaded":
      return error(503, "Service Unavailable", message, null)
  }
}

/** Refuses a model of another name; no name is the one that is served. */
export const checkModel = (
  asked: string | null | undefined,
  served: string
): Effect.Effect<void, Engine.Refusal> =>
  asked === undefined || asked === null || asked === "" || asked === served
    ? Effect.void
    : Effect.fail(
        new Engine.Refusal({ reason: "UnknownModel", message: `The model \`${asked}\` does not exist.` })
      )

/** Refuses work that the model does not do. */
export const unsupported =
  (api: string): Engine.Engine["handle"] =>
  (request) =>
    json(request).pipe(
      Effect.andThen(
        Effect.fail(
          new Engine.Refusal({ reason: "Unsupported", message: `The model does not support ${api} API` })
        )
      ),
      Engine.refuseWith(dialect)
    )

const permission = {
  id: "modelperm-stint",
  object: "model_permission",
  created: 0,
  allow_create_engine: false,
  allow_sampling: true,
  allow_logprobs: true,
  allow_search_indices: false,
  allow_view: true,
  allow_fine_tuning: false,
  organization: "*",
  group: null,
  is_blocking: false
}

/** The routes that every model has. There is none at `/`. */
export const routes = (options: {
  readonly modelId: string
  readonly maxLength: number
  readonly headers: Readonly<Record<string, string>>
}): Engine.Routes => {
  const healthy = () => Effect.succeed(HttpServerResponse.empty({ status: 200 }))
  const models = {
    object: "list",
    data: [
      {
        id: options.modelId,
        object: "model",
        created: 0,
        owned_by: "vllm",
        root: options.modelId,
        parent: null,
        max_model_len: options.maxLength,
        permission: [permission]
      }
    ]
  }
  return {
    "GET /health": healthy,
    "GET /ping": healthy,
    "POST /ping": healthy,
    "GET /version": () => Effect.succeed(HttpServerResponse.jsonUnsafe({ version })),
    "GET /v1/models": () =>
      Effect.succeed(HttpServerResponse.jsonUnsafe(models, { headers: options.headers }))
  }
}

/** What the web framework says where no route is. */
export const otherwise = (status: 404 | 405): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ detail: status === 404 ? "Not Found" : "Method Not Allowed" }, { status })
