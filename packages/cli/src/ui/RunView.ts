/**
 * What a person sees of a run, on stderr: each step of the lease, and how far the rows are.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { formatDollars, formatPrice } from "@stint/batch/Cost"
import type { Bill } from "@stint/batch/Cost"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Endpoint } from "@stint/core/Endpoint"
import * as PriceList from "@stint/core/PriceList"
import type { Progress, Snapshot } from "@stint/batch/Progress"
import { dollarsPerThousand } from "@stint/batch/Report"
import type { Report } from "@stint/batch/Report"

/** Where the view writes: stderr, and whether a line there can be drawn over. */
export class Screen extends Context.Service<
  Screen,
  {
    readonly write: (text: string) => Effect.Effect<void>
    readonly canRedraw: boolean
    readonly columns: number
  }
>()("@stint/cli/ui/RunView/Screen") {}

const count = (n: number) => n.toLocaleString("en-US")

/** `1m 05s`, `12.3s`: short, for a line that changes. */
export const formatMillis = (millis: number): string => {
  if (millis < 60_000) return `${(millis / 1000).toFixed(1)}s`
  const seconds = Math.round(millis / 1000)
  return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, "0")}s`
}

const releaseVerb: Record<ManagedEndpoint.ReleasePolicy, string> = {
  pause: "Pausing",
  restore: "Restoring",
  scaleToZero: "Scaling to zero",
  delete: "Deleting",
  keep: "Keeping"
}

const acquired: Record<ManagedEndpoint.Acquisition, string> = {
  Created: "created",
  Resumed: "resumed",
  Adopted: "ran already; adopting it"
}

/** What the next Ctrl-C does from here on, for a person who can press it. */
const nextCtrlC: Partial<Record<ManagedEndpoint.Event["_tag"], string>> = {
  Leased: "Ctrl-C: stop waiting",
  Creating: "Ctrl-C: release it as soon as this is answered",
  Resuming: "Ctrl-C: release it as soon as this is answered",
  Acquired: "Ctrl-C: release it",
  Ready: "Ctrl-C: finish what is in flight and release it",
  Releasing: "Ctrl-C three times: leave it to its bill"
}

const unguarded = (event: Extract<ManagedEndpoint.Event, { readonly _tag: "Unguarded" }>) => {
  const { cost } = event
  const bill =
    cost === undefined
      ? "bill"
      : `cost ${formatDollars(cost.perHour)} an hour, ${formatDollars(cost.perWeekend)} a weekend`
  return `  It never scales to zero by itself: after a crash it would ${bill} until somebody stops it. --backstop set changes that for a run that wakes it.`
}

/** A cap under this many minutes of each replica may be eaten by a cold start, which takes 3 to 5. */
const TIGHT = 10

const capped = ({
  isRunning,
  minutes,
  pricePerHour,
  replicas
}: Extract<ManagedEndpoint.Event, { readonly _tag: "Capped" }>) => {
  const each = replicas === 1 ? "" : ` of ${replicas} replicas`
  const price =
    pricePerHour === undefined ? "" : `, ${formatDollars((pricePerHour * replicas) / 60)} a minute`
  if (minutes === Infinity) return `Its cap allows more minutes${each} than anybody counts${price}.`
  const tight =
    isRunning || minutes / replicas >= TIGHT
      ? ""
      : " A cold start takes some of them: it may not leave enough to work in."
  const included = isRunning ? "its end" : "its boot and its end"
  const unit = minutes === 1 ? "minute" : "minutes"
  return `May be billed ${minutes.toLocaleString("en-US")} ${unit}${each}${price}, ${included} included.${tight}`
}

const range = ({ least, most }: { readonly least: number; readonly most: number }) =>
  least === most ? `${most}` : `${least} to ${most}`

const autoscales = (event: Extract<ManagedEndpoint.Event, { readonly _tag: "Autoscales" }>) => {
  const { pricePerHour } = event
  const price = pricePerHour === undefined ? "" : ` (${formatDollars(pricePerHour)} an hour each)`
  return `  It has ${range(event)} replicas: a batch makes its autoscaler add some, and each${price} boots on the bill. --replicas pins their number where the run creates the endpoint.`
}

const pauseCommand = (namespace: string, name: string) =>
  `hf endpoints pause ${name} --namespace ${namespace}`

/** What a create of ours is tagged with is found by a sweep, which does not know that it was to be kept. */
const untilSwept = ({ endpoint }: Extract<ManagedEndpoint.Event, { readonly _tag: "Kept" }>) =>
  endpoint === undefined || (endpoint.tags ?? []).includes("stint")
    ? ' "keep" lasts until the next "stint sweep": that pauses it once it was idle for --idle.'
    : ""

/** States that a release may leave it in, where it is as it was found, and that are billed. */
const bills = new Set(["running", "initializing", "updating"])

const describe = (event: ManagedEndpoint.Event, name: string): string => {
  switch (event._tag) {
    case "Leased":
      return `Endpoint ${name} is leased by ${event.holders}: waiting for its end.`
    case "TookOver":
      return `Endpoint ${name} was left by ${event.leftBy}, held since ${event.since}: taken over.`
    case "Capped":
      return capped(event)
    case "Creating":
      return `Creating endpoint ${name} …`
    case "Resuming":
      return `Endpoint ${name} is ${event.endpoint.state}: resuming it …`
    case "Acquired":
      return `Endpoint ${name} ${acquired[event.acquisition]} (${event.endpoint.hardware}).`
    case "Unguarded":
      return unguarded(event)
    case "Autoscales":
      return autoscales(event)
    case "ReplicasDiffer":
      return `  It has ${range(event)} replicas, not ${event.wanted} as --replicas says: an endpoint that is found is left as it is.`
    case "Guarded":
      return "  It falls asleep by itself during this run, should all else fail; its scaling is put back in the end."
    case "Waiting":
      return `  ${event.endpoint.state}${event.endpoint.status.message ? `: ${event.endpoint.status.message}` : ""}`
    case "Ready":
      return `Ready after ${formatMillis(event.waitedMillis)}.`
    case "Kept": {
      const { pricePerHour } = event.bill
      const price = pricePerHour === undefined ? "" : ` at $${pricePerHour} an hour`
      return `Endpoint ${name} IS LEFT RUNNING, as --on-release keep says, AND BILLED${price}.${untilSwept(event)} To end it: ${pauseCommand(event.namespace, name)}`
    }
    case "Left":
      return `Others hold endpoint ${name} still: the last of them releases it.`
    case "Releasing":
      return `${releaseVerb[event.policy]} endpoint ${name} …`
    case "Released": {
      if (!bills.has(event.state)) return `Endpoint ${name} is ${event.state}, read back from the API.`
      const { pricePerHour } = event.bill
      const price = pricePerHour === undefined ? "" : ` at $${pricePerHour} an hour`
      return `Endpoint ${name} IS LEFT ${event.state.toUpperCase()}, as it was found, AND BILLED${price}; read back from the API.`
    }
  }
}

const bar = (done: number, total: number, width: number) => {
  const filled = total === 0 ? width : Math.floor((done / total) * width)
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`
}

