/**
 * Attempts in flight: each is a fiber of its own with a deadline, and lands once, with an answer or a fault.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { Fault, transport } from "../Fault.ts"
import type { Job, Usage } from "../Job.ts"
import type { Controller } from "../Limit.ts"
import type { Cells } from "../Progress.ts"
import type { Flight } from "./deadlines.ts"
import { type Codec, isFault } from "./entry.ts"
import type { Gate } from "./gate.ts"
import type { Turnstile } from "./turnstile.ts"

/** An item on its way through a run. */
export interface Taken<In> {
  readonly item: In
  readonly key: string
  readonly fingerprint: string
  /** About how long its request is. */
  readonly bytes: number
  /** Attempts that were charged to it. */
  attempts: number
  /** When its first attempt was sent. */
  startedAt: number
  /** When it has had its time; moved on by the time that the endpoint is away. */
  deadline: number
  /** For how long it waited for an endpoint that was away. */
  away: number
  /** How often it took the endpoint for gone when it was not. */
  mistaken: number
}

/** An output, how it is written down (none where it cannot be), and what it has cost where that is known. */
export interface Produced<Out> {
  readonly output: Out
  readonly encoded: Option.Option<Schema.Json>
  readonly usage?: Usage | undefined
}

/** How an attempt ended. */
export interface Landed<Out, E> {
  /** What came of it; the cause where the job has a defect; nothing when it was cut off at the end of the run. */
  readonly result: Result.Result<Produced<Out>, E | Fault> | Cause.Cause<never> | undefined
  /** How often the gate had been opened when it was sent. */
  readonly era: number
}

export interface Options<In, Out, E, R> {
  readonly job: Job<In, Out, E, R>
  readonly encode: Codec<Out>["encode"]
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

export const tokensOf = ({ bytes }: { readonly bytes: number }) => Math.ceil(bytes / 4)

export const make = <In, Out, E, R>(options: Options<In, Out, E, R>) => {
  const { cells, clock, controller, encode, gate, job, turnstile } = options
  const timeout = Duration.toMillis(options.timeout)
  const flights = new Set<Flight>()
  let end = Infinity
  let isClosing = false

  const produce = (item: In) =>
    Effect.suspend(() =>
      Effect.map(job.run(item), (output): Produced<Out> => ({
        output,
        encoded: encode(output),
        usage: job.usage?.(output)
      }))
    )

  const overdue = (at: number, { deadline }: Taken<In>) => {
    if (at >= end) return undefined
    return transport(
      at >= deadline ? "the item has had its time" : `no answer within ${Duration.format(options.timeout)}`
    )
  }

  const resultOf = (
    taken: Taken<In>,
    flight: Flight,
    exit: Exit.Exit<Produced<Out>, E>,
    at: number
  ): Landed<Out, E>["result"] => {
    if (Exit.isSuccess(exit)) return Result.succeed(exit.value)
    if (flight.isOver) {
      const fault = overdue(at, taken)
      return fault && Result.fail(fault)
    }
    if (isClosing) return undefined
    if (Cause.hasInterruptsOnly(exit.cause)) return Result.fail(interrupted)
    const error = Cause.findError(exit.cause)
    return Result.isSuccess(error) ? Result.fail(error.success) : error.failure
  }

  const sampleOf = (result: Landed<Out, E>["result"]) => {
    if (!Result.isResult(result)) return undefined
    if (Result.isFailure(result))
      return { reason: isFault(result.failure) ? result.failure.reason : undefined }
    return { reason: undefined, usage: result.success.usage }
  }

  const tellLimit = (taken: Taken<In>, result: Landed<Out, E>["result"], sentAt: number, at: number) => {
    const sample = sampleOf(result)
    if (sample === undefined) return
    controller.onSample({
      reason: sample.reason,
      at,
      durationMillis: at - sentAt,
      inFlight: turnstile.inside(),
      outputTokens: sample.usage?.outputTokens,
      isSaturated: turnstile.isWaitedFor()
    })
    const { inputTokens, outputTokens } = sample.usage ?? {}
    if (controller.settle === undefined || (inputTokens ?? outputTokens) === undefined) return
    controller.settle(tokensOf(taken), (inputTokens ?? tokensOf(taken)) + (outputTokens ?? 0))
  }

  /**
   * Sends an item that has its place, and gives the place back when the attempt has landed. `land` is called once, perhaps
   * before this returns.
   */
  const launch = (taken: Taken<In>, land: (landed: Landed<Out, E>) => void): Flight => {
    const sentAt = clock.currentTimeMillisUnsafe()
    const era = gate.era()
    cells.inFlight++
    const fiber = options.fork(produce(taken.item))
    let isLanded = false
    const landing = (exit: Exit.Exit<Produced<Out>, E>) => {
      if (isLanded) return
      isLanded = true
      const at = clock.currentTimeMillisUnsafe()
      flights.delete(flight)
      cells.inFlight--
      const result = resultOf(taken, flight, exit, at)
      options.guard(() => tellLimit(taken, result, sentAt, at))
      // First what it means: a gate that it closes is to be closed before the next one comes through.
      land({ result, era })
      turnstile.leave()
    }
    const flight: Flight = {
      fiber,
      deadline: Math.min(sentAt + timeout, taken.deadline, end),
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
    attempt: (taken: Taken<In>): Effect.Effect<Landed<Out, E>> =>
      Effect.callback((resume) => {
        const { fiber } = launch(taken, (landed) => resume(Effect.succeed(landed)))
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
