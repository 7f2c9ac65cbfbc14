/**
 * The engine: takes items, sends them, acts on what comes back, and makes every outcome durable before it leaves.
 *
 * One fiber takes items from the source and sees them to the endpoint, alone or in packs. Each attempt is a fiber; what goes
 * well costs nothing more. A request in trouble gets a fiber of its own that holds no place while it waits.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import * as FailureBudget from "../../FailureBudget.ts"
import type { Job } from "../../Job.ts"
import * as Journal from "../../Journal.ts"
import * as Limit from "../../Limit.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import * as Metrics from "../../Metrics.ts"
import type { Outcome } from "../../Outcome.ts"
import type * as Packing from "../../Packing.ts"
import * as Progress from "../../Progress.ts"
import * as Retry from "../../Retry.ts"
import * as Attempts from "./attempts.ts"
import * as Bisection from "../packing/bisection.ts"
import * as Deadlines from "./deadlines.ts"
import { bounded } from "./bounded.ts"
import { type Changed, decider, keySet } from "./decision.ts"
import * as Duplicates from "./duplicates.ts"
import * as Entry from "./entry.ts"
import * as Gate from "./gate.ts"
import * as Halt from "./halt.ts"
import * as Holdings from "./holdings.ts"
import * as Intake from "./intake.ts"
import * as Ledger from "./ledger.ts"
import * as PackBounds from "../packing/packBounds.ts"
import * as Packer from "../packing/packer.ts"
import { type Pack, tokensOf } from "../packing/pack.ts"
import * as Production from "./production.ts"
import * as Recovery from "./recovery.ts"
import * as Results from "./results.ts"
import * as RunSpan from "./runSpan.ts"
import type { Stop } from "./stop.ts"
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
  readonly pack?: Packing.Options | false | undefined
  /** Told what all items came to, when the source has come to its end. */
  readonly onTaken?: ((sum: number) => void) | undefined
}

/** Items beyond the limit that may be held: those that wait to try again, and those that wait for the journal. */
const ROOM = 1024
const MAX_BYTES = 128 * 1024 * 1024
const ATTEMPT_TIMEOUT = Duration.minutes(10)

/** How long what is in flight may go on when the run's time is over. */
const GRACE = Duration.seconds(30)

/** How much one request may hold; nothing where each item is sent alone. */
const boundsOf = Effect.fnUntraced(function* <In, Out, E, R>(
  { pack }: Job<In, Out, E, R>,
  asked: Options["pack"]
): Effect.fn.Return<PackBounds.PackBounds | undefined, never, R> {
  if (pack === undefined || asked === false) return undefined
  const bounds = PackBounds.make(yield* pack.bounds, asked)
  return bounds.now().items === 1 ? undefined : bounds
})

