/**
 * The money of one holder of a lease: what it has cost, at which price, and by when it must end to keep its cap.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Endpoint } from "@stint/core/Endpoint"
import { Endpoints } from "@stint/core/Endpoints"
import type { EndpointSpec } from "@stint/core/EndpointSpec"
import * as Hardware from "@stint/core/Hardware"
import * as Policy from "@stint/core/Policy"
import type { Bill } from "../../Cost.ts"
import * as CostCap from "../../CostCap.ts"
import { CostLedger } from "../../CostLedger.ts"
import type { ReleasePolicy } from "../../ManagedEndpoint.ts"
import * as ReplicaPolicy from "../../ReplicaPolicy.ts"
import * as LeaseMetrics from "./leaseMetrics.ts"
import * as Meter from "./meter.ts"
import { stepFor } from "./release.ts"
import * as Steps from "./steps.ts"

/** How long a release may take that goes as it should: one call is given ten seconds. */
const RELEASE = Duration.toMillis("12 seconds")

/** How long it may take to write down what was answered last. */
const FLUSH = Duration.toMillis("3 seconds")

/** How often to look at an endpoint that nothing else looks at; oftener where replicas come and go. */
const LOOK = Duration.seconds(30)
const LOOK_SCALING = Duration.seconds(15)

/** The longest that a cap is believed to be where it was. */
const RECHECK = Duration.toMillis("5 seconds")

export interface Options extends CostCap.CostCap {
  readonly name: string
  readonly pricePerHour?: number | undefined
  readonly replicas?: ReplicaPolicy.Replicas | undefined
  readonly onRelease?: ReleasePolicy | undefined
}

interface Price {
  readonly pricePerHour: number
  readonly from: NonNullable<Bill["priceFrom"]>
  readonly asOf?: string | undefined
}

/** What is known of an endpoint before anything is done to it. */
export type Subject = { readonly endpoint: Endpoint } | { readonly spec: EndpointSpec }

/** By when a lease must end, for whoever works on it. */
export interface Cap {
  /** When the last answer may come, in milliseconds of the clock. It moves as the endpoint is looked at. */
  readonly cutAt: () => number
  /** What to say when it has come. */
  readonly reached: (left: number | undefined) => Effect.Effect<CostCap.CostCapReached>
}

/** The cap in numbers. */
export interface Allowance {
  /** Minutes of replicas. */
  readonly minutes: number
  readonly replicas: number
  readonly pricePerHour: number | undefined
  /** Whether it runs already, and need not boot. */
  readonly isRunning: boolean
}

const hardwareOf = (subject: Subject): Hardware.Known =>
  "spec" in subject
    ? subject.spec
    : {
        vendor: subject.endpoint.provider?.vendor ?? undefined,
        region: subject.endpoint.provider?.region ?? undefined,
        instanceType: subject.endpoint.compute?.instanceType ?? undefined,
        instanceSize: subject.endpoint.compute?.instanceSize ?? undefined
      }

const nameOf = ({ instanceSize, instanceType, region, vendor }: Hardware.Known) =>
  [vendor, region, instanceType, instanceSize].filter((part) => part !== undefined).join(" ")

/** How many replicas bill at once when it starts, or do already. */
const replicasOf = (subject: Subject): number =>
  "spec" in subject
    ? Math.max(1, subject.spec.minReplica)
    : Math.max(ReplicaPolicy.rangeOf(subject.endpoint)?.least ?? 1, subject.endpoint.billedReplicas)

/** Minutes of replicas that a cap allows. */
const minutesOf = ({ maxBilledMinutes, maxCost }: CostCap.CostCap, price: number | undefined): number =>
  Math.min(
    maxBilledMinutes ?? Infinity,
    // What is paid for exactly is allowed, whatever the last digit of the division is.
    maxCost === undefined || price === undefined ? Infinity : Math.floor((maxCost * 60) / price + 1e-9)
  )

/** What is wrong with an amount; nothing where there is none to be wrong. */
const wrongAmount = (value: number | undefined, of: string): string | undefined =>
  value === undefined || (Number.isFinite(value) && value > 0)
    ? undefined
    : `is ${value}. Give ${of} above 0, or leave it out.`

/** What is wrong with the options of a lease, the first of it. */
const problemOf = (options: Options): readonly [option: string, detail: string] | undefined => {
  const { maxBilledMinutes, maxCost, onRelease, pricePerHour, replicas = "follow" } = options
  const cost = wrongAmount(maxCost, "a number of US dollars")
  if (cost !== undefined) return ["maxCost", cost]
  const minutes = wrongAmount(maxBilledMinutes, "a number of minutes")
  if (minutes !== undefined) return ["maxBilledMinutes", minutes]
  const price = wrongAmount(pricePerHour, "a number of US dollars for a replica-hour")
  if (price !== undefined) return ["pricePerHour", price]
  if (replicas !== "follow" && !(Number.isSafeInteger(replicas) && replicas >= 1)) {
    return ["replicas", `is ${replicas}. Give a whole number of 1 or more, or "follow".`]
  }
  if (onRelease !== "keep" || (maxCost === undefined && maxBilledMinutes === undefined)) return undefined
  return [
    'onRelease "keep"',
    "leaves the endpoint running, and no cap would end its bill. Choose: leave out maxCost and maxBilledMinutes (for the command --max-cost and --max-billed-minutes), or take another release, such as pause."
  ]
}

