/**
 * A job over a stream of items: each item enters once and leaves once, as an outcome.
 *
 * An item's failure is a value. Only the infrastructure's failure fails the stream: the endpoint that does not come back,
 * the token that is refused, the journal that cannot be written. What was finished by then is durable and emitted first.
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Stream from "effect/Stream"
import type { NotReady, ReleaseUnconfirmed } from "@stint/core/EndpointError"
import type { Endpoints } from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import { canonicalJson } from "./internal/canonicalJson.ts"
import * as Decision from "./internal/decision.ts"
import * as Engine from "./internal/engine.ts"
import type { Unstable } from "./internal/gate.ts"
import type { Job } from "./Job.ts"
import * as Journal from "./Journal.ts"
import type { Limit } from "./Limit.ts"
import * as ManagedEndpoint from "./ManagedEndpoint.ts"
import type { Outcome } from "./Outcome.ts"
import * as Progress from "./Progress.ts"
import * as Report from "./Report.ts"

export { DuplicateKey, FingerprintChanged } from "./internal/decision.ts"
export { AccountRefused, EndpointGone } from "./internal/engine.ts"
export { Unstable } from "./internal/gate.ts"

/**
 * What the answers depend on beside the request: which model. Part of every fingerprint.
 */
export interface Identity {
  readonly repository?: string | undefined
  /** The revision that was asked for, not the one it resolved to. */
  readonly revision?: string | undefined
}

/** How a batch is run. */
export interface Options {
  /** Default: 64 in flight. */
  readonly limit?: Limit | undefined
  readonly identity?: Identity | undefined
  /** What to do with a key that is done under another fingerprint. Default: `refuse`. */
  readonly changed?: "refuse" | "redo" | "keep" | undefined
  /** Counters to write to, for whoever shows them. */
  readonly progress?: Progress.Progress | undefined
  /** When this completes no further item is taken and none is tried again; what is in flight is finished. */
  readonly drain?: Effect.Effect<void> | undefined
}

/** What can fail a whole run, beside what the items' source fails with. */
export type RunError =
  | NotReady
  | Unstable
  | Engine.AccountRefused
  | Engine.EndpointGone
  | Decision.DuplicateKey
  | Decision.FingerprintChanged
  | Journal.JournalError

const identityOf = (job: { readonly name: string }, identity: Identity | undefined) =>
  canonicalJson([job.name, identity?.repository ?? null, identity?.revision ?? null])

/**
 * Runs a job over a stream of items and emits an outcome for each, in the order in which they finish.
 *
 * Every outcome is in the journal before it is emitted. Items whose output the journal holds are `Skipped`. Keys must be
 * unique within the stream: at the second item of a key the run stops with `DuplicateKey`. Keys are held as 64-bit digests,
 * about 36 bytes an item.
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
 * Runs a job over a stream of items and gives the report. The outcomes are in the journal.
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
    yield* Stream.runDrain(stream(items, job, { ...options, progress }))
    return yield* Report.fromProgress(progress, yield* bill)
  })
)

/** What an input comes to before anything is woken. */
export interface Plan {
  readonly items: number
  /** Items that the journal does not hold as succeeded. */
  readonly remaining: number
}

/**
 * Reads a whole input against the journal, before anything is billed: counts it, and refuses duplicate keys and changed
 * fingerprints. Keys are held as 64-bit digests, so memory is about 36 bytes an item.
 */
export const prepare = Effect.fnUntraced(function* <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options?: Pick<Options, "identity" | "changed">
): Effect.fn.Return<Plan, SE | Decision.DuplicateKey | Decision.FingerprintChanged, SR> {
  const journal = yield* Journal.Journal
  const decide = Decision.decider(
    journal,
    job,
    identityOf(job, options?.identity),
    options?.changed ?? "refuse"
  )
  const seen = Decision.keySet()
  let remaining = 0
  yield* Stream.runForEachArray(items, (chunk) =>
    Effect.gen(function* () {
      for (const item of chunk) {
        const key = job.key(item)
        if (!seen.add(key)) return yield* new Decision.DuplicateKey({ key })
        const decision = decide(item, key)
        if (decision._tag === "Changed") return yield* new Decision.FingerprintChanged({ key })
        if (decision._tag === "Send") remaining++
      }
    })
  )
  return { items: seen.size(), remaining }
})

/**
 * The whole run: reads the input against the journal first, wakes the endpoint only if something is left, and puts it back
 * to sleep. The stream is run twice, so it must be replayable: a file, a table, a collection.
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
    SE | RunError | ManagedEndpoint.AcquireError | ReleaseUnconfirmed,
    SR | Exclude<R, ManagedEndpoint.CurrentEndpoint> | Endpoints
  >
  <In, SE, SR, Out, E, R>(
    items: Stream.Stream<In, SE, SR>,
    endpoint: ManagedEndpoint.Options,
    job: Job<In, Out, E, R>,
    options?: Options
  ): Effect.Effect<
    Report.Report,
    SE | RunError | ManagedEndpoint.AcquireError | ReleaseUnconfirmed,
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
    return yield* ManagedEndpoint.withEndpoint(endpoint, () => run(items, job, { ...withIdentity, progress }))
  })
)

/** The identity that a spec gives its answers. */
export const identityFromSpec = (spec: EndpointSpec | undefined): Identity | undefined =>
  spec === undefined ? undefined : { repository: spec.repository, revision: spec.revision }
