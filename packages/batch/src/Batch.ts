/**
 * A job over a stream of items: each item enters once and leaves once, as an outcome.
 *
 * An item's failure is a value. Only the infrastructure's failure fails the stream: the endpoint that does not come back,
 * the token that is refused, the journal that cannot be written. What was finished by then is durable and emitted first.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { ReleaseUnconfirmed } from "@stint/core/EndpointError"
import type { Endpoints } from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import { canonicalJson } from "./internal/canonicalJson.ts"
import * as Decision from "./internal/engine/decision.ts"
import * as Engine from "./internal/engine/engine.ts"
import * as Known from "./internal/engine/known.ts"
import * as RunSpan from "./internal/engine/runSpan.ts"
import type { Stop } from "./internal/engine/stop.ts"
import type * as FailureBudget from "./FailureBudget.ts"
import type { Job } from "./Job.ts"
import * as Journal from "./Journal.ts"
import type { Limit } from "./Limit.ts"
import * as ManagedEndpoint from "./ManagedEndpoint.ts"
import type { Outcome } from "./Outcome.ts"
import type * as Packing from "./Packing.ts"
import * as Progress from "./Progress.ts"
import * as Report from "./Report.ts"

export { DuplicateKey, FingerprintChanged } from "./internal/engine/decision.ts"
export { Unstable } from "./internal/engine/gate.ts"
export { AccountRefused, DeadlineReached, EndpointGone } from "./internal/engine/stop.ts"

/**
 * What the answers depend on beside the request: which model. Part of every fingerprint.
 *
 * {@link runOn} takes it from the endpoint's spec where it is not given, {@link run} and {@link stream} do not: whoever goes
 * on with one what was begun with another gives both the same, as `identityFromSpec(spec)`.
 */
export interface Identity {
  readonly repository?: string | undefined
  /** The revision that was asked for, not the one it resolved to. */
  readonly revision?: string | undefined
}

/** How a batch is run. */
export interface Options {
  /** How much may be in flight. Default: what the endpoint bears, `Limit.standard`. */
  readonly limit?: Limit | undefined
  readonly identity?: Identity | undefined
  /** What to do with a key that is done under another fingerprint. Default: `refuse`. */
  readonly changed?: "refuse" | "redo" | "keep" | undefined
  /** Counters to write to, for whoever shows them. */
  readonly progress?: Progress.Progress | undefined
  /** When this completes no further item is taken and none is tried again; what is in flight is finished. */
  readonly drain?: Effect.Effect<void> | undefined
  /** How long one attempt may take, the server's queue included; then it is a `transport` fault. Default: 10 minutes. */
  readonly attemptTimeout?: Duration.Input | undefined
  /**
   * How long an item may take from its first attempt on, the endpoint's absences not counted. Default: no bound. Where a
   * shared request runs out of it, each half has it anew: log2 of a pack's size times at the most.
   */
  readonly itemTimeout?: Duration.Input | undefined
  /** How long the run may go on; then nothing more is taken, and what is in flight has half a minute. Default: no bound. */
  readonly deadline?: Duration.Input | undefined
  /** How much may fail before the run stops. Default: see {@link FailureBudget.FailureBudget}. */
  readonly failureBudget?: FailureBudget.FailureBudget | undefined
  /** Whether items with the same request share one call. Default: where the job is deterministic. */
  readonly dedupe?: boolean | undefined
  /** The most that requests may have in bytes, about, while they are held in memory. Default: 128 MiB. */
  readonly maxBytes?: number | undefined
  /** Whether each request has a span; they cost about a third of what a request costs. Default: false. */
  readonly requestSpans?: boolean | undefined
  /**
   * How many inputs may share a request, for jobs that can do many with one (embeddings, classification); `false` sends each
   * alone. Default: as the engine says and its kind likes, 32 inputs and about 4,096 tokens at most; one by one on Hugging
   * Face's own image, whose custom code may not take lists. Outcomes stay one per item.
   */
  readonly pack?: Packing.Options | false | undefined
}

/** The items were not the same the second time that they were read. */
export class ItemsChanged extends Schema.TaggedError<ItemsChanged>()("ItemsChanged", {
  planned: Schema.Int,
  found: Schema.Int
}) {
  override get message() {
    const what =
      this.planned === this.found
        ? `other items when it was run than when it was checked`
        : `${this.planned} items when it was checked, and ${this.found} when it was run`
    return `The input gave ${what}. What was done is kept. An input is read twice, so it must give the same items each time: a file, a table, a collection, or Source.spilled for any other stream.`
  }
}

