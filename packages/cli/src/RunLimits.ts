/**
 * How much a run may have in flight, how long it may take, and how much of it may fail: flags, and what they mean.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import type * as Batch from "@stint/batch/Batch"
import * as FailureBudget from "@stint/batch/FailureBudget"
import type * as Limit from "@stint/batch/Limit"
import { PositiveDuration } from "./ShortDuration.ts"

const Concurrency = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4096 }))
const PerMinute = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const Percent = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 }))

const Pack = Schema.Union([
  Schema.Literal("off"),
  Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 100_000 }))
])

const duration = (name: string, description: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription(description),
    Flag.withSchema(PositiveDuration),
    Flag.optional
  )

export const flags = {
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("Requests in flight, 1 to 4096; by default as many as the endpoint bears"),
    Flag.withSchema(Concurrency),
    Flag.optional
  ),
  requestsPerMinute: Flag.Int("requests-per-minute").pipe(
    Flag.withDescription("At most so many requests a minute, 1 or more"),
    Flag.withSchema(PerMinute),
    Flag.optional
  ),
  tokensPerMinute: Flag.Int("tokens-per-minute").pipe(
    Flag.withDescription("At most so many tokens a minute, prompts and answers together"),
    Flag.withSchema(PerMinute),
    Flag.optional
  ),
  attemptTimeout: duration("attempt-timeout", "How long one request may take, 10 minutes by default"),
  itemTimeout: duration(
    "item-timeout",
    "How long one row may take in all, its repetitions included; by default as long as it takes"
  ),
  deadline: duration(
    "deadline",
    "How long the rows may take, as in 2h; then the run stops, and the work is kept"
  ),
  maxFailures: Flag.Finite("max-failures").pipe(
    Flag.withDescription("Stop when more than this per cent of the last 200 rows failed; 100 never stops"),
    Flag.withSchema(Percent),
    Flag.optional
  ),
  dedupe: Flag.Boolean("dedupe").pipe(
    Flag.withDescription(
      "Send rows with the same request once; the default for embed and classify (--no-dedupe)"
    ),
    Flag.optional
  ),
  pack: Flag.String("pack").pipe(
    Flag.withDescription(
      "Rows that share a request at most, for embed and classify: a number, or off; by default as many as the engine likes"
    ),
    Flag.withSchema(Pack),
    Flag.optional
  )
}

type Limits = {
  readonly concurrency: Option.Option<number>
  readonly requestsPerMinute: Option.Option<number>
  readonly tokensPerMinute: Option.Option<number>
  readonly attemptTimeout: Option.Option<Duration.Duration>
  readonly itemTimeout: Option.Option<Duration.Duration>
  readonly deadline: Option.Option<Duration.Duration>
  readonly maxFailures: Option.Option<number>
  readonly dedupe: Option.Option<boolean>
  readonly pack: Option.Option<typeof Pack.Type>
}

const budgetOf = (percent: number): FailureBudget.FailureBudget =>
  percent === 100 ? FailureBudget.unlimited : { rate: percent / 100 }

const limitOf = Effect.fnUntraced(function* (limits: Limits): Effect.fn.Return<Limit.Limit> {
  const Limit = yield* Effect.promise(() => import("@stint/batch/Limit"))
  const within = Option.match(limits.concurrency, { onNone: () => Limit.standard, onSome: Limit.fixed })
  const requestsPerMinute = Option.getOrUndefined(limits.requestsPerMinute)
  const tokensPerMinute = Option.getOrUndefined(limits.tokensPerMinute)
  return (requestsPerMinute ?? tokensPerMinute) === undefined
    ? within
    : Limit.rate({ requestsPerMinute, tokensPerMinute, within })
})

const packOf = (pack: typeof Pack.Type) => (pack === "off" ? false : { maxItems: pack })

/** What the flags mean to a batch. */
export const toOptions = Effect.fnUntraced(function* (limits: Limits): Effect.fn.Return<Batch.Options> {
  return {
    limit: yield* limitOf(limits),
    attemptTimeout: Option.getOrUndefined(limits.attemptTimeout),
    itemTimeout: Option.getOrUndefined(limits.itemTimeout),
    deadline: Option.getOrUndefined(limits.deadline),
    failureBudget: Option.getOrUndefined(Option.map(limits.maxFailures, budgetOf)),
    dedupe: Option.getOrUndefined(limits.dedupe),
    pack: Option.getOrUndefined(Option.map(limits.pack, packOf))
  }
})
