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
import * as Autoscale from "./autoscale.ts"
import { type Held, person } from "./held.ts"
import * as Instant from "./instant.ts"
import * as Narrate from "./narrate.ts"
import * as Replicas from "./replicas.ts"
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

const isStarting = isIn(["pending", "initializing", "updating"])
// Everything else is on its way, states that nobody has heard of included.
const isSettled = isIn(["paused", "failed", "updateFailed"])
const isDown = isIn(["paused", "scaledToZero", "failed"])

const stages: Readonly<Record<string, Replicas.Stage>> = {
  pending: "pending",
  initializing: "initializing",
  updating: "initializing",
  running: "running"
}

/** What is wrong with one boot. */
export interface BootFault {
  readonly takes?: Duration.Duration | undefined
  readonly stuck?: Endpoint.State | undefined
  readonly fails?: string | undefined
}

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
  /** A replica dies with what it has in hand; another one takes its place and boots. */
  readonly kill: (held: Held, replica: Replicas.Replica) => Effect.Effect<void>
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
  /** From an update to running again. */
  readonly update: Duration.Duration
  /** Asked once at each boot, and at each update. */
  readonly bootFault: (held: Held) => Effect.Effect<BootFault>
}): Effect.fn.Return<Lifecycle, never, Scope.Scope> {
  const { bootFault } = options
  const timers = yield* FiberMap.make<string>()
  const lock = yield* Semaphore.make(1)
  // One change at a time, and whole: a timer or a waking request must not come between a change's steps, nor a
  // client that hangs up.
  const change = <E>(held: Held, steps: Effect.Effect<void, E>): Effect.Effect<void, E> =>
    Effect.uninterruptible(lock.withPermit(Effect.suspend(() => (held.isDeleted ? Effect.void : steps))))

  /** Lets the bill, the telemetry and waiting requests see how many replicas there are. */
  const reflect = Effect.fnUntraced(function* (held: Held) {
    const at = yield* Clock.currentTimeMillis
    const [billed, running] = [Replicas.billed(held), Replicas.running(held)]
    held.meter = Meter.run(held.meter, { at, replicas: billed })
    held.telemetry.replicas(at, running, billed - running)
    yield* running > 0 || isSettled(held.status.state) ? held.settled.open : held.settled.close
  })

  const enter = Effect.fnUntraced(function* (held: Held, state: Endpoint.State, errorMessage?: string) {
    const { maxReplicas, replicas } = held.spec
    const stage = stages[state]
    held.target = isDown(state) ? 0 : Math.min(Math.max(held.target, replicas), maxReplicas)
    // An update rolls: what serves afterwards is new.
    if (stage === undefined || state === "updating") held.replicas = []
    if (stage !== undefined) Replicas.shape(held, held.target, stage)
    held.hasRun ||= state === "running"
    held.status = {
      ...held.status,
      state,
      message: messages[state] ?? state,
      errorMessage: errorMessage ?? null
    }
    yield* reflect(held)
  })

  const signed = Effect.fnUntraced(function* (held: Held, by: string) {
    const updatedAt = Instant.format(yield* Clock.currentTimeNanos)
    held.status = { ...held.status, updatedAt, updatedBy: person(by) }
  })

  const after = (held: Held, timer: string, effect: Effect.Effect<void>) =>
    Effect.asVoid(FiberMap.run(timers, `${held.id} ${timer}`, effect))

  const stop = (held: Held, names: ReadonlyArray<string>) =>
    Effect.forEach(names, (timer) => FiberMap.remove(timers, `${held.id} ${timer}`), { discard: true })

  const stopReplicas = (held: Held) =>
    Effect.andThen(
      stop(held, ["scale"]),
      Effect.suspend(() =>
        stop(
          held,
          held.replicas.map(({ id }) => id)
        )
      )
    )

  const stopTimers = (held: Held) => Effect.andThen(stop(held, ["boot", "idle"]), stopReplicas(held))

  // One fiber while the endpoint runs, however many requests come: it sleeps until the latest could have been idle.
  const fallIdle = (held: Held, minutes: number) =>
    Effect.gen(function* () {
      const timeout = minutes * 60_000
      while (true) {
        const now = yield* Clock.currentTimeMillis
        const due = (held.inFlight > 0 ? now : held.lastUsedMillis) + timeout
        if (due <= now) {
          yield* stopReplicas(held)
          return yield* enter(held, "scaledToZero")
        }
        // Whole milliseconds: a rest too small to sleep for would be waited for without end.
        yield* Effect.sleep(Duration.millis(Math.ceil(due - now)))
      }
    })

  /** One replica of a running endpoint boots by itself. */
  const join = (held: Held, replica: Replicas.Replica, waiting: Duration.Duration) =>
    after(
      held,
      replica.id,
      Effect.gen(function* () {
        if (replica.stage === "pending") {
          yield* Effect.sleep(waiting)
          replica.stage = "initializing"
          yield* reflect(held)
        }
        yield* Narrate.booting(held, replica.id)
        yield* Effect.sleep(Duration.times(options.boot, 0.75))
        if (!held.replicas.includes(replica)) return
        replica.stage = "running"
        yield* Narrate.ready(held, replica.id)
        yield* reflect(held)
      })
    )

  const scaleTo = Effect.fnUntraced(function* (held: Held, target: number) {
    held.target = target
    const surplus = held.replicas.slice(target)
    yield* stop(
      held,
      surplus.map(({ id }) => id)
    )
    for (const replica of surplus) Replicas.remove(held, replica)
    while (held.replicas.length < target)
      yield* join(held, Replicas.add(held, "pending"), Duration.times(options.boot, 0.25))
    yield* reflect(held)
  })

  const run = Effect.fnUntraced(function* (held: Held) {
    yield* enter(held, "running")
    for (const { id } of held.replicas) yield* Narrate.ready(held, id)
    held.lastUsedMillis = yield* Clock.currentTimeMillis
    const { idleMinutes, maxReplicas, replicas } = held.spec
    if (idleMinutes !== undefined) yield* after(held, "idle", fallIdle(held, idleMinutes))
    if (maxReplicas > replicas)
      yield* after(
        held,
        "scale",
        Autoscale.loop(held, (target) => scaleTo(held, target))
      )
  })

  const comeUp = Effect.fnUntraced(function* (
    held: Held,
    fault: BootFault,
    duration: Duration.Duration,
    failure: Endpoint.State
  ) {
    if (fault.stuck === held.status.state) return yield* Effect.never
    for (const { id } of held.replicas) yield* Narrate.booting(held, id)
    yield* Effect.sleep(duration)
    const reason =
      fault.fails ?? (held.spec.repository === failing ? `${failing} never starts, on purpose` : undefined)
    if (reason === undefined) return yield* run(held)
    for (const { id } of held.replicas) yield* Narrate.exited(held, id, reason)
    yield* enter(held, failure, `Container exited with code 1: ${reason}`)
  })

  const start = Effect.fnUntraced(function* (held: Held) {
    yield* stopTimers(held)
    const fault = yield* bootFault(held)
    const boot = fault.takes ?? options.boot
    held.replicas = []
    yield* enter(held, "pending")
    yield* after(
      held,
      "boot",
      Effect.gen(function* () {
        if (fault.stuck === "pending") return yield* Effect.never
        yield* Effect.sleep(Duration.times(boot, 0.25))
        yield* enter(held, "initializing")
        yield* comeUp(held, fault, Duration.times(boot, 0.75), "failed")
      })
    )
  })

  const refused = (error: string) => new ControlPlane.BadRequest({ error, code: "BAD_REQUEST" })

  const actions: Lifecycle = {
    start,
    wake: Effect.fnUntraced(function* (held) {
      // Of many requests that find it asleep, the first wakes it.
      if (held.status.state !== "scaledToZero") return
      yield* stopTimers(held)
      const fault = yield* bootFault(held)
      yield* enter(held, "initializing")
      yield* after(
        held,
        "boot",
        comeUp(held, fault, fault.takes ?? Duration.times(options.boot, 0.75), "failed")
      )
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
      held.meter = Meter.reprice(held.meter, { at, pricePerHour: spec.hardware.instance.pricePerHour })
      yield* signed(held, by)
      const { state } = held.status
      if (state === "paused" || state === "scaledToZero") return
      if (state !== "running" && state !== "updating" && state !== "updateFailed") return yield* start(held)
      yield* stopTimers(held)
      const fault = yield* bootFault(held)
      yield* enter(held, "updating")
      yield* after(held, "boot", comeUp(held, fault, fault.takes ?? options.update, "updateFailed"))
    }),
    remove: Effect.fnUntraced(function* (held) {
      yield* stopTimers(held)
      held.isDeleted = true
      yield* enter(held, "paused")
      held.log.end()
    }),
    kill: Effect.fnUntraced(function* (held, replica) {
      if (!held.replicas.includes(replica)) return
      yield* stop(held, [replica.id])
      Replicas.remove(held, replica)
      yield* Narrate.exited(held, replica.id, "killed")
      yield* replica.death.open
      // The hardware stays, and is billed: only the container starts anew.
      yield* join(held, Replicas.add(held, "initializing"), Duration.zero)
      yield* reflect(held)
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
      held.lastUsed = yield* Clock.currentTimeNanos
      held.lastUsedMillis = Number(held.lastUsed / 1_000_000n)
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
    kill: (held, replica) => change(held, actions.kill(held, replica)),
    force: (held, by, next) => change(held, actions.force(held, by, next))
  }
})