/** What can fail a whole run, beside what the items' source fails with. */
export type RunError = Stop | Journal.JournalError

const identityOf = (job: { readonly name: string }, identity: Identity | undefined) =>
  canonicalJson([job.name, identity?.repository ?? null, identity?.revision ?? null])

/**
 * Runs a job over a stream of items and emits an outcome for each, in the order in which they finish.
 *
 * Every outcome is in the journal before it is emitted. Items whose output the journal holds are `Skipped`. Keys must be
 * unique within the stream: at the second item of a key the run stops with `DuplicateKey`. Keys are held as 64-bit digests,
 * 10 to 20 bytes an item.
 *
 * **Example** (Vectors of three words)
 *
 * ```ts
 * import { Batch, Job, withEndpoint } from "@stint/batch"
 * import { Stream } from "effect"
 *
 * const job = Job.embed({ key: (word: string) => word, text: (word) => word })
 * const program = withEndpoint({ name: "batch-endpoint" }, () =>
 *   Stream.make("sea", "lake", "pond").pipe(Batch.stream(job), Stream.runCollect)
 * )
 * ```
 */
export const stream: {
  <In, Out, E, R>(
    job: Job<In, Out, E, R>,
    options?: Options
  ): <SE, SR>(
    items: Stream.Stream<In, SE, SR>
  ) => Stream.Stream<Outcome<In, Out, E>, SE | RunError, SR | R | ManagedEndpoint.CurrentEndpoint>
  <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    job: Job<In, Out, E, R>,
    options?: Options
  ): Stream.Stream<Outcome<In, Out, E>, SE | RunError, SR | R | ManagedEndpoint.CurrentEndpoint>
} = dual(
  (args) => Stream.isStream(args[0]),
  <In, SE, SR, Out, E, R>(items: Stream.Stream<In, SE, SR>, job: Job<In, Out, E, R>, options?: Options) =>
    Engine.run(items, job, { ...options, identity: identityOf(job, options?.identity) })
)

/**
 * Runs a job over a stream of items and gives the report, its bill as it is when the last item is done. The outcomes are in
 * the journal.
 *
 * **Example** (The whole of a nightly job)
 *
 * ```ts
 * import { Batch, Job, withEndpoint } from "@stint/batch"
 * import { Stream } from "effect"
 *
 * const rows = Stream.make({ id: "1", text: "the sea" }, { id: "2", text: "the shore" })
 * const job = Job.embed({ key: (row: { id: string; text: string }) => row.id, text: (row) => row.text })
 * const nightly = withEndpoint({ name: "batch-endpoint" }, () => rows.pipe(Batch.run(job)))
 * ```
 */
export const run: {
  <In, Out, E, R>(
    job: Job<In, Out, E, R>,
    options?: Options
  ): <SE, SR>(
    items: Stream.Stream<In, SE, SR>
  ) => Effect.Effect<Report.Report, SE | RunError, SR | R | ManagedEndpoint.CurrentEndpoint>
  <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    job: Job<In, Out, E, R>,
    options?: Options
  ): Effect.Effect<Report.Report, SE | RunError, SR | R | ManagedEndpoint.CurrentEndpoint>
} = dual(
  (args) => Stream.isStream(args[0]),
  Effect.fnUntraced(function* <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    job: Job<In, Out, E, R>,
    options?: Options
  ) {
    const { bill } = yield* ManagedEndpoint.CurrentEndpoint
    const progress = options?.progress ?? Progress.make()
    yield* RunSpan.of(Stream.runDrain(stream(items, job, { ...options, progress })), job, progress)
    return yield* Report.fromProgress(progress, yield* bill)
  })
)

/** What an input comes to before anything is woken. */
export interface Plan {
  readonly items: number
  /** Items that the journal does not hold as succeeded. */
  readonly remaining: number
  /** By which another reading is told from this one. */
  readonly sum: number
}

/**
 * Reads a whole input against the journal, before anything is billed: counts it, and refuses duplicate keys and changed
 * fingerprints. Items whose request the journal holds an answer to are answered from it, and are not counted as remaining. Keys are held as 64-bit digests, so memory is 10 to 20 bytes an item.
 */
export const prepare = Effect.fnUntraced(function* <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options?: Pick<Options, "identity" | "changed" | "dedupe">
): Effect.fn.Return<
  Plan,
  SE | Decision.DuplicateKey | Decision.FingerprintChanged | Journal.JournalError,
  SR
