/**
 * The calls that change an endpoint: create, update, delete, pause, resume, scale to zero.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Endpoint } from "../Endpoint.ts"
import { type ApiError, Conflict, InvalidRequest, type NotFound } from "../EndpointError.ts"
import * as EndpointSpec from "../EndpointSpec.ts"
import * as Image from "../Image.ts"
import * as ApiCall from "./apiCall.ts"
import {
  type Calls,
  type Connection,
  answerOf,
  isAlreadyRunning,
  isQuota,
  notFound,
  quotaExceeded
} from "./connection.ts"

/** How far the server's clock may be from ours. */
const CLOCK_SKEW = 5 * 60_000

/** Whether an endpoint that is there after a lost answer is the one that the call made, and no older one of the name. */
const isSameDeployment = (endpoint: Endpoint, spec: EndpointSpec.EndpointSpec, since: number) =>
  !isOlder(endpoint, since - CLOCK_SKEW) &&
  endpoint.model?.repository === spec.repository &&
  endpoint.compute?.instanceType === spec.instanceType &&
  endpoint.compute?.instanceSize === spec.instanceSize

const isOlder = (endpoint: Endpoint, moment: number) => {
  const created = DateTime.make(endpoint.status.createdAt ?? "")
  return Option.isSome(created) && DateTime.toEpochMillis(created.value) < moment
}

const warnOfDrift = (spec: EndpointSpec.EndpointSpec, endpoint: Endpoint) => {
  const dropped = EndpointSpec.drift(spec, endpoint)
  return dropped.length === 0
    ? Effect.void
    : Effect.logWarning(
        `Endpoint "${endpoint.name}" is not as asked. The server dropped or changed: ${dropped.map(({ path }) => path).join(", ")}.`
      )
}

const named = (image: Image.Image) => Object.values(image)[0]

export const make = (connection: Connection, { call, existing, once }: Calls) => {
  const routes = connection.api.endpoints

  const get = (name: string) => existing("get", name, (request) => routes.get(request))

  const alreadyThere = (name: string, spec: EndpointSpec.EndpointSpec, since: number) =>
    get(name).pipe(
      Effect.map((endpoint) =>
        isSameDeployment(endpoint, spec, since) ? Option.some(endpoint) : Option.none()
      ),
      Effect.catchTag("NotFound", () => Effect.succeedNone)
    )

  const create = Effect.fn("Endpoints.create")(function* (name: string, spec: EndpointSpec.EndpointSpec) {
    const payload = EndpointSpec.toCreateBody(name, spec)
    const since = yield* Clock.currentTimeMillis
    const attempt = once("create", name, ({ params: { namespace } }) =>
      routes.create({ params: { namespace }, payload })
    )
    // A retried POST must not make two: whether the first one happened is looked up before each further one.
    const lookThenAttempt = Effect.flatMap(alreadyThere(name, spec, since), (found) =>
      Option.isSome(found) ? Effect.succeed(found.value) : attempt
    )
    const endpoint = yield* attempt.pipe(
      Effect.catchIf(
        (error) => error.isTransient,
        () => ApiCall.retryTransient(Effect.mapError(lookThenAttempt, asApiError))
      ),
      Effect.mapError((error) =>
        error.reason.status === 409 && !isQuota(error)
          ? new Conflict({ namespace: error.namespace, name, ...answerOf(error) })
          : quotaExceeded(name)(error)
      )
    )
    yield* warnOfDrift(spec, endpoint)
    return endpoint
  })

  /** The API gives registry passwords back blank: an image that is written whole without them wipes them. */
  const keepCredentials = Effect.fnUntraced(function* (name: string, image: Image.Image) {
    if (Image.bringsCredentials(image)) return
    const endpoint = yield* get(name)
    if (!Image.hasCredentials(endpoint.model?.image)) return
    const url = "url" in (named(image) ?? {}) ? "" : " and its url"
    return yield* ApiCall.apiError(
      { method: "update", name },
      new InvalidRequest({
        detail: `not sent: the endpoint's image has registry credentials, which the API never gives back. Give the image's credentials${url} again with it, or leave the image out`
      })
    )
  })

  return {
    get: Effect.fn("Endpoints.get")(get),
    create,
    update: Effect.fn("Endpoints.update")(function* (name: string, change: EndpointSpec.Change) {
      if (change.image !== undefined) yield* keepCredentials(name, change.image)
      return yield* call("update", name, (request) =>
        routes.update({ ...request, payload: EndpointSpec.toUpdateBody(change) })
      ).pipe(
        Effect.mapError(quotaExceeded(name)),
        Effect.catchTag("ApiError", (error) => Effect.fail(notFound(name)(error)))
      )
    }),
    delete: Effect.fn("Endpoints.delete")(function* (name: string) {
      yield* existing("delete", name, (request) => routes.delete(request))
    }),
    pause: Effect.fn("Endpoints.pause")(function* (name: string) {
      return yield* existing("pause", name, (request) => routes.pause(request))
    }),
    resume: Effect.fn("Endpoints.resume")(function* (
      name: string,
      options?: { readonly failIfRunning?: boolean | undefined }
    ) {
      return yield* call("resume", name, (request) => routes.resume(request)).pipe(
        Effect.catchIf(
          (error) => isAlreadyRunning(error) && options?.failIfRunning !== true,
          () => get(name)
        ),
        Effect.catchTag("ApiError", (error) => Effect.fail(notFound(name)(error))),
        Effect.catchTag("ApiError", (error) => Effect.fail(quotaExceeded(name)(error)))
      )
    }),
    scaleToZero: Effect.fn("Endpoints.scaleToZero")(function* (name: string) {
      return yield* existing("scale-to-zero", name, (request) => routes.scaleToZero(request))
    })
  }
}

const asApiError = (error: ApiError | NotFound): ApiError =>
  error._tag === "ApiError"
    ? error
    : ApiCall.apiError({ method: "create", name: error.name }, new InvalidRequest({ detail: error.message }))
