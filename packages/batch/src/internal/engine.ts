/**
 * The engine: takes items, sends them, acts on what comes back, and makes every outcome durable before it leaves.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { NotReady } from "@stint/core/EndpointError"
import { Fault, closesGate, isRetryable } from "../Fault.ts"
import type { Job } from "../Job.ts"
import * as Journal from "../Journal.ts"
import * as Limit from "../Limit.ts"
import { CurrentEndpoint } from "../ManagedEndpoint.ts"
import type { Failed, Outcome, Succeeded } from "../Outcome.ts"
import * as Progress from "../Progress.ts"
import * as Retry from "../Retry.ts"
import { type Changed, DuplicateKey, FingerprintChanged, decider, keySet } from "./decision.ts"
import * as Gate from "./gate.ts"

/** The endpoint refuses the token, or the account cannot pay: no other item will fare better. */
export class AccountRefused extends Schema.TaggedError<AccountRefused>()("AccountRefused", {
  status: Schema.optional(Schema.Int),
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    return `The endpoint refuses this account (${this.status ?? "no status"}): ${this.detail ?? "no reason given"}. Check the token, its permission to call endpoints, and the credits. Finished work is kept.`
  }
}

/** The endpoint was deleted while the run used it. */
export class EndpointGone extends Schema.TaggedError<EndpointGone>()("EndpointGone", {
  name: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.name}" is not there any more: somebody deleted it during the run. Finished work is kept; a run with a spec creates it anew.`
  }
}

/** What ends a run before its input does. */
export type Stop =
  | NotReady
  | Gate.Unstable
  | AccountRefused
  | EndpointGone
  | DuplicateKey
  | FingerprintChanged

export interface Options {
  readonly identity: string
  readonly limit?: Limit.Limit | undefined
  readonly changed?: Changed | undefined
  readonly progress?: Progress.Progress | undefined
  readonly drain?: Effect.Effect<void> | undefined
}

/** Items that are taken beyond the limit: those that wait for their turn to try again hold no slot. */
const WAITING_ROOM = 256

/** How many requests in a row may get no answer before the endpoint's state is read. */
const SILENCES = 3

/** How many outcomes, and for how long, are gathered for one write to the journal. */
const GROUP = 512
const GROUP_WINDOW = "25 millis"

/** Whether an item's error is a classified one. */
const isFault = (error: unknown): error is Fault => error instanceof Fault

const asJson = Schema.decodeUnknownOption(Schema.Json)

const textOf = (json: Schema.Json) => (typeof json === "string" ? json : JSON.stringify(json))

const errorJson = (error: unknown): Schema.Json => {
  if (isFault(error)) {
    return {
      reason: error.reason,
      message: error.detail ?? error.message,
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.requestId === undefined ? {} : { requestId: error.requestId })
    }
  }
  const tag = Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "error"
  const text = Option.match(asJson(error), { onNone: () => String(error), onSome: textOf })
  return { reason: tag, message: Predicate.isError(error) ? error.message : text }
}

interface Written<In, Out, E> {
  readonly outcome: Outcome<In, Out, E>
  readonly entry: Journal.Entry | undefined
}

type Step = (fault: Fault) => Pull.Pull<unknown, never, unknown>

/** What an item has used up so far. */
interface Tries {
  attempts: number
  broken?: Step
  busy?: Step
}

