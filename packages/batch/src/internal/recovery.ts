/**
 * What is done about a failed attempt, by its reason alone: waited for, tried again, or given up.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { Fault, closesGate, inState, isRetryable } from "../Fault.ts"
import type { Cells } from "../Progress.ts"
import type { Attempts, Landed, Produced, Taken } from "./attempts.ts"
import { isFault } from "./entry.ts"
import type { Gate } from "./gate.ts"
import type { Halt } from "./halt.ts"
import { AccountRefused, type Stop } from "./stop.ts"

/** How many requests in a row may get no answer before the endpoint's state is read. */
const SILENCES = 3

/** How often a row may say that the endpoint is away while it is not, before it is believed to be the row's own fault. */
const MISTAKES = 3

type Step = (fault: Fault) => Pull.Pull<unknown, never, unknown>

export interface Options<In, Out, E, SE> {
  /** The endpoint's. */
  readonly name: string
  readonly clock: Clock.Clock
  readonly gate: Gate<Stop>
  readonly halt: Halt<SE>
  readonly cells: Cells
  readonly attempts: Pick<Attempts<In, Out, E>, "attempt">
  /** The way to the endpoint; `false` when the run ended on it. */
  readonly admit: (taken: Taken<In>, isAgain: boolean) => Effect.Effect<boolean>
  readonly schedules: {
    readonly broken: Schedule.Schedule<unknown, Fault>
    readonly busy: Schedule.Schedule<unknown, Fault>
  }
}

/** What became of an item. */
export type Fate<Out, E> = Result.Result<Produced<Out>, E | Fault>

/** What is to be done next: with this fault, which that era brought. */
interface Trouble {
  readonly fault: Fault
  readonly era: number
}

const givenUp = ({ detail, reason, requestId, retryAfter, status }: Fault) =>
  new Fault({
    reason,
    status,
    detail: `given up, because the item has had its time; at last: ${detail ?? reason}`,
    requestId,
    retryAfter
  })

export const make = <In, Out, E, SE>(options: Options<In, Out, E, SE>) => {
  const { cells, clock, gate, halt, schedules } = options
  let silences = 0

  const note = (fault: Fault) => {
    cells.faults.set(fault.reason, (cells.faults.get(fault.reason) ?? 0) + 1)
    cells.lastError = fault.message
  }

  const answered = () => {
    silences = 0
    gate.answered()
  }

  /**
   * Reads what an attempt came to, and charges it. Gives the item's fate, the trouble that it is in, or nothing when the
   * run has ended for it.
   */
  const judge = (taken: Taken<In>, { era, result }: Landed<Out, E>): Fate<Out, E> | Trouble | undefined => {
    if (result === undefined) return undefined
    if (!Result.isResult(result)) {
      halt.crash(result)
      return undefined
    }
    if (Result.isSuccess(result)) {
      taken.attempts++
      answered()
      return result
    }
    const fault = result.failure
    if (!isFault(fault)) {
      taken.attempts++
      return Result.fail(fault)
    }
    note(fault)
    // Found no endpoint: sent again once there is one, and not charged.
    if (closesGate(fault)) return { fault, era }
    taken.attempts++
    if (fault.reason === "account") {
      halt.because(new AccountRefused({ name: options.name, status: fault.status, detail: fault.detail }))
      return undefined
    }
    if (fault.reason === "transport") {
      // An item that has had its time says nothing of the endpoint.
      if (clock.currentTimeMillisUnsafe() < taken.deadline) silences++
    } else answered()
    return isRetryable(fault) ? { fault, era } : Result.fail(fault)
  }

  /** Waits at the closed gate, but not longer than the run takes items; `false` when it ended. */
  const pass = (taken: Taken<In>) =>
    Effect.gen(function* () {
      const from = clock.currentTimeMillisUnsafe()
      const passed = yield* Effect.result(Effect.raceFirst(gate.pass, halt.wait))
      const waited = clock.currentTimeMillisUnsafe() - from
      taken.deadline += waited
      taken.away += waited
      if (Result.isFailure(passed)) halt.because(passed.failure)
      return !halt.isHalted()
    })

  /** Brings the endpoint back, or learns that it was not away and whose fault it was then. */
  const outage = Effect.fnUntraced(function* (taken: Taken<In>, { era, fault }: Trouble) {
    // What says that it is paused or gone is always looked into; what is only cold, as long as the row is believed.
    if (fault.reason === "gone" || taken.mistaken < MISTAKES) {
      const isNews = gate.era() === era
      yield* gate.close(fault, era)
      if (!(yield* pass(taken))) return undefined
      if (!isNews || gate.wasAway() || ++taken.mistaken < MISTAKES) return fault
    }
    // From here on the gate stays open for the others: what it says of the endpoint is held for its own trouble.
    taken.attempts++
    return inState(fault, "running")
  })

  /** Waits for the next turn by one of the schedules; otherwise gives what the item fails with. */
  const turns = (taken: Taken<In>) => {
    let broken: Step | undefined
    let busy: Step | undefined
    let { away } = taken
    return Effect.fnUntraced(function* (fault: Fault) {
      // The time that the endpoint was away is not the item's: it has its patience anew.
      if (away !== taken.away) busy = undefined
      away = taken.away
      const isBusy = fault.reason === "busy"
      const step =
        (isBusy ? busy : broken) ??
        (yield* Schedule.toStepWithSleep(isBusy ? schedules.busy : schedules.broken))
      if (isBusy) busy = step
      else broken = step
      const left = taken.deadline - clock.currentTimeMillisUnsafe()
      if (left <= 0) return givenUp(fault)
      const turn = step(fault).pipe(
        Effect.as(undefined),
        Pull.catchDone(() => Effect.succeed(fault)),
        Effect.raceFirst(Effect.as(halt.wait, undefined))
      )
      if (left === Infinity) return yield* turn
      return yield* Effect.timeoutOrElse(turn, {
        duration: left,
        orElse: () => Effect.succeed(givenUp(fault))
      })
    })
  }

  /** Sees an item in trouble through to its fate; nothing when the run ends before. */
  const recover = Effect.fnUntraced(function* (
    taken: Taken<In>,
    first: Trouble
  ): Effect.fn.Return<Fate<Out, E> | undefined> {
    const nextTurn = turns(taken)
    let trouble = first
    while (!halt.isHalted()) {
      let { fault } = trouble
      if (closesGate(fault)) {
        const found = yield* outage(taken, trouble)
        if (found === undefined) return undefined
        fault = found
      } else if (fault.reason === "transport" && silences >= SILENCES) {
        // Silence on several lines at once may be an endpoint that is gone: its state is read before anything else is sent.
        yield* gate.close(fault, trouble.era)
      }
      if (!closesGate(fault)) {
        if (!isRetryable(fault)) return Result.fail(fault)
        const last = yield* nextTurn(fault)
        if (last !== undefined) return Result.fail(last)
      }
      if (!(yield* options.admit(taken, true))) return undefined
      const fate = judge(taken, yield* options.attempts.attempt(taken))
      if (fate === undefined || Result.isResult(fate)) return fate
      trouble = fate
    }
    return undefined
  })

  return { judge, recover, pass }
}
