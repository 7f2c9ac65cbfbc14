/**
 * How an endpoint changes state, and when.
 *
 * ```
 * pending ─▶ initializing ─▶ running ⇄ updating          pause: at once, from any state
 *    ▲             │            │         │              paused ─ resume ─▶ pending
 *    │             ▼            ▼         ▼              scaledToZero ─ request ─▶ initializing
 *  resume        failed    scaledToZero  updateFailed
 * ```
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as ControlPlane from "@stint/core/ControlPlane"
import type * as Endpoint from "@stint/core/Endpoint"
import type { Engine } from "../Engine.ts"
import * as Meter from "../Meter.ts"
import { type Held, timestamp } from "./held.ts"
import type { Spec } from "./validation.ts"

/** The repository whose container never comes up. */
export const failing = "emulator/fail-to-start"

const messages: Readonly<Record<string, string>> = {
  pending: "Endpoint waiting to be scheduled",
  initializing: "Endpoint is initializing",
  running: "Endpoint is ready",
  updating: "Endpoint is updating",
  paused: "Endpoint is paused",
  scaledToZero: "Endpoint scaled to zero",
  failed: "Endpoint failed to start",
  updateFailed: "Endpoint failed to update"
}

const isIn = (states: ReadonlyArray<string>) => (state: Endpoint.State) => states.includes(state)

const isBilled = isIn(["initializing", "running", "updating"])
const isStarting = isIn(["pending", "initializing", "updating"])
// Everything else is on its way, states that nobody has heard of included.
const isSettled = isIn(["running", "paused", "failed", "updateFailed"])
const isDown = isIn(["paused", "scaledToZero", "failed"])

/** Changes endpoints; each change takes effect at once, and what follows from it happens on the clock. */
export interface Lifecycle {
  /** A new endpoint goes its way from `pending`. */
  readonly start: (held: Held) => Effect.Effect<void>
  readonly pause: (held: Held, by: string) => Effect.Effect<void>
  readonly resume: (held: Held, by: string) => Effect.Effect<void, ControlPlane.BadRequest>
  readonly scaleToZero: (held: Held, by: string) => Effect.Effect<void, ControlPlane.BadRequest>
  readonly update: (
    held: Held,
    by: string,
    next: { readonly spec: Spec; readonly engine: Engine }
  ) => Effect.Effect<void>
  readonly remove: (held: Held) => Effect.Effect<void>
  /** An authorised request came while the endpoint was scaled to zero. */
  readonly wake: (held: Held) => Effect.Effect<void>
  /** An authorised request begins or ends: the idle timer starts anew. */
  readonly touch: (held: Held) => Effect.Effect<void>
  /** Puts an endpoint into a state from outside; nothing follows from it, but that a running one may fall idle. */
  readonly force: (
    held: Held,
    by: string,
    next: { readonly state: Endpoint.State; readonly message: string | undefined }
  ) => Effect.Effect<void>
}

