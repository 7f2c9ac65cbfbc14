/**
 * The bound on how many requests are in flight.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Reason } from "./Fault.ts"
import * as Adaptive from "./internal/limit/adaptive.ts"
import * as Bucket from "./internal/limit/bucket.ts"
import * as Seed from "./internal/limit/seed.ts"
import * as Watch from "./internal/limit/watch.ts"
import { CurrentEndpoint } from "./ManagedEndpoint.ts"

/** One answered attempt, as a limit sees it. */
export interface Sample {
  /** `undefined` for an answer that can be used. Of the reasons only `busy` is a sign of too much. */
  readonly reason: Reason | undefined
  /** When it was answered, in milliseconds of the clock. */
  readonly at: number
  readonly durationMillis: number
  /** In flight when it was answered, itself included. */
  readonly inFlight: number
  /** Tokens of the answer where the job can tell; of a job that packs, what its inputs weigh. */
  readonly outputTokens: number | undefined
  /** Whether anything waited for a slot: a limit that nobody waits for is not to grow. */
  readonly isSaturated: boolean
}

/** What a controller can tell about itself. */
export interface Description {
  readonly limit: number
  /** What a refusal or the engine itself taught: more is not asked for. */
  readonly ceiling: number | undefined
  /** What decided last, in a word: `fixed`, `seed`, `growth`, `busy`, `metrics`, `goodput`, `replicas`. */
  readonly source: string
}

/** What decides, for one run, how much may be in flight. Plain functions: they run for every request. */
export interface Controller {
  /** How many may be in flight now: at least 1, at most the limit's `max`. */
  readonly current: () => number
  readonly onSample: (sample: Sample) => void
  /** The endpoint was away and is back. */
  readonly onReopened: () => void
  /** Waits until a request of about so many tokens may go. Absent: at once. Nobody holds a slot while it waits. */
  readonly pace?: ((tokens: number) => Effect.Effect<void>) | undefined
  /** A request that was paced with `estimated` tokens has used `used`. */
  readonly settle?: ((estimated: number, used: number) => void) | undefined
  /** For whoever shows it. */
  readonly describe?: (() => Description) | undefined
}

/**
 * A limit.
 */
export interface Limit {
  /** The most it will ever let through at once. */
  readonly max: number
  /** Makes the controller of one run; it calls `changed` when `current()` has grown by itself, between samples. */
  readonly make: (changed: () => void) => Effect.Effect<Controller, never, CurrentEndpoint | Scope.Scope>
}

const Count = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))

/**
 * Exactly `concurrency` requests in flight, 1 to 100,000. Throws a `SchemaError` on any other number.
 *
 * **Example** (Sixteen at once)
 *
 * ```ts
 * import { Limit } from "@stint/batch"
 *
 * console.log(Limit.fixed(16).max) // => 16
 * ```
 */
export const fixed = (concurrency: number): Limit => {
  const max = Schema.decodeSync(Count)(concurrency)
  const controller: Controller = {
    current: () => max,
    onSample: () => undefined,
    onReopened: () => undefined,
    describe: () => ({ limit: max, ceiling: undefined, source: "fixed" })
  }
  return { max, make: () => Effect.succeed(controller) }
}

/** How an adaptive limit is bound. */
export interface AdaptiveOptions {
  /**
   * In flight at first, 1 to 100,000. Default: what the engine or its arguments say, else for each ready replica 192 on vLLM
   * and SGLang, and 64 elsewhere.
   */
  readonly initial?: number | undefined
  /** In flight at most, 1 to 100,000. Default: 4,096. */
  readonly max?: number | undefined
  /** Whether to follow the engine's own `/metrics` where it answers. Default: true. */
  readonly metrics?: boolean | undefined
}

const Bounds = Schema.Struct({ initial: Schema.optional(Count), max: Schema.optional(Count) })

const MAX = 4096
/** After so long without an answer the endpoint may be away. */
const QUIET_MILLIS = 60_000

/**
 * A limit that finds itself, and finds itself anew when the endpoint changes.
 *
 * It begins with what the engine says of itself (`/info` of TGI and TEI, `--max-num-seqs` of vLLM), else for each ready
 * replica with 192 on vLLM and SGLang, which queue whatever comes, and 64 elsewhere. It lets in one more for each answer
 * while rows wait. Then, whichever comes first:
 *
 * - **The engine refuses** (429): the limit falls by a fifth, once in the time of an answer, and what was in flight is
 *   remembered. It is approached again and not passed, until five minutes went by without a refusal. A time in which
 *   everything is refused teaches nothing, and leaves an eighth of the limit at least.
 * - **The engine tells** what runs and what waits (`/metrics` of vLLM, SGLang, TGI, TEI and llama.cpp, read every two
 *   seconds): the limit keeps about a tenth waiting there, 2 at least.
 * - **More brings no more**: after two rounds with less than 5 % more tokens a second it stays at 1.25 times the best size,
 *   and tries more from time to time. A round is as many answers as may be in flight.
 *
 * It follows the number of ready replicas. A proxy gives each reading of `/metrics` to one replica: the mean of the last
 * ones, eight at most, stands for all. Delay alone changes nothing: a batching engine gets slower long before it is full.
 *
 * Throws a `SchemaError` when a number is out of bounds.
 *
 * **Example** (Never more than 200 at once)
 *
 * ```ts
 * import { Limit } from "@stint/batch"
 *
 * console.log(Limit.adaptive({ max: 200 }).max) // => 200
 * ```
 */