/** Dollars so far, and about how many in the end; minutes where the price is not known. */
const moneyOf = (bill: Bill | undefined, expected: number | undefined): string => {
  if (bill === undefined) return ""
  if (bill.dollars === undefined) return `  ${bill.billedMinutes} min billed`
  const end = expected === undefined ? "" : ` of about ${formatDollars(expected)}`
  return `  ${formatDollars(bill.dollars)}${end}`
}

const describeProgress = (now: Snapshot, bill: Bill | undefined): string => {
  const done = now.succeeded + now.failed + now.skipped
  const left = now.total === undefined ? undefined : now.total - done
  const eta =
    left === undefined || now.rate === 0 ? "" : `  about ${formatMillis((left / now.rate) * 1000)} left`
  const money = moneyOf(bill, now.expectedDollars)
  const failed = now.failed === 0 ? "" : `  ${count(now.failed)} failed`
  const of = now.total === undefined ? count(done) : `${count(done)}/${count(now.total)}`
  const flight = now.isHeld ? "endpoint away, waiting" : `${now.inFlight}/${Math.round(now.limit)} in flight`
  const picture = now.total === undefined ? "" : `${bar(done, now.total, 16)} `
  return `${picture}${of}${failed}  ${Math.round(now.rate)}/s  ${flight}${money}${eta}`
}

