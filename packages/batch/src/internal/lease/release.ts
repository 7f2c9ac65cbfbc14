/**
 * Putting an endpoint to sleep and reading back that it sleeps.
 */
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { type ApiError, ReleaseUnconfirmed } from "@stint/core/EndpointError"
import type { Endpoint } from "@stint/core/Endpoint"
import type { Endpoints } from "@stint/core/Endpoints"
import type { Change } from "@stint/core/EndpointSpec"
import * as Policy from "@stint/core/Policy"
import type { ReleasePolicy } from "../../ManagedEndpoint.ts"

type Step = "pause" | "scaleToZero" | "delete" | "leave"

/** What a policy comes to for an endpoint that was found in a state; `undefined`: there was none. */
export const stepFor = (policy: ReleasePolicy, foundState: string | undefined): Step => {
  if (policy === "keep") return "leave"
  if (policy !== "restore") return policy
  if (foundState === "scaledToZero") return "scaleToZero"
  return foundState === undefined || foundState === "paused" || foundState === "failed" ? "pause" : "leave"
}

const isDone = (step: Step, state: string) =>
  step === "pause"
    ? state === "paused"
    : step === "scaleToZero"
      ? state === "scaledToZero" || state === "paused"
      : false

/** Soon at first, then every ten seconds, for as long as the release may take. */
const again = Schedule.min([Schedule.exponential("500 millis"), Schedule.spaced("10 seconds")])

/**
 * How often in a row a token may be refused. It may be known to one of the API's servers and not yet to another; but one
 * that is revoked stays so, and whoever can still end the bill should hear of it soon.
 */
const REFUSALS = 4

/** What is answered when somebody else has the endpoint by now. */
export const leftToOthers = "left to others"

class NotOurs {
  readonly _tag = "NotOurs"
}

class NotYet {
  readonly _tag = "NotYet"
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

const isRefusal = (error: NotYet | ApiError) =>
  error._tag === "ApiError" && (error.reason._tag === "Unauthorized" || error.reason._tag === "Forbidden")

/**
 * Releases, and answers with the state that was read back (`deleted` when there is nothing left).
 * Everything is retried until the time is up, whatever the failure: giving up early is what costs. Only a token that is
 * refused again and again is given up before that.
 */
export const release = Effect.fnUntraced(function* (
  endpoints: Endpoints["Service"],
  options: {
    readonly name: string
    readonly namespace: string | undefined
    readonly policy: ReleasePolicy
    readonly foundState: string | undefined
    /** What to change back once it sleeps. */
    readonly putBack: Change | undefined
    readonly timeout: Duration.Input
    /** Told at each look what was seen; `undefined`: it is gone. */
    readonly onSeen?: ((endpoint: Endpoint | undefined) => Effect.Effect<void>) | undefined
    readonly pricePerHour: number | undefined
    /** Asked before each call: once it is not ours to release, nothing more is done to it. */
    readonly isOurs?: Effect.Effect<boolean> | undefined
  }
) {
  const { name, onSeen = () => Effect.void } = options
  const step = stepFor(options.policy, options.foundState)
  const lastSeen = yield* Ref.make<{ state?: string; detail?: string }>({})
  // In a fiber of its own: what is uninterruptible cannot be ended by its own clock, and this must be. Each call is sent
  // once and not waited for long: an order whose answer hangs may have been carried out, and only a read will tell.
  const bounded = <A>(effect: Effect.Effect<A>) =>
    effect.pipe(
      Effect.provideService(Policy.CurrentTransient, Schedule.recurs(0)),
      Effect.provideService(Policy.CurrentCallTimeout, "10 seconds"),
      Effect.timeoutOption(options.timeout),
      Effect.interruptible,
      Effect.forkDetach({ startImmediately: true }),
      Effect.flatMap(Fiber.join)
    )

  if (step === "leave") {
    const left = endpoints.get(name).pipe(
      Effect.tap(onSeen),
      Effect.map((endpoint) => endpoint.state),
      Effect.orElseSucceed(() => "unknown")
    )
    return Option.getOrElse(yield* bounded(left), () => "unknown")
  }

  const act =
    step === "pause"
      ? Effect.tap(endpoints.pause(name), onSeen)
      : step === "scaleToZero"
        ? Effect.tap(endpoints.scaleToZero(name), onSeen)
        : endpoints.delete(name)

  const readBack = endpoints.get(name).pipe(
    Effect.tap(onSeen),
    Effect.flatMap((endpoint) =>
      isDone(step, endpoint.state)
        ? Effect.succeed(endpoint.state)
        : Effect.andThen(
            Ref.set(lastSeen, { state: endpoint.state }),
            Effect.fail(new NotYet(`it answers "${endpoint.state}" after ${step}`))
          )
    )
  )

  const fence = Effect.flatMap(options.isOurs ?? Effect.succeed(true), (isOurs) =>
    isOurs ? Effect.void : Effect.fail(new NotOurs())
  )
  // A refused or lost call proves nothing either way: what counts is what is read back.
  const order = act.pipe(
    Effect.matchEffect({
      onSuccess: () => readBack,
      onFailure: (error) =>
        error._tag === "NotFound"
          ? Effect.fail(error)
          : Effect.mapError(readBack, (seen) => (seen._tag === "NotFound" ? seen : error))
    }),
    Effect.catchTag("NotFound", () => Effect.as(onSeen(undefined), "deleted"))
  )
  const attempt = Effect.andThen(fence, order).pipe(
    Effect.catchTag("NotOurs", () => Effect.succeed(leftToOthers)),
    Effect.tapError((error) => {
      const detail = error._tag === "NotYet" ? error.detail : error.message
      return Effect.andThen(
        Ref.update(lastSeen, (seen) => ({ ...seen, detail })),
        Effect.logWarning(`Release of endpoint "${name}" not confirmed yet: ${detail}`)
      )
    })
  )

  let refusals = 0
  const untilDone = attempt.pipe(
    Effect.retry({
      schedule: again,
      while: (error) => {
        refusals = isRefusal(error) ? refusals + 1 : 0
        return refusals < REFUSALS
      }
    })
  )

  // Only now: a running endpoint would be rolled. Should the change wake it, it is put to sleep again.
  const { putBack } = options
  const unchange =
    putBack === undefined || step === "delete"
      ? undefined
      : endpoints.update(name, putBack).pipe(
          Effect.map((endpoint) => endpoint.isAsleep),
          Effect.catch((error) =>
            Effect.as(
              Effect.logWarning(
                `Endpoint "${name}" sleeps, but its scaling could not be put back as it was: ${error.message}`
              ),
              false
            )
          )
        )
  const wholly = Effect.gen(function* () {
    const state = yield* untilDone
    const isOver = unchange === undefined || state === "deleted" || state === leftToOthers
    if (isOver || (yield* unchange)) return state
    return yield* untilDone
  })

  const state = Option.flatten(
    yield* bounded(
      wholly.pipe(
        Effect.map(Option.some),
        Effect.orElseSucceed(() => Option.none<string>())
      )
    )
  )
  if (Option.isSome(state)) return state.value
  const seen = yield* Ref.get(lastSeen)
  return yield* new ReleaseUnconfirmed({
    namespace: options.namespace,
    name,
    policy: options.policy,
    state: seen.state,
    pricePerHour: options.pricePerHour,
    detail: seen.detail ?? `no answer within ${Duration.format(Duration.fromInputUnsafe(options.timeout))}`
  })
})