export const run = <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options: Options
): Stream.Stream<Outcome<In, Out, E>, SE | Stop | Journal.JournalError, SR | R | CurrentEndpoint> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { awaitAwake, bill, cap, conceal, endpoint } = yield* CurrentEndpoint
      const journal = yield* Journal.Journal
      const clock = yield* Clock.Clock
      const services = yield* Effect.context<R | CurrentEndpoint>()
      const limit = options.limit ?? Limit.standard
      const progress = options.progress ?? Progress.make()
      const { cells } = progress
      cells.bill = bill
      cells.hardware = endpoint.hardware
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
      const isShared = options.dedupe ?? job.isDeterministic
      const duplicates = isShared ? Duplicates.make<In, Production.Fate<Out, E>>() : undefined
      const bounds = yield* boundsOf(job, options.pack)

      // A span for each request costs half as much as the request.
      const context = options.requestSpans
        ? RunSpan.withRequests(services, job, endpoint)
        : Context.add(services, HttpClient.TracerDisabledWhen, () => true)
      const fork = Effect.runForkWith(context)
      const attemptTimeout = Duration.fromInputUnsafe(options.attemptTimeout ?? ATTEMPT_TIMEOUT)
      const itemTimeout = Duration.toMillis(Duration.fromInputUnsafe(options.itemTimeout ?? "Infinity"))
      const attempts = Attempts.make({
        produce: Production.make(job, encode),
        isPacking: bounds !== undefined,
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
        items: () => controller.current() * (bounds?.now().items ?? 1) + ROOM,
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
      const ledger = Ledger.make<In, Out, E, SE | Journal.JournalError>({
        clock,
        cells,
        conceal,
        budget: FailureBudget.track(options.failureBudget),
        duplicates,
        halt,
        holdings,
        results
      })

      const admit: (waiting: Recovery.Waiting, isAgain: boolean) => Effect.Effect<boolean> =
        Effect.fnUntraced(function* (waiting, isAgain) {
          while (true) {
            if (gate.isClosed() && !(yield* recovery.pass(waiting))) return false
            if (controller.pace !== undefined) {
              yield* Effect.raceFirst(controller.pace(tokensOf(waiting)), halt.wait)
            }
            if (isAgain || !turnstile.tryEnter()) yield* turnstile.enter(isAgain)
            if (!gate.isClosed() && !halt.isHalted()) return true
            turnstile.leave()
            if (halt.isHalted()) return false
          }
        })

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

      const settle = (pack: Pack<In>, fates: ReadonlyArray<Production.Fate<Out, E>>) => {
        if (bounds !== undefined && fates.every(Result.isSuccess)) bounds.onPassed(pack.rows.length)
        ledger.settle(pack, fates)
      }
      const conclude = Bisection.make<In, Out, E>({ recovery, bounds, settle, drop: ledger.drop })

      const inTrouble = new Set<Fiber.Fiber<unknown, unknown>>()
      const attend = (pack: Pack<In>, trouble: Effect.Effect<void>) => {
        const fiber = fork(trouble)
        inTrouble.add(fiber)
        fiber.addObserver((exit) => {
          inTrouble.delete(fiber)
          if (Exit.isSuccess(exit)) return
          halt.crash(exit.cause)
          ledger.drop(pack)
        })
      }
      const see = (pack: Pack<In>, landed: Attempts.Landed<Out, E>) => {
        const verdict = recovery.judge(pack, landed)
        if (verdict === undefined) return ledger.drop(pack)
        if (verdict._tag === "Fated") return settle(pack, verdict.fates)
        attend(
          pack,
          verdict._tag === "Suspected"
            ? conclude(pack, verdict)
            : Effect.flatMap(recovery.recover(pack, verdict), (last) => conclude(pack, last))
        )
      }

      const send = (pack: Pack<In>) => {
        pack.startedAt = clock.currentTimeMillisUnsafe()
        pack.deadline = pack.startedAt + itemTimeout
        attempts.launch(pack, (landed) => {
          // An error of the job's own may break whoever looks at it.
          if (!halt.guard(() => see(pack, landed))) ledger.drop(pack)
        })
      }

      const intake = Intake.make({
        job,
        journal,
        decode,
        decide,
        isNew: keySet().add,
        isShared,
        duplicates,
        packer: bounds && Packer.make<In>(bounds),
        ledger,
        holdings,
        turnstile,
        controller,
        gate,
        halt,
        cells,
        admit,
        send,
        attend
      })

      let isWhole = false
      const feed = items.pipe(
        Stream.interruptWhen(halt.wait),
        Stream.runForEachArray((chunk) =>
          Effect.gen(function* () {
            for (const item of chunk) {
              if (halt.isHalted()) return
              const wait = intake.take(item)
              if (wait !== undefined) yield* wait
            }
          })
        ),
        Effect.exit,
        Effect.tap(() => intake.finish),
        Effect.flatten,
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit)) halt.sourceFailed(exit.cause)
            isWhole = !halt.isHalted()
            ledger.fed()
          })
        )
      )

      /** Ends what is in flight; a release waits behind it, so that what cannot be interrupted is left behind. */
      const putDown = Effect.suspend(() =>
        bounded(Effect.andThen(Fiber.interruptAll([...inTrouble]), attempts.interruptAll), GRACE)
      )

      const work = { halt, endAt: attempts.endAt, isFed: ledger.isFed, isOver: ledger.isOver }

      yield* Metrics.publish(cells)
      yield* Effect.addFinalizer(() => Effect.andThen(Effect.sync(halt.now), putDown))
      if (options.drain !== undefined) {
        yield* Effect.forkScoped(Effect.andThen(options.drain, Effect.sync(halt.now)))
      }
      if (options.deadline !== undefined) {
        yield* Effect.forkScoped(Deadlines.deadline(work, options.deadline, GRACE))
      }
      if (cap !== undefined) yield* Effect.forkScoped(Deadlines.costCap(work, cap, progress))
      yield* Effect.forkScoped(Deadlines.watch(attempts.flights, Deadlines.grain(attemptTimeout)))
      if (intake.impatience !== undefined) yield* Effect.forkScoped(intake.impatience)
      yield* Effect.forkScoped(feed)
      // Before the feed is interrupted: what stands in line is not sent any more.
      yield* Effect.addFinalizer(() => Effect.sync(halt.now))

      return Stream.fromPull(Effect.succeed(results.pull)).pipe(
        Stream.concat(
          Stream.unwrap(
            Effect.map(halt.verdict, () => {
              if (isWhole && !halt.isHalted()) options.onTaken?.(sum())
              return Stream.empty
            })
          )
        )
      )
    })
  )
