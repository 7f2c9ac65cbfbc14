/**
 * Attempts in flight: each is a fiber of its own with a deadline, and lands once, with an answer or a fault.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { Fault, transport } from "../../Fault.ts"
import type { Controller } from "../../Limit.ts"
import type { Cells } from "../../Progress.ts"
import type { Flight } from "./deadlines.ts"
import { isFault } from "./entry.ts"
import type { Gate } from "./gate.ts"
import { type Pack, tokensOf } from "../packing/pack.ts"
import { type Fate, usageOf } from "./production.ts"
import type { Turnstile } from "./turnstile.ts"

/** How an attempt ended. */
export interface Landed<Out, E> {
  /**
   * What became of each item; the fault of all; the cause where the job has a defect; nothing when it was cut off at the end of
   * the run.
   */
  readonly result: Result.Result<ReadonlyArray<Fate<Out, E>>, E | Fault> | Cause.Cause<never> | undefined
  /** How often the gate had been opened when it was sent. */
  readonly era: number
}

export interface Options<In, Out, E, R> {
  readonly produce: (pack: Pack<In>) => Effect.Effect<ReadonlyArray<Fate<Out, E>>, E | Fault, R>
  /** Whether requests may hold different numbers of items: then what they bring is counted by weight. */
  readonly isPacking: boolean
  readonly fork: <A, E1>(effect: Effect.Effect<A, E1, R>) => Fiber.Fiber<A, E1>
  readonly clock: Clock.Clock
  readonly gate: Gate<unknown>
  readonly turnstile: Turnstile
  readonly controller: Controller
  readonly cells: Cells
  readonly timeout: Duration.Duration
  /** Runs what is not ours; what it throws ends the run. */
  readonly guard: (run: () => void) => void
}

const interrupted = new Fault({ reason: "row", detail: "the job interrupted itself" })

export const make = <In, Out, E, R>(options: Options<In, Out, E, R>) => {
  const { cells, clock, controller, gate, isPacking, produce, turnstile } = options
  const timeout = Duration.toMillis(options.timeout)
  const flights = new Set<Flight>()
  let end = Infinity
  let isClosing = false

  const overdue = (at: number, { deadline }: Pack<In>) => {
    if (at >= end) return undefined
    return transport(
      at >= deadline ? "the item has had its time" : `no answer within ${Duration.format(options.timeout)}`
    )
  }

  const resultOf = (
    pack: Pack<In>,
    flight: Flight,
    exit: Exit.Exit<ReadonlyArray<Fate<Out, E>>, E | Fault>,
    at: number
  ): Landed<Out, E>["result"] => {
    if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
    if (flight.isOver) {
      const fault = overdue(at, pack)
      return fault && Result.fail(fault)
    }
    if (isClosing) return undefined
    if (Cause.hasInterruptsOnly(exit.cause)) return Result.fail(interrupted)
    const error = Cause.findError(exit.cause)
    return Result.isSuccess(error) ? Result.fail(error.success) : error.failure
  }

  const sampleOf = (result: Landed<Out, E>["result"], { weight }: Pack<In>) => {
    if (!Result.isResult(result)) return undefined
    if (Result.isFailure(result))
      return { reason: isFault(result.failure) ? result.failure.reason : undefined }
    const usage = usageOf(result.success)
    return { reason: undefined, usage, worth: usage?.outputTokens ?? (isPacking ? weight : undefined) }
  }

  const tellLimit = (pack: Pack<In>, result: Landed<Out, E>["result"], sentAt: number, at: number) => {
    const sample = sampleOf(result, pack)
    if (sample === undefined) return
    controller.onSample({
      reason: sample.reason,
      at,
      durationMillis: at - sentAt,
      inFlight: turnstile.inside(),
      outputTokens: sample.worth,
      isSaturated: turnstile.isWaitedFor()
    })
    const { inputTokens, outputTokens } = sample.usage ?? {}
    if (controller.settle === undefined || (inputTokens ?? outputTokens) === undefined) return
    controller.settle(tokensOf(pack), (inputTokens ?? tokensOf(pack)) + (outputTokens ?? 0))
  }

  /**
   * Sends a pack that has its place, and gives the place back when the attempt has landed. `land` is called once, perhaps
   * before this returns.
   */
  const launch = (pack: Pack<In>, land: (landed: Landed<Out, E>) => void): Flight => {
    const sentAt = clock.currentTimeMillisUnsafe()
    const era = gate.era()
    cells.inFlight++
    const fiber = options.fork(produce(pack))
    let isLanded = false
    const landing = (exit: Exit.Exit<ReadonlyArray<Fate<Out, E>>, E | Fault>) => {
      if (isLanded) return
      isLanded = true
      const at = clock.currentTimeMillisUnsafe()
      flights.delete(flight)
      cells.inFlight--
      const result = resultOf(pack, flight, exit, at)
      options.guard(() => tellLimit(pack, result, sentAt, at))
      // First what it means: a gate that it closes is to be closed before the next one comes through.
      land({ result, era })
      turnstile.leave()
    }
    const flight: Flight = {
      fiber,
      deadline: Math.min(sentAt + timeout, pack.deadline, end),
      isOver: false,
      abandon: () => landing(Exit.interrupt())
    }
    flights.add(flight)
    fiber.addObserver(landing)
    return flight
  }

  return {
    launch,
    flights,
    /** The same, waited for. */
    attempt: (pack: Pack<In>): Effect.Effect<Landed<Out, E>> =>
      Effect.callback((resume) => {
        const { fiber } = launch(pack, (landed) => resume(Effect.succeed(landed)))
        return Effect.sync(() => fiber.interruptUnsafe())
      }),
    /** Whatever is in flight then is cut off. */
    endAt: (at: number) => {
      end = at
      for (const flight of flights) flight.deadline = Math.min(flight.deadline, at)
    },
    interruptAll: Effect.suspend(() => {
      isClosing = true
      return Fiber.interruptAll([...flights].map(({ fiber }) => fiber))
    })
  }
}

export type Attempts<In, Out, E> = ReturnType<typeof make<In, Out, E, never>>
