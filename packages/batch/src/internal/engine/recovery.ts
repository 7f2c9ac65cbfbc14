/**
 * What is done about a failed attempt, by its reason alone: waited for, tried again, looked into by halves, or given up.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { Fault, closesGate, inState, isRetryable } from "../../Fault.ts"
import type { Cells } from "../../Progress.ts"
import type { Attempts, Landed } from "./attempts.ts"
import { isFault } from "./entry.ts"
import type { Gate } from "./gate.ts"
import type { Halt } from "./halt.ts"
import type { Pack } from "../packing/pack.ts"
import type { Fate } from "./production.ts"
import { AccountRefused, type Stop } from "./stop.ts"

/** How many requests in a row may get no answer before the endpoint's state is read. */
const SILENCES = 3

/** How often a row may say that the endpoint is away while it is not, before it is believed to be the row's own fault. */
const MISTAKES = 3

/** How often a full server is waited out for a whole pack, about a minute, before it is taken for too much of it. */
const PATIENCE = 8

/** The same for what is left of a pack that had its patience: about two seconds. */
const HURRY = 3

type Step = (fault: Fault) => Pull.Pull<unknown, never, unknown>

/** Who waits for a place: as much of a pack as that takes. */
export type Waiting = Pick<Pack<never>, "bytes" | "deadline" | "away">

export interface Options<In, Out, E, SE> {
  /** The endpoint's. */
  readonly name: string
  readonly clock: Clock.Clock
  readonly gate: Gate<Stop>
  readonly halt: Halt<SE>
  readonly cells: Cells
  readonly attempts: Pick<Attempts<In, Out, E>, "attempt">
  /** The way to the endpoint; `false` when the run ended on it. */
  readonly admit: (waiting: Waiting, isAgain: boolean) => Effect.Effect<boolean>
  readonly schedules: {
    readonly broken: Schedule.Schedule<unknown, Fault>
    readonly busy: Schedule.Schedule<unknown, Fault>
  }
}

/** Each item has its fate. */
interface Fated<Out, E> {
  readonly _tag: "Fated"
  readonly fates: ReadonlyArray<Fate<Out, E>>
}

/** One of several items is at fault, or they are too many: which, their parts will tell. */
interface Suspected<E> {
  readonly _tag: "Suspected"
  readonly error: E | Fault
}

/** What is sent is part of a pack that was halved. */
export interface Parted {
  /** What an item may take, in milliseconds: each part has it anew, because the others took it. */
  readonly time: number
  /** Whether a full server was waited out in vain for one of them, and none went well since. */
  readonly isSpent: boolean
}

/** What is to be done next: with this fault, which that era brought. */
interface Trouble {
  readonly _tag: "Trouble"
  readonly fault: Fault
  readonly era: number
}

/** How it goes on with a pack; nothing when the run has ended for it. */
export type Verdict<Out, E> = Fated<Out, E> | Suspected<E> | undefined

const givenUp = ({ detail, reason, requestId, retryAfter, status }: Fault) =>
  new Fault({
    reason,
    status,
    detail: `given up, because the item has had its time; at last: ${detail ?? reason}`,
    requestId,
    retryAfter
  })

/** What one item may cause for all that share its request, and what its parts can tell. */
const isSuspicious = ({ reason, status }: Fault) =>
  reason === "row" ||
  reason === "tooLarge" ||
  reason === "config" ||
  (reason === "engine" && status !== undefined && status < 500)

