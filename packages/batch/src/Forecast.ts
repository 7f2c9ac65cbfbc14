/**
 * What a batch will take, before anything is woken: minutes and dollars, each as a range, on each hardware that can be had.
 *
 * A forecast says what it goes by. Earlier runs of the same rows on the same hardware are worth most; carried over to other
 * hardware, less; without any, what the accelerator can do by its data sheet and how large the model is. Where not even
 * that is known, there is no forecast for that hardware, and it says so.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Hardware from "@stint/core/Hardware"
import { PriceFrom } from "./Cost.ts"
import * as Bill from "./internal/forecast/bill.ts"
import type { Runs } from "./internal/forecast/evidence.ts"
import * as Model from "./internal/forecast/model.ts"
import { Range } from "./internal/forecast/range.ts"
import * as Ranges from "./internal/forecast/range.ts"
import * as Speed from "./internal/forecast/speed.ts"

export { Range } from "./internal/forecast/range.ts"
export type { Runs } from "./internal/forecast/evidence.ts"
export type { Size } from "./internal/forecast/model.ts"
export {
  type RequestTokens,
  ofRow as tokensOfRow,
  ofText as tokensOfText
} from "./internal/forecast/tokens.ts"
export { type Folder, readFolder } from "./internal/forecast/folder.ts"
export { type Survey, survey } from "./internal/forecast/survey.ts"
export { type Assumed, assume } from "./internal/forecast/output.ts"
export { type Past, past } from "./internal/forecast/runs.ts"

/**
 * A model's size by its repository's name; `undefined` where the name does not say it.
 *
 * **Example** (Names that say it, and one that does not)
 *
 * ```ts
 * import { Forecast } from "@stint/batch"
 *
 * console.log(Forecast.sizeOf("Qwen/Qwen3-8B")?.parameters) // => 8000000000
 * console.log(Forecast.sizeOf("Qwen/Qwen3-30B-A3B")?.active) // => 3000000000
 * console.log(Forecast.sizeOf("acme/support-bot")) // => undefined
 * ```
 */
export const sizeOf: (repository: string) => Model.Size | undefined = Model.sizeOf

/** A number of parameters as a person writes it, `8B` or `33M`, of a model with 16-bit weights; else `undefined`. */
export const sizeFromText = (text: string): Model.Size | undefined => {
  const parameters = Model.parse(text)
  return parameters === undefined ? undefined : { parameters, active: parameters, bytesPerParameter: 2 }
}

/** What is to be done. Tokens are those of one request, on average. */
export interface Work {
  /** Requests that will be sent: rows that are not done, those that share a call counted once. */
  readonly requests: number
  readonly inputTokens: Range
  /** 0 for embeddings and classes. */
  readonly outputTokens: Range
  /** The most tokens that one answer may have, where that is known. */
  readonly longestOutput?: number | undefined
  /** Whether the work is measured in tokens at all: pictures are not. Default: true. */
  readonly isText?: boolean | undefined
}

/** Where earlier runs were, and what they say. */
export interface Evidence extends Runs {
  readonly instanceType: string
  readonly instanceSize: string
  /** Of one replica. */
  readonly accelerators?: number | undefined
  readonly acceleratorMemory?: number | undefined
  /** Whether the runs do not say themselves where they were. */
  readonly isAssumed?: boolean | undefined
}

/** What {@link make} goes by. */
export interface Options {
  readonly work: Work
  readonly hardware: ReadonlyArray<Hardware.Instance>
  /** Nothing: hardware without runs has no forecast. */
  readonly model?: Model.Size | undefined
  readonly evidence?: Evidence | undefined
  /**
   * Seconds until an endpoint is ready, as measured where the evidence is: on other hardware the range is as wide as this and
   * the default together. Without evidence it holds everywhere. Default: 2 to 10 minutes, likely 4, and more for heavy
   * weights.
   */
  readonly boot?: Range | undefined
  /** Hardware on which the endpoint runs already: there it need not boot. */
  readonly running?: Pick<Hardware.Instance, "instanceType" | "instanceSize"> | undefined
  /** All of it, boot and pause included, should be done after this. */
  readonly deadline?: Duration.Input | undefined
}

/**
 * What a forecast goes by: `runs` on the same hardware, `scaled` from runs on other hardware, `published` figures of
 * accelerators, or nothing.
 */
export const Basis = Schema.Literals(["runs", "scaled", "published", "unknown"])