/** Makes the life cycle. Its timers end with the scope. */
export const make = Effect.fnUntraced(function* (options: {
  /** From asked to running; the first quarter is `pending`. */
  readonly boot: Duration.Duration
}): Effect.fn.Return<Lifecycle, never, Scope.Scope> {
  const timers = yield* FiberMap.make<string>()
  const lock = yield* Semaphore.make(1)
  // One change at a time, and whole: a timer or a waking request must not come between a change's steps, nor a
  // client that hangs up.
  const change = <E>(held: Held, steps: Effect.Effect<void, E>): Effect.Effect<void, E> =>
    Effect.uninterruptible(lock.withPermit(Effect.suspend(() => (held.isDeleted ? Effect.void : steps))))

  const waiting = Duration.times(options.boot, 0.25)
  const initializing = Duration.times(options.boot, 0.75)

  const enter = Effect.fnUntraced(function* (held: Held, state: Endpoint.State, errorMessage?: string) {
    const at = yield* Clock.currentTimeMillis
    const target = isDown(state) ? 0 : held.spec.replicas
    held.meter = Meter.run(held.meter, { at, replicas: isBilled(state) ? target : 0 })
    held.hasRun ||= state === "running"
    held.status = {
      ...held.status,
      state,
      message: messages[state] ?? state,
      errorMessage: errorMessage ?? null,
      targetReplica: target,
      readyReplica: state === "running" ? target : 0
    }
    yield* isSettled(state) ? held.settled.open : held.settled.close
  })

  const signed = Effect.fnUntraced(function* (held: Held, by: string) {
    const updatedAt = timestamp(yield* Clock.currentTimeNanos)
    held.status = { ...held.status, updatedAt, updatedBy: by }
  })

  const after = (held: Held, timer: string, effect: Effect.Effect<void>) =>
    Effect.asVoid(FiberMap.run(timers, `${held.id} ${timer}`, effect))

  const stopTimers = (held: Held) =>
    Effect.forEach(["boot", "idle"], (timer) => FiberMap.remove(timers, `${held.id} ${timer}`), {
      discard: true
    })

  // One fiber while the endpoint runs, however many requests come: it sleeps until the latest could have been idle.
  const fallIdle = (held: Held, minutes: number) =>
    Effect.gen(function* () {
      const timeout = minutes * 60_000
      while (true) {
        const now = yield* Clock.currentTimeMillis
        const due = (held.inFlight > 0 ? now : held.lastUsedMillis) + timeout
        if (due <= now) return yield* enter(held, "scaledToZero")
        yield* Effect.sleep(Duration.millis(due - now))
      }
    })

  const run = Effect.fnUntraced(function* (held: Held) {
    yield* enter(held, "running")
    held.lastUsedMillis = yield* Clock.currentTimeMillis
    const { idleMinutes } = held.spec
    if (idleMinutes !== undefined) yield* after(held, "idle", fallIdle(held, idleMinutes))
  })

  const comeUp = Effect.fnUntraced(function* (held: Held, failure: Endpoint.State) {
    yield* Effect.sleep(initializing)
    if (held.spec.repository === failing) {
      return yield* enter(held, failure, `Container exited with code 1: ${failing} never starts, on purpose`)
    }
    yield* run(held)
  })

  const initialize = (held: Held) => Effect.andThen(enter(held, "initializing"), comeUp(held, "failed"))

  const start = Effect.fnUntraced(function* (held: Held) {
    yield* stopTimers(held)
    yield* enter(held, "pending")
    yield* after(held, "boot", Effect.andThen(Effect.sleep(waiting), initialize(held)))
  })

  const refused = (error: string) => new ControlPlane.BadRequest({ error, code: "BAD_REQUEST" })

  const actions: Lifecycle = {
    start,
    wake: Effect.fnUntraced(function* (held) {
      // Of many requests that find it asleep, the first wakes it.
      if (held.status.state !== "scaledToZero") return
      yield* stopTimers(held)
      yield* enter(held, "initializing")
      yield* after(held, "boot", comeUp(held, "failed"))
    }),
    pause: Effect.fnUntraced(function* (held, by) {
      yield* stopTimers(held)
      yield* enter(held, "paused")
      yield* signed(held, by)
    }),
    resume: Effect.fnUntraced(function* (held, by) {
      const { state } = held.status
      if (state === "running") return yield* refused("Bad Request: Endpoint is already running")
      if (isStarting(state)) return
      yield* signed(held, by)
      yield* start(held)
    }),
    scaleToZero: Effect.fnUntraced(function* (held, by) {
      if (held.status.state === "paused") return yield* refused("Bad Request: Invalid state: paused")
      yield* stopTimers(held)
      yield* enter(held, "scaledToZero")
      yield* signed(held, by)
    }),
    update: Effect.fnUntraced(function* (held, by, { engine, spec }) {
      const at = yield* Clock.currentTimeMillis
      held.spec = spec
      held.engine = engine
      held.meter = Meter.reprice(held.meter, { at, pricePerHour: spec.pricePerHour })
      yield* signed(held, by)
      const { state } = held.status
      if (state === "paused" || state === "scaledToZero") return
      if (state !== "running" && state !== "updating" && state !== "updateFailed") return yield* start(held)
      yield* stopTimers(held)
      yield* enter(held, "updating")
      yield* after(held, "boot", comeUp(held, "updateFailed"))
    }),
    remove: Effect.fnUntraced(function* (held) {
      yield* stopTimers(held)
      held.isDeleted = true
      yield* enter(held, "paused")
    }),
    force: Effect.fnUntraced(function* (held, by, { message, state }) {
      yield* stopTimers(held)
      if (state === "running") yield* run(held)
      else yield* enter(held, state)
      yield* signed(held, by)
      const isFailure = state === "failed" || state === "updateFailed"
      if (message !== undefined)
        held.status = { ...held.status, ...(isFailure ? { errorMessage: message } : { message }) }
    }),
    touch: Effect.fnUntraced(function* (held) {
      held.lastUsedMillis = yield* Clock.currentTimeMillis
      held.status = { ...held.status, lastUsedAt: timestamp(yield* Clock.currentTimeNanos) }
    })
  }
  return {
    ...actions,
    start: (held) => change(held, actions.start(held)),
    wake: (held) => change(held, actions.wake(held)),
    pause: (held, by) => change(held, actions.pause(held, by)),
    resume: (held, by) => change(held, actions.resume(held, by)),
    scaleToZero: (held, by) => change(held, actions.scaleToZero(held, by)),
    update: (held, by, next) => change(held, actions.update(held, by, next)),
    remove: (held) => change(held, actions.remove(held)),
    force: (held, by, next) => change(held, actions.force(held, by, next))
  }
})