> {
  const journal = yield* Journal.Journal
  const { decide, sum } = Decision.decider(
    journal,
    job,
    identityOf(job, options?.identity),
    options?.changed ?? "refuse"
  )
  const seen = Decision.keySet()
  const known = yield* Known.make(journal, options?.dedupe ?? job.isDeterministic)
  let remaining = 0
  let changed: { readonly key: string; count: number } | undefined
  yield* Stream.runForEachArray(items, (chunk) =>
    Effect.gen(function* () {
      for (const item of chunk) {
        const key = job.key(item)
        if (!seen.add(key)) return yield* new Decision.DuplicateKey({ key })
        const decision = decide(item, key)
        // Told at the end, so that what is wrong with the input itself is told first.
        if (decision._tag === "Changed") {
          if (changed === undefined) changed = { key, count: 1 }
          else changed.count++
        }
        if (decision._tag === "Send" && !(yield* known.answer(key, decision.fingerprint))) remaining++
      }
    })
  )
  yield* known.flush
  if (changed !== undefined) return yield* new Decision.FingerprintChanged(changed)
  yield* Effect.annotateCurrentSpan({ "stint.items": seen.size(), "stint.items.remaining": remaining })
  return { items: seen.size(), remaining, sum: sum() }
}, RunSpan.named("Batch.prepare"))

/**
 * The whole run: reads the input against the journal first, wakes the endpoint only if something is left, and puts it back
 * to sleep. The bill of its report is the whole one, and a cap on it (`maxCost`, `maxBilledMinutes`) is looked at before
 * anything is woken. The stream is run twice, so it must be replayable: a file, a table, a collection.
 *
 * With nothing left the endpoint is not even looked at. Should an earlier run have been killed before it could release it, its
 * guardian does, or a sweep (`LeaseRecords` and `Sweep` of `@stint/batch/node`); the command looks for that by itself.
 */
export const runOn: {
  <In, Out, E, R>(
    endpoint: ManagedEndpoint.Options,
    job: Job<In, Out, E, R>,
    options?: Options
  ): <SE, SR>(
    items: Stream.Stream<In, SE, SR>
  ) => Effect.Effect<
    Report.Report,
    SE | RunError | ItemsChanged | ManagedEndpoint.AcquireError | ReleaseUnconfirmed,
    SR | Exclude<R, ManagedEndpoint.CurrentEndpoint> | Endpoints
  >
  <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    endpoint: ManagedEndpoint.Options,
    job: Job<In, Out, E, R>,
    options?: Options
  ): Effect.Effect<
    Report.Report,
    SE | RunError | ItemsChanged | ManagedEndpoint.AcquireError | ReleaseUnconfirmed,
    SR | Exclude<R, ManagedEndpoint.CurrentEndpoint> | Endpoints
  >
} = dual(
  (args) => Stream.isStream(args[0]),
  Effect.fnUntraced(function* <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    endpoint: ManagedEndpoint.Options,
    job: Job<In, Out, E, R>,
    options?: Options
  ) {
    const withIdentity = { ...options, identity: options?.identity ?? identityFromSpec(endpoint.spec) }
    const plan = yield* prepare(items, job, withIdentity)
    if (plan.remaining === 0) return Report.nothingToDo(plan.items)
    const progress = options?.progress ?? Progress.make({ total: plan.items })
    if (yield* isOver(options?.drain)) return yield* Report.fromProgress(progress)
    let sum: number | undefined
    const onTaken = (all: number) => {
      sum = all
    }
    const work = Engine.run(items, job, {
      ...withIdentity,
      progress,
      onTaken,
      identity: identityOf(job, withIdentity.identity)
    })
    const [, bill] = yield* ManagedEndpoint.withBill(endpoint, () =>
      RunSpan.of(Stream.runDrain(work), job, progress)
    )
    const report = yield* Report.fromProgress(progress, bill)
    const found = report.succeeded + report.failed + report.skipped
    // Not told where the run was drained before it had read everything.
    if (sum !== undefined && (sum !== plan.sum || found !== plan.items)) {
      return yield* new ItemsChanged({ planned: plan.items, found })
    }
    return report
  }, RunSpan.named("Batch.runOn"))
)

/** Whether that has happened already: nothing is to be woken for a run that is over before it begins. */
const isOver = (drain: Effect.Effect<void> | undefined) =>
  drain === undefined
    ? Effect.succeed(false)
    : Effect.raceFirst(Effect.as(drain, true), Effect.as(Effect.yieldNow, false))

/** The identity that a spec gives its answers. */
export const identityFromSpec = (spec: EndpointSpec | undefined): Identity | undefined =>
  spec === undefined ? undefined : { repository: spec.repository, revision: spec.revision }
