/**
 * The engine: takes items, sends them, acts on what comes back, and makes every outcome durable before it leaves.
 *
 * One fiber takes items from the source and sees them to the endpoint. Each attempt is a fiber; what goes well costs
 * nothing more. An item in trouble gets a fiber of its own that holds no place while it waits.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as FailureBudget from "../FailureBudget.ts"
import type { Fault } from "../Fault.ts"
import type { Job } from "../Job.ts"
import * as Journal from "../Journal.ts"
import * as Limit from "../Limit.ts"
import { CurrentEndpoint } from "../ManagedEndpoint.ts"
import * as Metrics from "../Metrics.ts"
import type { Outcome } from "../Outcome.ts"
import * as Progress from "../Progress.ts"
import * as Retry from "../Retry.ts"
import * as Attempts from "./attempts.ts"
import * as Deadlines from "./deadlines.ts"
import { bounded } from "./bounded.ts"
import { type Changed, DuplicateKey, FingerprintChanged, decider, keySet } from "./decision.ts"
import * as Duplicates from "./duplicates.ts"
import * as Entry from "./entry.ts"
import * as Gate from "./gate.ts"
import * as Halt from "./halt.ts"
import * as Holdings from "./holdings.ts"
import * as Recovery from "./recovery.ts"
import * as Results from "./results.ts"
import { DeadlineReached, type Stop } from "./stop.ts"
import * as Turnstile from "./turnstile.ts"

export interface Options {
  readonly identity: string
  readonly limit?: Limit.Limit | undefined
  readonly changed?: Changed | undefined
  readonly progress?: Progress.Progress | undefined
  readonly drain?: Effect.Effect<void> | undefined
  readonly attemptTimeout?: Duration.Input | undefined
  readonly itemTimeout?: Duration.Input | undefined
  readonly deadline?: Duration.Input | undefined
  readonly failureBudget?: FailureBudget.FailureBudget | undefined
  readonly dedupe?: boolean | undefined
  readonly maxBytes?: number | undefined
  readonly requestSpans?: boolean | undefined
  /** Told what all items came to, when the source has come to its end. */
  readonly onTaken?: ((sum: number) => void) | undefined
}

/** Items beyond the limit that may be held: those that wait to try again, and those that wait for the journal. */
const ROOM = 1024
const MAX_BYTES = 128 * 1024 * 1024
const ATTEMPT_TIMEOUT = Duration.minutes(10)

/** How long what is in flight may go on when the run's time is over. */
const GRACE = Duration.seconds(30)