/** The view of one run. */
export interface RunView {
  readonly say: (line: string) => Effect.Effect<void>
  readonly event: (event: ManagedEndpoint.Event) => Effect.Effect<void>
  /** Shows how far it is until it is interrupted; clears its line when it ends. */
  readonly follow: (progress: Progress, bill: Effect.Effect<Bill>) => Effect.Effect<void>
}

const CLEAR = "\r\u001b[K"

/** Makes the view for the endpoint of that name. */
export const make = Effect.fnUntraced(function* (name: string): Effect.fn.Return<RunView, never, Screen> {
  const { write, canRedraw, columns } = yield* Screen
  const say = (line: string) => write(`${canRedraw ? CLEAR : ""}${line}\n`)
  const startedAt = yield* Clock.currentTimeMillis
  return {
    say,
    event: (event) => {
      const hint = canRedraw ? nextCtrlC[event._tag] : undefined
      return say(`${describe(event, name)}${hint === undefined ? "" : `  [${hint}]`}`)
    },
    follow: (progress, bill) => {
      const draw = Effect.gen(function* () {
        const line = describeProgress(yield* progress.snapshot, yield* bill)
        if (canRedraw) return yield* write(CLEAR + line.slice(0, columns - 1))
        const elapsed = (yield* Clock.currentTimeMillis) - startedAt
        yield* write(`[${formatMillis(elapsed)}] ${line}\n`)
      })
      const interval = canRedraw ? Duration.millis(250) : Duration.seconds(10)
      return Effect.sleep(interval).pipe(
        Effect.andThen(draw),
        Effect.repeat(Schedule.forever),
        Effect.asVoid,
        Effect.ensuring(canRedraw ? write(CLEAR) : Effect.void)
      )
    }
  }
})

const row = (label: string, value: string) => `  ${label.padEnd(16)}${value}`

/** What to say of an endpoint that is left without a release: where it is known, with its price. */
export const atRisk = (namespace: string, name: string, endpoint: Endpoint | undefined): string => {
  const price =
    endpoint &&
    PriceList.pricePerHour({
      vendor: endpoint.provider?.vendor ?? undefined,
      instanceType: endpoint.compute?.instanceType ?? undefined,
      instanceSize: endpoint.compute?.instanceSize ?? undefined
    })
  const cost = price === undefined ? "" : ` at $${price} an hour`
  return `ENDPOINT ${name} MAY STILL BE BILLING${cost}. Run: ${pauseCommand(namespace, name)}`
}

/** The last words on a run: rows, time, money. */
export const summary = (report: Report, directory: string, state: string | undefined): string => {
  const { bill } = report
  const perThousand = dollarsPerThousand(report)
  const price = bill?.pricePerHour === undefined ? ", price unknown" : ` at ${formatPrice(bill)}`
  const before = bill?.ranBefore ? ", since it was adopted: it ran already" : ""
  const lines = [
    row(
      "rows",
      [
        `${count(report.items)}: ${count(report.succeeded)} done`,
        `${count(report.failed)} failed`,
        ...(report.invalid ? [`${count(report.invalid)} invalid lines left out`] : []),
        ...(report.skipped > 0 ? [`${count(report.skipped)} done before`] : []),
        ...(report.remaining ? [`${count(report.remaining)} left`] : [])
      ].join(", ")
    ),
    row("time", `${formatMillis(report.durationMillis)}, ${Math.round(report.itemsPerSecond)} rows/s`),
    ...(bill === undefined ? [] : [row("billed", `${bill.billedMinutes} min${price}${before}`)]),
    ...(bill?.dollars === undefined ? [] : [row("cost", formatDollars(bill.dollars))]),
    ...(perThousand === undefined ? [] : [row("per 1,000 rows", formatDollars(perThousand))]),
    ...(state === undefined
      ? []
      : [row("endpoint", bills.has(state) ? `${state} as it was found, and billed still` : state)]),
    row("results", directory)
  ]
  return lines.join("\n")
}