export const make = <In, Out, E, SE>(options: Options<In, Out, E, SE>) => {
  const { cells, clock, gate, halt, schedules } = options
  let silences = 0
  /** Whether anything went well: then the set-up is right, and what says otherwise is one item's. */
  let isProven = false
  /** What items alone were told last of the set-up, and how many of them in a row. */
  const misfit = { words: "", times: 0 }
  /** How often the endpoint was not away since its last answer, though it seemed so; at which opening last. */
  const doubts = { times: 0, era: -1 }

  const note = (fault: Fault) => {
    cells.faults.set(fault.reason, (cells.faults.get(fault.reason) ?? 0) + 1)
    cells.lastError = fault.message
  }

  const answered = () => {
    silences = 0
    doubts.times = 0
    gate.answered()
  }

  const allFail = ({ rows }: Pack<In>, error: E | Fault): Fated<Out, E> => ({
    _tag: "Fated",
    fates: rows.map(() => Result.fail(error))
  })

  /** Whether the set-up is wrong for all: nothing went well so far, and several items alone were told the same. */
  const isOfAll = ({ rows }: Pack<In>, error: E | Fault) => {
    if (isProven || !isFault(error) || error.reason !== "config") return false
    const words = `${error.status} ${error.detail}`
    if (rows.length === 1) {
      misfit.times = words === misfit.words ? misfit.times + 1 : 1
      misfit.words = words
    }
    return words === misfit.words && misfit.times >= MISTAKES
  }

  /** For good, with one item; with several it may be one of them. */
  const refused = (pack: Pack<In>, error: E | Fault): Fated<Out, E> | Suspected<E> =>
    isOfAll(pack, error) || pack.rows.length === 1 ? allFail(pack, error) : { _tag: "Suspected", error }

  /** Reads what an attempt came to, and charges it: but not to items of which most are innocent. */
  const judge = (pack: Pack<In>, { era, result }: Landed<Out, E>): Verdict<Out, E> | Trouble => {
    if (result === undefined) return undefined
    if (!Result.isResult(result)) {
      halt.crash(result)
      return undefined
    }
    if (Result.isSuccess(result)) {
      pack.attempts++
      answered()
      for (const fate of result.success) {
        if (Result.isSuccess(fate)) isProven = true
        else if (isFault(fate.failure)) note(fate.failure)
      }
      return { _tag: "Fated", fates: result.success }
    }
    const isOne = pack.rows.length === 1
    const fault = result.failure
    if (!isFault(fault)) {
      if (isOne) pack.attempts++
      return refused(pack, fault)
    }
    note(fault)
    // Found no endpoint: sent again once there is one, and not charged.
    if (closesGate(fault)) return { _tag: "Trouble", fault, era }
    if (fault.reason === "account") {
      pack.attempts++
      halt.because(new AccountRefused({ name: options.name, status: fault.status, detail: fault.detail }))
      return undefined
    }
    if (fault.reason === "transport") {
      // An item that has had its time says nothing of the endpoint.
      if (clock.currentTimeMillisUnsafe() < pack.deadline) silences++
    } else answered()
    if (!isOne && isSuspicious(fault)) {
      const verdict = refused(pack, fault)
      if (verdict._tag === "Fated") pack.attempts++
      return verdict
    }
    if (isOne || fault.reason !== "engine") pack.attempts++
    return isRetryable(fault) ? { _tag: "Trouble", fault, era } : refused(pack, fault)
  }

  /** Waits at the closed gate, but not longer than the run takes items; `false` when it ended. */
  const pass = (waiting: { -readonly [K in "deadline" | "away"]: Waiting[K] }) =>
    Effect.gen(function* () {
      const from = clock.currentTimeMillisUnsafe()
      const passed = yield* Effect.result(Effect.raceFirst(gate.pass, halt.wait))
      const waited = clock.currentTimeMillisUnsafe() - from
      waiting.deadline += waited
      waiting.away += waited
      if (Result.isFailure(passed)) halt.because(passed.failure)
      return !halt.isHalted()
    })

  /** The gate was closed for what that era brought, and is open again. */
  const doubt = (era: number) => {
    if (gate.wasAway()) doubts.times = 0
    else if (doubts.era !== era) doubts.times++
    doubts.era = era
  }

  /** Brings the endpoint back, or learns that it was not away and whose fault it was then. */
  const outage = Effect.fnUntraced(function* (pack: Pack<In>, { era, fault }: Trouble) {
    // The endpoint is there, and answers nobody: packs may be too much for what stands before it. Single items go on looking.
    if (fault.reason === "cold" && pack.rows.length > 1 && doubts.times >= MISTAKES) {
      return inState(fault, "running")
    }
    // What says that it is paused or gone is always looked into; what is only cold, as long as the row is believed.
    if (fault.reason === "gone" || pack.mistaken < MISTAKES) {
      const isNews = gate.era() === era
      yield* gate.close(fault, era)
      if (!(yield* pass(pack))) return undefined
      if (isNews) doubt(era)
      if (!isNews || gate.wasAway() || ++pack.mistaken < MISTAKES) return fault
    }
    // From here on the gate stays open for the others: what it says of the endpoint is held for its own trouble.
    if (pack.rows.length === 1) pack.attempts++
    return inState(fault, "running")
  })

  /** Waits for the next turn by one of the schedules; otherwise gives what the item fails with. */
  const turns = (pack: Pack<In>) => {
    let broken: Step | undefined
    let busy: Step | undefined
    let { away } = pack
    return Effect.fnUntraced(function* (fault: Fault) {
      // The time that the endpoint was away is not the item's: it has its patience anew.
      if (away !== pack.away) busy = undefined
      away = pack.away
      const isBusy = fault.reason === "busy"
      const step =
        (isBusy ? busy : broken) ??
        (yield* Schedule.toStepWithSleep(isBusy ? schedules.busy : schedules.broken))
      if (isBusy) busy = step
      else broken = step
      const left = pack.deadline - clock.currentTimeMillisUnsafe()
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

  /** Whether a pack has had so much of such trouble that its parts, or what else it comes to, are to be seen. */
  const patienceOf = ({ rows }: Pack<In>, part: Parted | undefined) => {
    const isShared = rows.length > 1
    const busyTimes =
      part !== undefined && (isShared || part.isSpent) ? HURRY : isShared ? PATIENCE : Infinity
    let isBroken = false
    let busy = 0
    return ({ reason }: Fault): boolean => {
      if (reason === "busy") return ++busy > busyTimes
      // What breaks or stays silent twice over the same items may do so for one of them. Of parts that is known already, and
      // each silence may take as long as an attempt may.
      const isOver = isShared && (isBroken || (reason === "transport" && part !== undefined))
      isBroken = true
      return isOver
    }
  }

  /** Sees a pack through to its verdict, from the trouble that it is in or from its sending. */
  const recover = Effect.fnUntraced(function* (
    pack: Pack<In>,
    first?: Trouble,
    part?: Parted
  ): Effect.fn.Return<Verdict<Out, E>> {
    if (part !== undefined) {
      pack.deadline = Math.max(pack.deadline, clock.currentTimeMillisUnsafe() + part.time)
    }
    const nextTurn = turns(pack)
    const isTooMuch = patienceOf(pack, part)
    let trouble = first
    while (!halt.isHalted()) {
      if (trouble !== undefined) {
        let { fault } = trouble
        if (closesGate(fault)) {
          const found = yield* outage(pack, trouble)
          if (found === undefined) return undefined
          fault = found
          // The endpoint is there, and does not answer this: its parts it may.
          if (!closesGate(fault) && pack.rows.length > 1) return refused(pack, fault)
        } else if (fault.reason === "transport" && silences >= SILENCES) {
          // Silence on several lines at once may be an endpoint that is gone: its state is read before anything else is sent.
          yield* gate.close(fault, trouble.era)
        }
        if (!closesGate(fault)) {
          if (!isRetryable(fault)) return refused(pack, fault)
          if (isTooMuch(fault)) return refused(pack, fault)
          const last = yield* nextTurn(fault)
          if (last !== undefined) return refused(pack, last)
        }
      }
      if (!(yield* options.admit(pack, true))) return undefined
      const verdict = judge(pack, yield* options.attempts.attempt(pack))
      if (verdict?._tag !== "Trouble") return verdict
      trouble = verdict
    }
    return undefined
  })

  return { judge, recover, pass }
}

export type Recovery<In, Out, E> = Pick<ReturnType<typeof make<In, Out, E, never>>, "recover">