export const run = <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options: Options
): Stream.Stream<Outcome<In, Out, E>, SE | Stop | Journal.JournalError, SR | R | CurrentEndpoint> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { awaitAwake, conceal, endpoint } = yield* CurrentEndpoint
      const journal = yield* Journal.Journal
      const clock = yield* Clock.Clock
      const services = yield* Effect.context<R | CurrentEndpoint>()
      const limit = options.limit ?? Limit.standard
      const { cells } = options.progress ?? Progress.make()
      cells.startedAt ??= clock.currentTimeMillisUnsafe()

      const halt = Halt.make<SE | Journal.JournalError>()
      let asked = () => 1
      const turnstile = Turnstile.make(() => Math.min(limit.max, asked()))
      const controller = yield* limit.make(() => turnstile.turn())
      asked = () => controller.current()
      const gate: Gate.Gate<Stop> = yield* Gate.make({
        name: endpoint.name,
        awaitAwake,
        outage: yield* Retry.CurrentOutage,
        onOpen: () => controller.onReopened()
      })
      cells.limit = () => controller.current()
      cells.isHeld = gate.isClosed
      cells.heldMillis = gate.heldMillis
      const { decode, encode } = Entry.codec(job)
      const { decide, sum } = decider(journal, job, options.identity, options.changed ?? "refuse")
      const keys = keySet()
      const budget = FailureBudget.track(options.failureBudget)
      const isShared = options.dedupe ?? job.isDeterministic
      const duplicates = isShared ? Duplicates.make<In, Fate>() : undefined
      type Fate = Recovery.Fate<Out, E>
      type Taken = Attempts.Taken<In>

      // A span for each request costs as much as a third of the request.
      const context = options.requestSpans
        ? services
        : Context.add(services, HttpClient.TracerDisabledWhen, () => true)
      const fork = Effect.runForkWith(context)
      const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? ATTEMPT_TIMEOUT)
      const itemTimeout = Duration.toMillis(Duration.fromInputUnsafe(options.itemTimeout ?? "Infinity"))
      const attempts = Attempts.make({
        job,
        encode,
        fork,
        clock,
        gate,
        turnstile,
        controller,
        cells,
        timeout: attemptTimeout,
        guard: halt.guard
      })

      const holdings = Holdings.make({
        items: () => controller.current() + ROOM,
        bytes: options.maxBytes ?? MAX_BYTES
      })

      const results = yield* Results.make<In, Out, E>({
        journal,
        onDurable: (group) => {
          let bytes = 0
          for (const { outcome, entry, bytes: each } of group) {
            bytes += each
            if (entry !== undefined) duplicates?.written(entry.fingerprint)
            if (outcome._tag === "Succeeded") cells.succeeded++
            else if (outcome._tag === "Failed") cells.failed++
            else cells.skipped++
          }
          holdings.letGo(group.length, bytes)
        }
      })
      let isFed = false
      /** Taken, and without a fate. */
      let undecided = 0
      const decided = () => {
        undecided--
        if (isFed && undecided === 0) results.finish()
      }

      const write = (taken: Taken, fate: Fate) => {
        const common = {
          key: taken.key,
          input: taken.item,
          attempts: taken.attempts,
          durationMillis: taken.startedAt === 0 ? 0 : clock.currentTimeMillisUnsafe() - taken.startedAt
        }
        cells.attempts += taken.attempts
        const { entry, outcome } = record(common, taken, fate)
        const size = Entry.sizeOf(entry.output)
        holdings.grow(size)
        results.offer({ outcome, entry, bytes: taken.bytes + size })
        decided()
      }

      const record = (common: Entry.Common<In>, { fingerprint }: Taken, fate: Fate) => {
        if (Result.isFailure(fate)) {
          return Entry.failed(common, fate.failure, fingerprint, conceal)
        }
        const { encoded, output } = fate.success
        if (Option.isNone(encoded)) {
          return Entry.failed<In, E>(common, Entry.unwritable, fingerprint, conceal)
        }
        return Entry.succeeded(common, output, encoded.value, fingerprint)
      }

      const spend = (error: E | Fault, left: number) => {
        const exceeded = budget.failed(
          Entry.isFault(error) ? error : { reason: "error", detail: conceal(Entry.messageOf(error)) }
        )
        // Where nothing is left to be taken there is nothing to be saved.
        if (exceeded !== undefined && !(isFed && left === 0)) halt.because(exceeded)
      }

      /** One answer counts once, however many items share it. */
      const count = (fate: Fate, left: number) => {
        if (Result.isFailure(fate)) spend(fate.failure, left)
        else if (Option.isNone(fate.success.encoded)) spend(Entry.unwritable, left)
        else budget.succeeded()
      }

      /** The item has its fate, and those that share its request have the same, without an attempt of their own. */
      const settle = (taken: Taken, fate: Fate) => {
        const followers = duplicates?.answered(taken, fate) ?? []
        count(fate, undecided - 1 - followers.length)
        write(taken, fate)
        for (const follower of followers) write(follower, fate)
      }

      const drop = (taken: Taken) => {
        const followers = duplicates?.giveUp(taken) ?? []
        for (const each of [taken, ...followers]) {
          cells.attempts += each.attempts
          holdings.letGo(1, each.bytes)
          decided()
        }
      }

      const admit: (taken: Taken, isAgain: boolean) => Effect.Effect<boolean> = Effect.fnUntraced(
        function* (taken, isAgain) {
          while (true) {
            if (gate.isClosed() && !(yield* recovery.pass(taken))) return false
            if (controller.pace !== undefined) {
              yield* Effect.raceFirst(controller.pace(Attempts.tokensOf(taken)), halt.wait)
            }
            if (isAgain || !turnstile.tryEnter()) yield* turnstile.enter(isAgain)
            if (!gate.isClosed() && !halt.isHalted()) return true
            turnstile.leave()
            if (halt.isHalted()) return false
          }
        }
      )

      const recovery = Recovery.make<In, Out, E, SE | Journal.JournalError>({
        name: endpoint.name,
        clock,
        gate,
        halt,
        cells,
        attempts,
        admit,
        schedules: {
          broken: Retry.notBefore(yield* Retry.CurrentBroken),
          busy: Retry.notBefore(yield* Retry.CurrentBusy)
        }
      })

      const inTrouble = new Set<Fiber.Fiber<unknown, unknown>>()
      const see = (taken: Taken, landed: Attempts.Landed<Out, E>) => {
        const fate = recovery.judge(taken, landed)
        if (fate === undefined) return drop(taken)
        if (Result.isResult(fate)) return settle(taken, fate)
        const fiber = fork(recovery.recover(taken, fate))
        inTrouble.add(fiber)
        fiber.addObserver((exit) => {
          inTrouble.delete(fiber)
          if (Exit.isSuccess(exit) && exit.value !== undefined) return settle(taken, exit.value)
          if (Exit.isFailure(exit)) halt.crash(exit.cause)
          drop(taken)
        })
      }

      /** Answers an item from what is known already; `false` when it has to be sent. */
      const share = Effect.fnUntraced(function* (taken: Taken) {
        const request = duplicates?.find(taken)
        if (request?.fate !== undefined) {
          write(taken, request.fate)
          return true
        }
        if (request !== undefined) {
          request.followers.push(taken)
          return true
        }
        if (journal.knows(taken.fingerprint)) {
          const encoded = yield* journal.recall(taken.fingerprint, isShared ? undefined : taken.key)
          const output = Option.flatMap(encoded, decode)
          if (Option.isSome(output)) {
            write(taken, Result.succeed({ output: output.value, encoded }))
            return true
          }
        }
        duplicates?.lead(taken)
        return false
      })

      const skip = (item: In, key: string) => {
        holdings.hold(0)
        results.offer({
          outcome: { _tag: "Skipped", key, input: item, attempts: 0, durationMillis: 0 },
          entry: undefined,
          bytes: 0
        })
      }

      /** Waits for whatever the item needs before it can be sent, and sends it. */
      const waitFor = Effect.fnUntraced(function* (taken: Taken) {
        if (!holdings.hasRoom(taken.bytes)) yield* Effect.raceFirst(holdings.room(taken.bytes), halt.wait)
        if (halt.isHalted()) return
        hold(taken)
        // Whatever goes wrong from here on, the item is held no longer.
        yield* Effect.onError(admitFirst(taken), () => Effect.sync(() => drop(taken)))
      })

      const admitFirst = Effect.fnUntraced(function* (taken: Taken) {
        if (yield* share(taken)) return
        if (yield* admit(taken, false)) send(taken)
        else drop(taken)
      })

      const hold = (taken: Taken) => {
        holdings.hold(taken.bytes)
        undecided++
      }

      const send = (taken: Taken) => {
        taken.startedAt = clock.currentTimeMillisUnsafe()
        taken.deadline = taken.startedAt + itemTimeout
        attempts.launch(taken, (landed) => see(taken, landed))
      }

      const stop = (why: Stop) => {
        halt.because(why)
        return undefined
      }

      /** Takes an item; gives what there is to wait for before it can be sent, if anything. */
      const take = (item: In): Effect.Effect<void, Journal.JournalError> | undefined => {
        const key = job.key(item)
        if (!keys.add(key)) return stop(new DuplicateKey({ key }))
        const decision = decide(item, key)
        if (decision._tag === "Changed") return stop(new FingerprintChanged({ key, count: 1 }))
        if (decision._tag === "Skip") {
          if (!holdings.hasRoom(0)) {
            return Effect.map(Effect.raceFirst(holdings.room(0), halt.wait), () => skip(item, key))
          }
          skip(item, key)
          return undefined
        }
        const { bytes, fingerprint } = decision
        const taken: Taken = {
          item,
          key,
          fingerprint,
          bytes,
          attempts: 0,
          startedAt: 0,
          deadline: Infinity,
          away: 0,
          mistaken: 0
        }
        const isFree =
          duplicates === undefined &&
          !journal.knows(fingerprint) &&
          controller.pace === undefined &&
          !gate.isClosed() &&
          holdings.hasRoom(bytes)
        if (!isFree || !turnstile.tryEnter()) return waitFor(taken)
        hold(taken)
        send(taken)
        return undefined
      }

      const feed = items.pipe(
        Stream.interruptWhen(halt.wait),
        Stream.runForEachArray((chunk) =>
          Effect.gen(function* () {
            for (const item of chunk) {
              if (halt.isHalted()) return
              const wait = take(item)
              if (wait !== undefined) yield* wait
            }
          })
        ),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) halt.sourceFailed(exit.cause)
            if (!halt.isHalted()) options.onTaken?.(sum())
            isFed = true
            if (undecided === 0) results.finish()
          })
        )
      )

      /** Ends what is in flight; a release waits behind it, so that what cannot be interrupted is left behind. */
      const putDown = Effect.suspend(() =>
        bounded(Effect.andThen(Fiber.interruptAll([...inTrouble]), attempts.interruptAll), GRACE)
      )

      const deadline = Effect.gen(function* () {
        const time = Duration.fromInputUnsafe(options.deadline ?? "Infinity")
        yield* Effect.sleep(time)
        if (isFed && undecided === 0) return
        halt.because(new DeadlineReached({ after: Duration.format(time) }))
        attempts.endAt(clock.currentTimeMillisUnsafe() + Duration.toMillis(GRACE))
      })

      yield* Metrics.publish(cells)
      yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(halt.now), putDown))
      if (options.drain !== undefined) {
        yield* Effect.forkScoped(Effect.andThen(options.drain, Effect.sync(halt.now)))
      }
      if (options.deadline !== undefined) yield* Effect.forkScoped(deadline)
      yield* Effect.forkScoped(Deadlines.watch(attempts.flights, Deadlines.grain(attemptTimeout)))
      yield* Effect.forkScoped(feed)

      return Stream.fromPull(Effect.succeed(results.pull)).pipe(
        Stream.concat(Stream.unwrap(Effect.as(halt.verdict, Stream.empty)))
      )
    })
  )