/** The fewest replicas for a deadline; `surely` is for the worst end of the range. Absent: no number of them will do. */
export const Deadline = Schema.Struct({
  replicas: Schema.optional(Schema.Int),
  surely: Schema.optional(Schema.Int),
  /** Minutes until it is done, and what is billed with that many. */
  minutes: Schema.optional(Range),
  billedMinutes: Schema.optional(Range),
  dollars: Schema.optional(Range),
  /** Why no number will do. */
  problem: Schema.optional(Schema.String)
})

/**
 * The forecast for one hardware, on one replica. `minutes` is the time until it is done and paused; `billedMinutes` counts
 * every started minute; both include the boot. `because` says what it goes by, for a person.
 */
export const Choice = Schema.Struct({
  vendor: Schema.String,
  region: Schema.String,
  instanceType: Schema.String,
  instanceSize: Schema.String,
  status: Schema.String,
  pricePerHour: Schema.optional(Schema.Finite),
  priceFrom: Schema.optional(PriceFrom),
  priceAsOf: Schema.optional(Schema.String),
  basis: Basis,
  because: Schema.String,
  requestsPerSecond: Schema.optional(Range),
  minutes: Schema.optional(Range),
  billedMinutes: Schema.optional(Range),
  dollars: Schema.optional(Range),
  isCheapest: Schema.Boolean,
  isFastest: Schema.Boolean,
  maxReplicas: Schema.optional(Schema.Int),
  deadline: Schema.optional(Deadline)
})

/** The forecast for one hardware. */
export type Choice = typeof Choice.Type

/** A forecast: the cheapest hardware first, what is not known last. `tooSmall` counts what the model does not fit into. */
export const Forecast = Schema.Struct({
  requests: Schema.Int,
  choices: Schema.Array(Choice),
  tooSmall: Schema.Int
})

/** A forecast. */
export type Forecast = typeof Forecast.Type

/**
 * Seconds until an endpoint is ready, when nobody has measured it.
 *
 * @source hf-endpoints-documentation, quick_start.md: usually 3 to 5 minutes
 */
const usualBoot = (model: Model.Size | undefined): Range => {
  const gigabytes = model === undefined ? 0 : (model.parameters * model.bytesPerParameter) / 1e9
  // Assumed, not measured: weights come at a gigabyte a second, or at a tenth of that.
  return { low: 120, expected: 240 + gigabytes, high: 600 + 10 * gigabytes }
}

/** A boot that was measured on one hardware says something of others, and not all. */
const bootOf = (instance: Hardware.Instance, { boot, evidence, model }: Options): Range => {
  if (boot === undefined) return usualBoot(model)
  return evidence === undefined || Speed.isWhere(evidence, instance)
    ? boot
    : Ranges.hull(boot, usualBoot(model))
}

const priceOf = (instance: Hardware.Instance): Partial<Choice> => {
  const { pricePerHour } = instance
  if (pricePerHour !== undefined) return { pricePerHour, priceFrom: "api" }
  const shipped = Hardware.shippedPrice(instance)
  return shipped === undefined
    ? {}
    : { pricePerHour: shipped.pricePerHour, priceFrom: shipped.from, priceAsOf: shipped.asOf }
}

const dollarsOf = (billed: Range, pricePerHour: number | undefined) =>
  pricePerHour === undefined ? undefined : Ranges.map(billed, (minutes) => (minutes * pricePerHour) / 60)

const toMinutes = (seconds: Range) => Ranges.map(seconds, (value) => value / 60)

const deadlineOf = (
  load: Bill.Load,
  seconds: number,
  pricePerHour: number | undefined,
  maxReplicas: number | undefined
): typeof Deadline.Type => {
  const { likely, surely } = Bill.replicasFor(load, seconds)
  if (likely === undefined) return { problem: "booting and the longest row alone take longer" }
  if (maxReplicas !== undefined && likely > maxReplicas) {
    return { problem: `it would take ${likely} replicas; the quota has room for ${maxReplicas}` }
  }
  const billedMinutes = Bill.billedMinutes(load, likely)
  return {
    replicas: likely,
    ...(surely === undefined || (maxReplicas !== undefined && surely > maxReplicas) ? {} : { surely }),
    minutes: toMinutes(Bill.secondsOf(load, likely)),
    billedMinutes,
    dollars: dollarsOf(billedMinutes, pricePerHour)
  }
}

/** How many replicas the quota has room for. */
const roomOf = ({ accelerators, quotaLeft }: Hardware.Instance): number | undefined =>
  quotaLeft === undefined || accelerators <= 0 ? undefined : Math.max(1, Math.floor(quotaLeft / accelerators))