export const run = <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options: Options
): Stream.Stream<Outcome<In, Out, E>, SE | Stop | Journal.JournalError, SR | R | CurrentEndpoint> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { awaitAwake } = yield* CurrentEndpoint
      const journal = yield* Journal.Journal
      const brokenSchedule = yield* Retry.CurrentBroken
      const busySchedule = yield* Retry.CurrentBusy
      const clock = yield* Clock.Clock
      const limit = options.limit ?? Limit.standard
      const { cells } = options.progress ?? Progress.make()
      cells.startedAt ??= clock.currentTimeMillisUnsafe()
      const slots = yield* limit.make
      const gate = yield* Gate.make(awaitAwake)
      const decide = decider(journal, job, options.identity, options.changed ?? "refuse")
      const keys = keySet()
      const encode = Schema.encodeUnknownEffect(job.output)
      const halted = yield* Deferred.make<void>()
      let isHalted = false
      let stop: Stop | undefined
      let silences = 0

      /** Takes nothing more and tries nothing again; what is in flight is finished. */
      const halt = Effect.suspend(() => {
        isHalted = true
        return Deferred.succeed(halted, undefined)
      })
      const stopWith = (why: Stop) => {
        stop ??= why._tag === "NotFound" ? new EndpointGone({ name: why.name }) : why
        return Effect.as(halt, undefined)
      }
      if (options.drain !== undefined) yield* Effect.forkScoped(Effect.andThen(options.drain, halt))

      const note = (fault: Fault) => {
        cells.faults.set(fault.reason, (cells.faults.get(fault.reason) ?? 0) + 1)
        cells.lastError = fault.message
      }

      const answered = () => {
        silences = 0
        gate.answered()
      }

      /** Sends one request; `undefined` when the gate was closed or the run halted while the item waited for its slot. */
      const send = (item: In) =>
        Effect.suspend(() => {
          if (isHalted || gate.isClosed()) return Effect.undefined
          const era = gate.era()
          cells.inFlight++
          return job.run(item).pipe(
            Effect.onExit(() => {
              cells.inFlight--
              return Effect.void
            }),
            Effect.result,
            Effect.map((result) => ({ result, era }))
          )
        })

      /** Waits at the closed gate, but not longer than the run takes items. */
      const pass = Effect.suspend(() =>
        gate.isClosed() ? Effect.raceFirst(gate.pass, Deferred.await(halted)) : Effect.void
      )

      /** Waits for the item's next turn; `false` when it has had its last. Built only once something went wrong. */
      const nextTurn = Effect.fnUntraced(function* (fault: Fault, tries: Tries) {
        const isBusy = fault.reason === "busy"
        const step =
          (isBusy ? tries.busy : tries.broken) ??
          (yield* Schedule.toStepWithSleep(isBusy ? busySchedule : brokenSchedule))
        tries[isBusy ? "busy" : "broken"] = step
        return yield* step(fault).pipe(
          Effect.as(true),
          Pull.catchDone(() => Effect.succeed(false)),
          Effect.raceFirst(Effect.as(Deferred.await(halted), true))
        )
      })

      /** The item's output, its error, or `undefined` where the run ends before the item does. */
      const finish = Effect.fnUntraced(function* (item: In, tries: Tries) {
        // Halted by another fiber.
        // oxlint-disable-next-line no-unmodified-loop-condition
        while (!isHalted) {
          const passed = yield* Effect.result(pass)
          if (Result.isFailure(passed)) return yield* stopWith(passed.failure)
          const sent = yield* slots.withSlot(send(item))
          if (sent === undefined) continue
          const { era, result } = sent
          if (Result.isSuccess(result)) {
            tries.attempts++
            answered()
            return result
          }
          const error = result.failure
          if (!isFault(error)) {
            tries.attempts++
            return result
          }
          note(error)
          if (closesGate(error)) {
            // Found no endpoint: sent again once there is one, and not charged.
            if (isHalted) return undefined
            yield* gate.close(error, era)
            continue
          }
          tries.attempts++
          // Silence on several lines at once may be an endpoint that is gone: its state is read before anything else is sent.
          if (error.reason === "transport" && ++silences >= SILENCES) yield* gate.close(error, era)
          if (error.reason === "account") {
            return yield* stopWith(new AccountRefused({ status: error.status, detail: error.detail }))
          }
          if (error.reason !== "transport") answered()
          if (!isRetryable(error)) return result
          if (!(yield* nextTurn(error, tries))) return result
        }
        return undefined
      })

      const failed = (
        item: In,
        common: Omit<Failed<In, E>, "_tag" | "error">,
        error: E | Fault,
        print: string
      ) => {
        const outcome: Failed<In, E> = { _tag: "Failed", ...common, error }
        const input = Option.getOrUndefined(asJson(item))
        const entry: Journal.Entry = {
          key: common.key,
          fingerprint: print,
          tag: "Failed",
          attempts: common.attempts,
          durationMillis: common.durationMillis,
          error: errorJson(error),
          ...(input === undefined ? {} : { input })
        }
        return { outcome, entry }
      }

      const succeeded = Effect.fnUntraced(function* (
        item: In,
        common: Omit<Succeeded<In, Out>, "_tag" | "output">,
        output: Out,
        fingerprint: string
      ) {
        const encoded = Option.flatMap(yield* Effect.option(encode(output)), asJson)
        if (Option.isNone(encoded)) {
          const detail = "the output does not fit the job's output schema, so it cannot be written down"
          return failed(item, common, new Fault({ reason: "row", detail }), fingerprint)
        }
        const outcome: Succeeded<In, Out> = { _tag: "Succeeded", ...common, output }
        const { key, attempts, durationMillis } = common
        const entry: Journal.Entry = {
          key,
          fingerprint,
          tag: "Succeeded",
          attempts,
          durationMillis,
          output: encoded.value
        }
        return { outcome, entry }
      })

      const handle = Effect.fnUntraced(function* (
        item: In
      ): Effect.fn.Return<Written<In, Out, E> | undefined, never, R> {
        const key = job.key(item)
        if (!keys.add(key)) return yield* stopWith(new DuplicateKey({ key }))
        const decision = decide(item, key)
        if (decision._tag === "Skip") {
          return {
            outcome: { _tag: "Skipped", key, input: item, attempts: 0, durationMillis: 0 },
            entry: undefined
          }
        }
        if (decision._tag === "Changed") {
          return yield* stopWith(new FingerprintChanged({ key }))
        }
        const tries: Tries = { attempts: 0 }
        const startedAt = clock.currentTimeMillisUnsafe()
        const result = yield* finish(item, tries)
        cells.attempts += tries.attempts
        if (result === undefined) return undefined
        const durationMillis = clock.currentTimeMillisUnsafe() - startedAt
        const common = { key, input: item, attempts: tries.attempts, durationMillis }
        return Result.isSuccess(result)
          ? yield* succeeded(item, common, result.success, decision.fingerprint)
          : failed(item, common, result.failure, decision.fingerprint)
      })

      const write = Effect.fnUntraced(function* (group: ReadonlyArray<Written<In, Out, E>>) {
        const entries = group.flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
        if (entries.length > 0) yield* journal.append(entries)
        for (const { outcome } of group) {
          if (outcome._tag === "Succeeded") cells.succeeded++
          else if (outcome._tag === "Failed") cells.failed++
          else cells.skipped++
        }
        return group.map(({ outcome }) => outcome)
      })

      // A source that fails takes nothing with it: what is in flight is paid for, and finished first.
      let broken: Cause.Cause<SE> | undefined
      const source = items.pipe(
        Stream.interruptWhen(Deferred.await(halted)),
        Stream.catchCause((cause) => {
          broken = cause
          return Stream.empty
        })
      )
      const ending = Stream.suspend((): Stream.Stream<never, SE | Stop> => {
        if (stop !== undefined) return Stream.fail(stop)
        return broken === undefined ? Stream.empty : Stream.failCause(broken)
      })

      return source.pipe(
        Stream.takeWhile(() => !isHalted),
        Stream.mapEffect(handle, { concurrency: limit.max + WAITING_ROOM, unordered: true }),
        Stream.filter(Predicate.isNotUndefined),
        Stream.groupedWithin(GROUP, GROUP_WINDOW),
        Stream.mapEffect(write),
        Stream.flattenIterable,
        Stream.concat(ending)
      )
    })
  )
