/** The proxy in front of an endpoint's replicas: who may pass, and what it says when nobody is there. */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Access } from "./access.ts"
import * as Faults from "./faults.ts"
import type { Held } from "./held.ts"
import type { Lifecycle } from "./lifecycle.ts"
import * as Narrate from "./narrate.ts"
import * as Refusal from "./refusal.ts"
import * as Replicas from "./replicas.ts"
import type { RequestLog } from "./requestLog.ts"
import { stranger } from "./account.ts"
import { type App, Cut } from "./wire.ts"

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
  readonly faults: Faults.Faults
}): App => {
  const { access, faults, held, lifecycle, log } = options

  /** Why a request may not pass, if so. */
  const gate = (request: HttpServerRequest.HttpServerRequest) => {
    if (held.spec.isPublic) return undefined
    const permissions = access(request.headers["authorization"])
    if (permissions === undefined) return Refusal.unauthorized
    return permissions.includes(permission) ? undefined : Refusal.missingPermission(permission)
  }

  /** Waits for a running replica as long as the request allows; answers what is in the way, if anything. */
  const find = Effect.fnUntraced(function* (patience: Duration.Duration) {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(patience)
    while (true) {
      const { state } = held.status
      if (held.isDeleted) return Refusal.notFound
      if (state === "running") {
        const replica = Replicas.pick(held)
        if (replica !== undefined) return replica
      }
      if (state === "paused") return Refusal.paused
      if (state === "failed" || state === "updateFailed") return Refusal.cold
      if (state === "scaledToZero") yield* lifecycle.wake(held)
      const left = until - (yield* Clock.currentTimeMillis)
      if (left <= 0) return Refusal.cold
      yield* Effect.timeoutOption(held.settled.await, Duration.millis(left))
    }
  })

  /** An answer that goes on after its head: its end restarts the idle timer, and its replica's death ends it. */
  const streamed = (response: HttpServerResponse.HttpServerResponse, replica: Replicas.Replica) => {
    const { body } = response
    if (body._tag !== "Stream") return response
    const stream = Stream.ensuring(body.stream, lifecycle.touch(held))
    return HttpServerResponse.setBody(
      response,
      HttpBody.stream(
        faults.canKill
          ? Stream.interruptWhen(stream, Effect.andThen(replica.death.await, new Cut()))
          : stream,
        body.contentType,
        body.contentLength
      )
    )
  }

  const compute = (request: HttpServerRequest.HttpServerRequest, replica: Replicas.Replica) =>
    Effect.acquireUseRelease(
      Effect.andThen(
        lifecycle.touch(held),
        Effect.sync(() => {
          held.inFlight += 1
          replica.inFlight += 1
        })
      ),
      () => {
        const answer = Effect.map(held.engine.handle(request), (response) => streamed(response, replica))
        if (!faults.canKill) return answer
        return Effect.gen(function* () {
          if (yield* Faults.ReplicaDies) yield* lifecycle.kill(held, replica)
          return yield* Effect.raceFirst(Effect.as(replica.death.await, Refusal.badGateway), answer)
        })
      },
      () => {
        held.inFlight -= 1
        replica.inFlight -= 1
        return lifecycle.touch(held)
      }
    )

  /** Whatever becomes of the request: it counts from its arrival to its answer. */
  const measured = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, seen: Seen) {
    const began = yield* Clock.currentTimeMillis
    held.telemetry.begin(began)
    return yield* answer(request, seen).pipe(
      Effect.onExit((exit) =>
        Effect.gen(function* () {
          const now = yield* Clock.currentTimeMillis
          const status = Exit.isSuccess(exit) ? exit.value.status : 499
          const millis = now - began
          held.telemetry.end(now, { status, millis, replica: seen.replica })
          if (seen.replica === undefined) return
          yield* Narrate.served(held, seen.replica, {
            method: request.method,
            path: Engine.path(request),
            status,
            millis
          })
        })
      )
    )
  })

  const answer = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, seen: Seen) {
    const refused = gate(request)
    if (refused !== undefined) return refused
    const found = yield* find(patienceOf(request))
    if (HttpServerResponse.isHttpServerResponse(found)) return found
    seen.replica = found.id
    seen.inputs = yield* countInputs(request)
    return yield* compute(request, found)
  })

  const blows: Faults.Blows = {
    setState: (state, message) => lifecycle.force(held, stranger, { state, message })
  }

  return Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { method } = request
    const path = Engine.path(request)
    const seen: Seen = { inputs: 0, replica: undefined }
    const subject = { plane: "data" as const, route: undefined, method, path, endpoint: held.name }
    return yield* measured(request, seen).pipe(
      faults.around(subject, blows),
      log.around({ plane: "data", request, endpoint: held.name, inputs: () => seen.inputs })
    )
  })
}

/** What is learnt of a request on its way. */
interface Seen {
  inputs: number
  replica: string | undefined
}