const choiceOf = (instance: Hardware.Instance, options: Options): Choice => {
  const { evidence, model, work } = options
  const found = Speed.find({ instance, evidence, model, work })
  const common = {
    vendor: instance.vendor,
    region: instance.region,
    instanceType: instance.instanceType,
    instanceSize: instance.instanceSize,
    status: instance.status,
    ...priceOf(instance),
    basis: found.basis,
    because: found.because,
    isCheapest: false,
    isFastest: false,
    maxReplicas: roomOf(instance)
  }
  if (found.cost === undefined) return common
  const { seconds, tail } = found.cost
  const load = {
    boot: Speed.isWhere(options.running, instance) ? Ranges.exactly(0) : bootOf(instance, options),
    work: Ranges.map(seconds, (value) => value * work.requests),
    tail
  }
  if (work.requests <= 0) {
    const none = Ranges.exactly(0)
    return { ...common, minutes: none, billedMinutes: none, dollars: dollarsOf(none, common.pricePerHour) }
  }
  const billedMinutes = Bill.billedMinutes(load, 1)
  return {
    ...common,
    requestsPerSecond: { low: 1 / seconds.high, expected: 1 / seconds.expected, high: 1 / seconds.low },
    minutes: toMinutes(Bill.secondsOf(load, 1)),
    billedMinutes,
    dollars: dollarsOf(billedMinutes, common.pricePerHour),
    ...(options.deadline === undefined
      ? {}
      : {
          deadline: deadlineOf(
            load,
            Duration.toSeconds(Duration.fromInputUnsafe(options.deadline)),
            common.pricePerHour,
            common.maxReplicas
          )
        })
  }
}

const leastOf = (choices: ReadonlyArray<Choice>, by: (choice: Choice) => number | undefined) =>
  choices.reduce<Choice | undefined>((best, choice) => {
    const value = by(choice)
    const least = best === undefined ? undefined : by(best)
    return value !== undefined && (least === undefined || value < least) ? choice : best
  }, undefined)

const byDollars = (a: Choice, b: Choice) => {
  const rank = ({ dollars, minutes }: Choice) => (minutes === undefined ? 2 : dollars === undefined ? 1 : 0)
  return (
    rank(a) - rank(b) ||
    (a.dollars?.expected ?? 0) - (b.dollars?.expected ?? 0) ||
    (a.minutes?.expected ?? 0) - (b.minutes?.expected ?? 0) ||
    (a.pricePerHour ?? Infinity) - (b.pricePerHour ?? Infinity)
  )
}

/**
 * Forecasts a batch on each hardware. Pure: give it what `Hardware.list` says of what can be had.
 *
 * Every range is wider where less is known, and low ≤ expected ≤ high. Nothing to do takes nothing.
 *
 * **Example** (A guess without any run, on an L4)
 *
 * ```ts
 * import { Forecast } from "@stint/batch"
 * import type { Hardware } from "@stint/core"
 *
 * const l4: Hardware.Instance = {
 *   vendor: "aws",
 *   region: "us-east-1",
 *   instanceType: "nvidia-l4",
 *   instanceSize: "x1",
 *   accelerator: "gpu",
 *   accelerators: 1,
 *   architecture: undefined,
 *   cpus: undefined,
 *   memory: undefined,
 *   acceleratorMemory: 24,
 *   status: "available",
 *   pricePerHour: 0.8,
 *   quotaLeft: 4
 * }
 * const forecast = Forecast.make({
 *   work: {
 *     requests: 100_000,
 *     inputTokens: { low: 300, expected: 430, high: 600 },
 *     outputTokens: { low: 0, expected: 0, high: 0 }
 *   },
 *   model: Forecast.sizeOf("BAAI/bge-small-en-v1.5"),
 *   hardware: [l4]
 * })
 * console.log(forecast.choices[0]?.basis) // => published
 * ```
 */
export const make = (options: Options): Forecast => {
  const { model } = options
  const isRoomy = (instance: Hardware.Instance) =>
    model === undefined || Speed.isWhere(options.evidence, instance) || Speed.fits(instance, model) !== false
  const roomy = options.hardware.filter(isRoomy)
  const choices = roomy.map((instance) => choiceOf(instance, options)).toSorted(byDollars)
  const cheapest = leastOf(choices, ({ dollars }) => dollars?.expected)
  // In whole minutes: of two that are as fast the cheaper one is meant.
  const fastest = leastOf(choices, ({ billedMinutes }) => billedMinutes?.expected)
  return {
    requests: options.work.requests,
    choices: choices.map((choice) => ({
      ...choice,
      isCheapest: choice === cheapest,
      isFastest: choice === fastest
    })),
    tooSmall: options.hardware.length - roomy.length
  }
}
