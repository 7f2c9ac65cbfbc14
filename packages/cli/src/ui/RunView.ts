/**
 * What a person sees of a run, on stderr: each step of the lease, and how far the rows are.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { formatDollars, formatPrice } from "@stint/batch/Cost"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Endpoint } from "@stint/core/Endpoint"
import * as PriceList from "@stint/core/PriceList"
import type { Progress } from "@stint/batch/Progress"
import { dollarsPerThousand } from "@stint/batch/Report"
import type { Report } from "@stint/batch/Report"
import * as Cells from "./Cells.ts"
import * as LeaseState from "./LeaseState.ts"
import * as RunFrame from "./RunFrame.ts"
import { Screen } from "./Screen.ts"
import { formatMillis } from "./Times.ts"

export { Screen } from "./Screen.ts"
export { formatMillis } from "./Times.ts"

const count = (n: number) => n.toLocaleString("en-US")

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
  `stint endpoints pause ${name} --namespace ${namespace}`

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

/** The view of one run. */
export interface RunView {
  readonly say: (line: string) => Effect.Effect<void>
  readonly event: (event: ManagedEndpoint.Event) => Effect.Effect<void>
  /** Shows where the endpoint is and how far the rows are until it is interrupted; then takes away what can be drawn over. */
  readonly follow: (progress: Progress) => Effect.Effect<never>
}

/** Erases from the cursor to the end of the screen. */
const CLEAR = "\r\u001b[J"
const CLEAR_LINE = "\u001b[K"
const up = (lines: number) => `\r\u001b[${lines}A`

const styles = { label: ["\u001b[2m", "\u001b[22m"], bad: ["\u001b[33m", "\u001b[39m"] } as const

/** How often it is drawn. */
const DRAWN = Duration.millis(500)
/** How often it is looked at where it is not drawn: the time that is left is reckoned from looks. */
const LOOKED = Duration.seconds(1)

/** Milliseconds between two lines of a log: seldom enough for a run of a night. */
const pauseOf = (elapsed: number, phase: LeaseState.Lease["phase"]): number =>
  elapsed >= 600_000 ? 60_000 : phase === "booting" ? 30_000 : 10_000

/** Below so many lines of a terminal there is room for one. */
const LOW = 12

/** Makes the view for the endpoint of that name, which has so long to be ready. */
export const make = Effect.fnUntraced(function* (
  name: string,
  options: { readonly readyTimeout?: Duration.Duration | undefined } = {}
): Effect.fn.Return<RunView, never, Screen> {
  const screen = yield* Screen
  const { canRedraw, write } = screen
  const startedAt = yield* Clock.currentTimeMillis
  const readyTimeout = options.readyTimeout && Duration.toMillis(options.readyTimeout)
  let lease = LeaseState.initial
  /** What stands below the cursor. */
  let block = ""

  /*
   * The cursor stands on an empty line, what is drawn below it. So whoever else writes to the terminal, a warning or the
   * terminal itself for Ctrl-C, writes there; and what is below is wiped wherever a new width has moved it.
   */
  const blockOf = (texts: ReadonlyArray<string>) =>
    texts.length === 0
      ? CLEAR
      : `\r${CLEAR_LINE}${texts.map((text) => `\n${text}${CLEAR_LINE}`).join("")}\u001b[J${up(texts.length)}`

  const style = (part: "label" | "bad", text: string) => {
    const [from, to] = styles[part]
    return screen.canColor === true && text !== "" ? `${from}${text}${to}` : text
  }

  const textsOf = (moment: RunFrame.Moment): ReadonlyArray<string> => {
    const columns = Math.max(1, screen.columns - 1)
    if ((screen.rows ?? 24) >= LOW) {
      return RunFrame.lines(moment, columns).map((line) => RunFrame.lineOf(line, columns, style))
    }
    const line = RunFrame.one(moment)
    return line === undefined ? [] : [Cells.clip(line, columns)]
  }

  const say = (line: string) => write(canRedraw ? `${CLEAR}${line}\n${block}` : `${line}\n`)

  const moment = (progress: Progress) =>
    Effect.map(Effect.all([Clock.currentTimeMillis, progress.snapshot]), ([now, snapshot]) => ({
      now,
      lease,
      snapshot
    }))

  const drawn = (progress: Progress) =>
    Effect.gen(function* () {
      const now = yield* moment(progress)
      const texts = textsOf(now)
      const next = texts.length === 0 && block === "" ? "" : blockOf(texts)
      // Whatever was written over it meanwhile is drawn anew.
      if (next !== "") yield* write(next)
      block = texts.length === 0 ? "" : next
    })

  let toldAt = startedAt
  const logged = (progress: Progress) =>
    Effect.gen(function* () {
      const now = yield* moment(progress)
      const elapsed = now.now - startedAt
      if (now.lease.phase === "none" || now.now - toldAt < pauseOf(elapsed, now.lease.phase)) return
      const line = RunFrame.one(now)
      if (line === undefined) return
      toldAt = now.now
      yield* write(`[${formatMillis(elapsed)}] ${line}\n`)
    })

  return {
    say,
    event: Effect.fnUntraced(function* (event) {
      const now = yield* Clock.currentTimeMillis
      lease = LeaseState.after(lease, event, now, readyTimeout)
      toldAt = now
      const words = describe(event, name)
      const hint = canRedraw ? nextCtrlC[event._tag] : undefined
      if (hint === undefined) return yield* say(words)
      const isOne = Cells.widthOf(words) + Cells.widthOf(hint) + 4 < screen.columns
      yield* say(`${words}${isOne ? "  " : "\n  "}[${hint}]`)
    }),
    follow: (progress) =>
      (canRedraw ? Effect.delay(drawn(progress), DRAWN) : Effect.delay(logged(progress), LOOKED)).pipe(
        Effect.forever,
        Effect.ensuring(
          Effect.suspend(() => {
            const isThere = block !== ""
            block = ""
            return isThere ? write(CLEAR) : Effect.void
          })
        )
      )
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