export const adaptive = (options: AdaptiveOptions = {}): Limit => {
  const bounds = Schema.decodeSync(Bounds)({ initial: options.initial, max: options.max })
  const max = bounds.max ?? Math.max(MAX, bounds.initial ?? 1)
  const make = Effect.fnUntraced(function* (
    changed: () => void
  ): Effect.fn.Return<Controller, never, CurrentEndpoint | Scope.Scope> {
    const { client, endpoint, read } = yield* CurrentEndpoint
    const clock = yield* Clock.Clock
    const replicas = Math.max(1, endpoint.readyReplica)
    const { declared, perReplica } = yield* Seed.find(endpoint, client)
    const limit = Adaptive.make({
      seed: Math.min(max, bounds.initial ?? perReplica * replicas),
      replicas,
      max,
      declared
    })
    let answeredAt = clock.currentTimeMillisUnsafe()
    const telling = (change: () => void) => {
      const before = limit.current()
      change()
      if (limit.current() > before) changed()
    }
    if (options.metrics !== false) {
      yield* Effect.forkScoped(
        Watch.metrics(client, {
          isQuiet: () => clock.currentTimeMillisUnsafe() - answeredAt > QUIET_MILLIS,
          onReading: (reading) => telling(() => limit.onReading(reading, clock.currentTimeMillisUnsafe()))
        })
      )
    }
    yield* Effect.forkScoped(
      Watch.replicas(endpoint, read, (count) => telling(() => limit.onReplicas(count)))
    )
    return {
      current: limit.current,
      onSample: (sample) => {
        answeredAt = sample.at
        limit.onSample(sample)
      },
      onReopened: () => {
        answeredAt = clock.currentTimeMillisUnsafe()
        limit.onReopened()
      },
      describe: limit.describe
    }
  })
  return { max, make }
}

/** How much a minute may be asked. At least one of the two rates. */
export interface RateOptions {
  /** More than 0. */
  readonly requestsPerMinute?: number | undefined
  /** Of prompts and answers together, more than 0. */
  readonly tokensPerMinute?: number | undefined
  /** What bounds the number in flight. Default: {@link standard}. */
  readonly within?: Limit | undefined
}

const Rate = Schema.Finite.check(Schema.isGreaterThan(0))
const Rates = Schema.Struct({
  requestsPerMinute: Schema.optional(Rate),
  tokensPerMinute: Schema.optional(Rate)
}).check(
  Schema.makeFilter(
    ({ requestsPerMinute, tokensPerMinute }) =>
      requestsPerMinute !== undefined ||
      tokensPerMinute !== undefined ||
      "give requestsPerMinute or tokensPerMinute"
  )
)

/**
 * So many requests and tokens a minute, for an endpoint that others need too.
 *
 * Requests are spread evenly: at the start, and after a pause, at most five seconds' worth go at once. In the first minute
 * this comes on top, as in any minute after a pause. Whoever waits for its time holds no slot. A request is charged by an estimate when it goes, and by what it used when it is answered, where the job can tell.
 *
 * Throws a `SchemaError` when no rate is given, or one that is not above 0.
 *
 * **Example** (Ten requests a second, 16 at once)
 *
 * ```ts
 * import { Limit } from "@stint/batch"
 *
 * console.log(Limit.rate({ requestsPerMinute: 600, within: Limit.fixed(16) }).max) // => 16
 * ```
 */
export const rate = (options: RateOptions): Limit => {
  const { requestsPerMinute, tokensPerMinute } = Schema.decodeSync(Rates)({
    requestsPerMinute: options.requestsPerMinute,
    tokensPerMinute: options.tokensPerMinute
  })
  const within = options.within ?? standard
  const make = Effect.fnUntraced(function* (
    changed: () => void
  ): Effect.fn.Return<Controller, never, CurrentEndpoint | Scope.Scope> {
    const inner = yield* within.make(changed)
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const bucket = (perMinute: number | undefined) =>
      perMinute === undefined ? undefined : Bucket.make(perMinute, now())
    const requests = bucket(requestsPerMinute)
    const tokens = bucket(tokensPerMinute)
    const turn = (estimated: number) =>
      Effect.suspend(() => {
        const at = now()
        const wait = Math.max(requests?.take(at, 1) ?? 0, tokens?.take(at, estimated) ?? 0)
        if (wait <= 0) return Effect.void
        // Who does not go after all leaves its turn to the others.
        const leave = Effect.sync(() => {
          requests?.give(now(), 1)
          tokens?.give(now(), estimated)
        })
        return Effect.onInterrupt(Effect.sleep(Duration.millis(wait)), () => leave)
      })
    const { describe, pace } = inner
    // Member by member: the methods of a class are no own properties, and need their object.
    return {
      current: () => inner.current(),
      onSample: (sample) => inner.onSample(sample),
      onReopened: () => inner.onReopened(),
      describe: describe === undefined ? undefined : () => describe.call(inner),
      pace: (estimated) =>
        pace === undefined ? turn(estimated) : Effect.andThen(pace.call(inner, estimated), turn(estimated)),
      settle: (estimated, used) => {
        tokens?.give(now(), estimated - used)
        inner.settle?.(estimated, used)
      }
    }
  })
  return { max: within.max, make }
}

/** What is used when nothing is said: {@link adaptive}. */
export const standard: Limit = adaptive()