export const make = Effect.fnUntraced(function* (
  options: Options,
  endpoints: Endpoints["Service"],
  /** Told what is seen at a look of its own. */
  saw: (endpoint: Endpoint) => Effect.Effect<void>
) {
  const clock = yield* Clock.Clock
  const { maxBilledMinutes, maxCost, name } = options
  const isCapped = maxCost !== undefined || maxBilledMinutes !== undefined
  const given: Price | undefined =
    options.pricePerHour === undefined ? undefined : { pricePerHour: options.pricePerHour, from: "given" }
  let price = given
  let meter = Meter.make()
  let namespace: string | undefined
  let since: number | undefined
  let readyAt: number | undefined
  let ranBefore = false
  let goesOn = false

  const now = () => clock.currentTimeMillisUnsafe()
  const ledger = yield* CostLedger
  const before = ledger?.before ?? []
  /** When this lease looked first. */
  let lookedAt: number | undefined

  /** What is billed from when on: what was billed before the lease goes on up to its first look. */
  const steps = (): ReadonlyArray<Steps.Step> => {
    const seam = lookedAt ?? now()
    const goesOn = Steps.last(before) > 0
    const from = goesOn ? seam : since
    const own = from === undefined || since === undefined ? [] : Steps.since(meter.steps(), from)
    return before.length === 0 ? own : Steps.joined([goesOn ? Steps.until(before, seam) : before, own])
  }
  const startOf = () => (before.length === 0 ? (since ?? Infinity) : -Infinity)

  /** By the shipped list, which is at hand, for as long as nothing better is known. */
  const guess = (subject: Subject | undefined) => {
    if (subject !== undefined) price ??= Hardware.shippedPrice(hardwareOf(subject))
  }

  const ask = (subject: Subject): Effect.Effect<void> =>
    given !== undefined
      ? Effect.void
      : Hardware.price(hardwareOf(subject)).pipe(
          Effect.provideService(Endpoints, endpoints),
          Effect.map((found) => {
            price = found ?? price
          })
        )

  const bill = Effect.sync((): Bill => {
    const own = meter.stretches(since ?? Infinity, now())
    const billedMinutes = Meter.minutes(
      before.length === 0 ? own : Steps.stretches(steps(), startOf(), now())
    )
    const boot = own.reduce(
      (sum, stretch) =>
        sum + Math.max(0, Math.min(stretch.to, readyAt ?? Infinity) - stretch.from) / Meter.MINUTE,
      0
    )
    return {
      billedMinutes,
      replicas: since === undefined ? 0 : meter.replicas(),
      peakReplicas: before.reduce(
        (most, { replicas }) => Math.max(most, replicas),
        since === undefined ? 0 : meter.peak()
      ),
      ...(ranBefore ? { ranBefore } : { bootMinutes: boot }),
      ...(price === undefined
        ? {}
        : {
            pricePerHour: price.pricePerHour,
            priceFrom: price.from,
            ...(price.asOf === undefined ? {} : { priceAsOf: price.asOf }),
            dollars: (billedMinutes * price.pricePerHour) / 60
          })
    }
  })

  const reached = (left: number | undefined) =>
    Effect.map(
      bill,
      ({ billedMinutes, dollars }) =>
        new CostCap.CostCapReached({
          name,
          billedMinutes,
          dollars,
          maxCost,
          maxBilledMinutes,
          left,
          isBooting: readyAt === undefined,
          ...(goesOn ? { goesOn } : {})
        })
    )

  /** By when nothing may be billed any more. */
  const end = () =>
    since === undefined
      ? Infinity
      : meter.latestEnd(startOf(), minutesOf(options, price?.pricePerHour), steps())
  const cap: Cap | undefined = isCapped ? { cutAt: () => end() - RELEASE - FLUSH, reached } : undefined

  /** Fails when the time for the release has come. */
  const overdue: Effect.Effect<never, CostCap.CostCapReached> = Effect.gen(function* () {
    while (true) {
      // A boot that leaves no time to work in is over as well.
      const left = end() - RELEASE - (readyAt === undefined ? FLUSH : 0) - now()
      if (left <= 0) return yield* Effect.flatMap(reached(undefined), Effect.fail)
      yield* Effect.sleep(Duration.millis(Math.ceil(Math.min(left, RECHECK))))
    }
  })

  /** Ends what goes on when the time for the release has come. */
  const within = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | CostCap.CostCapReached, R> =>
    isCapped ? Effect.raceFirst(effect, overdue) : effect

  /** Refuses what is no amount, and a cap that nothing would keep; before anything is asked or woken. */
  const check = Effect.suspend(() => {
    const problem = problemOf(options)
    if (problem === undefined) return Effect.void
    const [option, detail] = problem
    return Effect.fail(new CostCap.MoneyRefused({ name, option, detail }))
  })

  /** The price, before anything is woken; refuses what cannot be kept to its cap. */
  const affords = Effect.fnUntraced(function* (
    subject: Subject
  ): Effect.fn.Return<
    Allowance | undefined,
    CostCap.PriceUnknown | CostCap.CapTooSmall | CostCap.CostCapReached
  > {
    guess(subject)
    if (!isCapped) return undefined
    if (maxCost !== undefined) {
      yield* ask(subject)
      if (price === undefined) {
        return yield* new CostCap.PriceUnknown({ name, hardware: nameOf(hardwareOf(subject)), maxCost })
      }
    }
    const replicas = replicasOf(subject)
    const minutes = minutesOf(options, price?.pricePerHour)
    const isRunning = "endpoint" in subject && subject.endpoint.isRunning
    // In these words nothing passes that is no number.
    if (!(minutes >= replicas)) {
      const each = { pricePerHour: price?.pricePerHour, maxCost, maxBilledMinutes, isRunning }
      return yield* new CostCap.CapTooSmall({ name, replicas, ...each })
    }
    // Where it is billed still, by those who hold it, the time of their end is this one's too.
    const isBilled = Steps.last(before) > 0 && meter.replicas() > 0
    if (!isBilled) {
      const spent = Meter.minutes(Steps.stretches(Steps.until(before, now()), -Infinity, now()))
      if (spent > 0 && spent + replicas > minutes)
        return yield* Effect.flatMap(reached(undefined), Effect.fail)
    }
    return { minutes, replicas, pricePerHour: price?.pricePerHour, isRunning }
  })

  /** Tells the metrics what it has cost by now. */
  const tell = Effect.suspend(() =>
    since === undefined || namespace === undefined
      ? Effect.void
      : LeaseMetrics.tell(meter, {
          namespace,
          name,
          since,
          at: now(),
          pricePerHour: price?.pricePerHour
        })
  )

  const see = (endpoint: Endpoint | undefined) =>
    Effect.andThen(
      Effect.sync(() => {
        lookedAt ??= now()
        meter.see(now(), endpoint)
      }),
      tell
    )

  /** Looks by itself; replicas that wait for their hardware are not billed yet, and only their own list tells. */
  const look = Effect.gen(function* () {
    const endpoint = yield* Effect.tap(endpoints.get(name), saw)
    const { readyReplica, status } = endpoint
    if (endpoint.state !== "running" || (status.targetReplica ?? 0) <= readyReplica)
      return yield* see(endpoint)
    const all = yield* Effect.option(endpoints.replicas(name))
    yield* Effect.sync(() => {
      const staged = all._tag === "Some" ? all.value.filter(({ status: of }) => of?.stage) : []
      const billed = staged.filter(({ status: of }) => of?.stage !== "pending").length
      meter.see(now(), endpoint, staged.length === 0 ? undefined : Math.max(1, readyReplica, billed))
    })
    yield* tell
  }).pipe(
    Effect.provideService(Policy.CurrentTransient, Schedule.recurs(0)),
    Effect.timeoutOption(LOOK_SCALING),
    Effect.ignore
  )

  /** Looks at the endpoint now and then, where nobody else has. */
  const watch = (endpoint: Endpoint): Effect.Effect<never> => {
    const every = Duration.toMillis(ReplicaPolicy.autoscales(endpoint) ? LOOK_SCALING : LOOK)
    return Effect.gen(function* () {
      while (true) {
        const due = meter.seenAt() + every - now()
        if (due > 0) yield* Effect.sleep(Duration.millis(Math.ceil(due)))
        else {
          yield* look
          // Where the API does not answer it is asked no oftener.
          if (meter.seenAt() + every <= now()) yield* Effect.sleep(Duration.millis(every))
        }
      }
    })
  }

  ledger?.begun({ steps, bill })

  return {
    /** From here on what is billed is ours; what the holders before us saw is known. */
    begin: Effect.sync(() => {
      since ??= now()
    }),
    /** The looks of all who hold the endpoint in this process. */
    share: (shared: Meter.Meter, of: string) => {
      meter = shared
      namespace = of
    },
    check,
    adopted: () => {
      ranBefore = true
    },
    /** How it was found before anybody of ours woke it. */
    found: (state: string | undefined) => {
      goesOn = stepFor(options.onRelease ?? "pause", state) === "leave"
    },
    ready: Effect.sync(() => {
      readyAt ??= now()
    }),
    pricePerHour: (subject?: Subject): number | undefined => {
      guess(subject)
      return price?.pricePerHour
    },
    ask,
    affords,
    see,
    /** A call that may have started it was not answered. */
    assume: Effect.sync(() => meter.assume(now(), 1)),
    bill,
    cap,
    within,
    watch
  }
})

export type Spending = Effect.Success<ReturnType<typeof make>>
