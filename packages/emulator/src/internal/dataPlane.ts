/** The proxy in front of an endpoint's replicas: who may pass, and what it says when nobody is there. */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Access } from "./access.ts"
import type { Held } from "./held.ts"
import type { Lifecycle } from "./lifecycle.ts"
import * as Refusal from "./refusal.ts"
import type { RequestLog } from "./requestLog.ts"

/** What a transport serves. */
export type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  HttpServerRequest.HttpServerRequest
>

const cold = Refusal.refusal(503, "503 Service Unavailable", "SERVICE_UNAVAILABLE")

const paused = Refusal.refusal(
  400,
  "Bad Request: The endpoint is paused, ask a maintainer to restart it",
  "BAD_REQUEST"
)

const permission = "inference.endpoints.infer.write"

const decodeInputs = Schema.decodeUnknownEffect(
  Schema.fromJsonString(
    Schema.Struct({ inputs: Schema.optionalKey(Schema.Json), input: Schema.optionalKey(Schema.Json) })
  )
)

// As much as the most generous engine reads.
const countedLimit = ByteSize.mebibytes(64)

/** How many inputs a request holds: the length of a list, one for anything else that was sent. */
const countInputs = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<number> => {
  if (request.method !== "POST") return Effect.succeed(0)
  if (!(request.headers["content-type"] ?? "").includes("json")) return Effect.succeed(1)
  // Through `arrayBuffer`, which is what engines read: the body is received once.
  return request.arrayBuffer.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, countedLimit),
    Effect.flatMap((bytes) => decodeInputs(new TextDecoder().decode(bytes))),
    Effect.map(({ input, inputs = input }) => (Array.isArray(inputs) ? inputs.length : 1)),
    Effect.orElseSucceed(() => 1)
  )
}

const patienceOf = (request: HttpServerRequest.HttpServerRequest): Duration.Duration => {
  const seconds = Number(request.headers["x-scale-up-timeout"] ?? 0)
  return Duration.seconds(Number.isFinite(seconds) && seconds > 0 ? seconds : 0)
}

/** Makes the data plane of one endpoint. */
export const make = (options: {
  readonly held: Held
  readonly access: Access
  readonly lifecycle: Lifecycle
  readonly log: RequestLog
}): App => {
  const { access, held, lifecycle, log } = options

  /** Why a request may not pass, if so. */
  const gate = (request: HttpServerRequest.HttpServerRequest) => {
    if (held.spec.isPublic) return undefined
    const permissions = access(request.headers["authorization"])
    if (permissions === undefined) return Refusal.unauthorized
    return permissions.includes(permission) ? undefined : Refusal.missingPermission(permission)
  }

  /** Waits for a running replica as long as the request allows; answers what is in the way, if anything. */
  const replica = Effect.fnUntraced(function* (patience: Duration.Duration) {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
    while (true) {
      const { state } = held.status
      if (held.isDeleted) return Refusal.notFound
      if (state === "running") return undefined
      if (state === "paused") return paused
      if (state === "failed" || state === "updateFailed") return cold
      if (state === "scaledToZero") yield* lifecycle.wake(held)
      const left = until - (yield* Clock.currentTimeMillis)
      if (left <= 0) return cold
      yield* Effect.timeoutOption(held.settled.await, Duration.millis(left))
    }
  })

  const compute = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.acquireUseRelease(
      Effect.andThen(
        lifecycle.touch(held),
        Effect.sync(() => {
          held.inFlight += 1
        })
      ),
      () => held.engine.handle(request),
      () => {
        held.inFlight -= 1
        return lifecycle.touch(held)
      }
    )

  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    let inputs = 0
    const answer = Effect.gen(function* () {
      const refused = gate(request) ?? (yield* replica(patienceOf(request)))
      if (refused !== undefined) return refused
      inputs = yield* countInputs(request)
      return yield* compute(request)
    })
    return yield* log.around({ plane: "data", request, endpoint: held.name, inputs: () => inputs })(answer)
  })
}
