/**
 * How much a lease may cost, and what is said when it may not cost more.
 *
 * A cap holds for the whole lease: the boot, the work, the drain, and the started minute in which the endpoint is put to
 * sleep. It is kept as long as the release goes as it should; a release that has to be tried again may take longer.
 */
import * as Schema from "effect/Schema"
import { formatDollars } from "./Cost.ts"

/** How much a lease may cost. Without a number there is no such cap. */
export interface CostCap {
  /** US dollars. The price must be known. */
  readonly maxCost?: number | undefined
  /** Minutes of replicas: two replicas for a minute are two. */
  readonly maxBilledMinutes?: number | undefined
}

const minutesText = (minutes: number) => (minutes === 1 ? "1 billed minute" : `${minutes} billed minutes`)

const capText = ({ maxBilledMinutes, maxCost }: CostCap): string =>
  [
    ...(maxCost === undefined ? [] : [formatDollars(maxCost)]),
    ...(maxBilledMinutes === undefined ? [] : [minutesText(maxBilledMinutes)])
  ].join(" and ")

/** A number of the money's is none, or a cap could not be kept. Nothing was woken. */
export class MoneyRefused extends Schema.TaggedError<MoneyRefused>()("MoneyRefused", {
  name: Schema.String,
  /** `maxCost`, `maxBilledMinutes`, `pricePerHour`, `replicas` or `onRelease`. */
  option: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The money for endpoint "${this.name}" is refused: ${this.option} ${this.detail} Nothing was woken.`
  }
}

/** The lease has cost what it may, less what its end takes. It was ended; finished work is kept. */
export class CostCapReached extends Schema.TaggedError<CostCapReached>()("CostCapReached", {
  name: Schema.String,
  billedMinutes: Schema.Int,
  dollars: Schema.optional(Schema.Finite),
  maxCost: Schema.optional(Schema.Finite),
  maxBilledMinutes: Schema.optional(Schema.Finite),
  /** Items without an outcome, where that is known. */
  left: Schema.optional(Schema.Int),
  /** Whether it never became ready. */
  isBooting: Schema.Boolean,
  /** Whether the endpoint ran before and is left running, as `restore` says. */
  goesOn: Schema.optional(Schema.Boolean)
}) {
  override get message() {
    const dollars = this.dollars === undefined ? "" : ` (${formatDollars(this.dollars)})`
    const at = `at ${minutesText(this.billedMinutes)}${dollars} so as not to cost more than ${capText(this)}`
    const what = this.goesOn
      ? `The lease of endpoint "${this.name}" was ended ${at}; the endpoint ran before, so with onRelease restore it goes on running and is billed`
      : `Endpoint "${this.name}" was stopped ${at}`
    if (this.isBooting) {
      return `${what}: it was not ready by then, and nothing was sent. Give it more: maxCost or maxBilledMinutes, for the command --max-cost or --max-billed-minutes.`
    }
    const left =
      this.left === undefined
        ? ""
        : ` ${this.left.toLocaleString("en-US")} ${this.left === 1 ? "item is" : "items are"} left.`
    return `${what}.${left} Finished work is kept; the same run again goes on with what is left, and with the whole cap anew.`
  }
}

/** Nobody knows what the hardware costs, so nobody can see to it that it costs no more. Nothing was woken. */
export class PriceUnknown extends Schema.TaggedError<PriceUnknown>()("PriceUnknown", {
  name: Schema.String,
  hardware: Schema.String,
  maxCost: Schema.Finite
}) {
  override get message() {
    const hardware = this.hardware === "" ? "hardware that it does not name" : this.hardware
    return `What endpoint "${this.name}" costs is not known (${hardware}), so it cannot be kept to ${formatDollars(this.maxCost)}. Say the price of a replica-hour (pricePerHour, for the command --price), or cap the time instead (maxBilledMinutes, --max-billed-minutes). Nothing was woken.`
  }
}

/** The cap does not pay for one minute of the replicas that would start. Nothing was woken. */
export class CapTooSmall extends Schema.TaggedError<CapTooSmall>()("CapTooSmall", {
  name: Schema.String,
  replicas: Schema.Int,
  pricePerHour: Schema.optional(Schema.Finite),
  maxCost: Schema.optional(Schema.Finite),
  maxBilledMinutes: Schema.optional(Schema.Finite),
  /** Whether it runs already, and need not boot. */
  isRunning: Schema.optional(Schema.Boolean)
}) {
  override get message() {
    const { maxBilledMinutes, maxCost, pricePerHour } = this
    const replicas = this.replicas === 1 ? "one replica" : `${this.replicas} replicas`
    const minute = [
      ...(maxCost === undefined || pricePerHour === undefined
        ? []
        : [`costs ${formatDollars((pricePerHour * this.replicas) / 60)}`]),
      ...(maxBilledMinutes === undefined ? [] : [`is ${minutesText(this.replicas)}`])
    ].join(" and ")
    const boot = this.isRunning
      ? "and every started minute is billed"
      : "every started minute is billed, and a cold start takes some of them"
    return `${capText(this)} does not pay for endpoint "${this.name}": a minute of ${replicas} ${minute}, ${boot}. Give it more: maxCost or maxBilledMinutes, for the command --max-cost or --max-billed-minutes. Nothing was woken.`
  }
}

/** What a cap and its numbers are refused with, before anything is woken. */
export type Refused = MoneyRefused | PriceUnknown | CapTooSmall
