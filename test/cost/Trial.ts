/**
 * One seeded run against an emulator in virtual time: what the run says it has cost, beside what the emulator's own meter
 * says.
 */
import { Batch, type Cost, Job, Limit, type ManagedEndpoint, Progress, Sharing } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator, type Engine, Scenario } from "@stint/emulator"
import {
  Clock,
  Context,
  Duration,
  Effect,
  type Exit,
  Fiber,
  Layer,
  Logger,
  Option,
  Predicate,
  References,
  type Scope,
  Stream
} from "effect"
import * as World from "../batchWorld.ts"
import * as Dice from "../chaos/Dice.ts"
import * as Simulation from "../chaos/Simulation.ts"

const DAY = 86_400_000

const bootSeconds = [4, 7, 11, 14, 16, 19, 23, 29, 31, 37, 45] as const

/** What happens in a trial. */
export interface Plan {
  readonly seed: number
  readonly found: "none" | "paused" | "scaledToZero" | "running"
  readonly scaling: { readonly minReplica: number; readonly maxReplica: number }
  readonly replicas: number | "follow"
  readonly bootSeconds: number
  readonly boot: "well" | "fails" | "stuck"
  readonly rows: number
  /** How long the engine takes for a row, in milliseconds: at least, and at most. */
  readonly takes: readonly [number, number]
  readonly limit: number
  /** Faults on the way to the endpoint, of every hundred requests. */
  readonly faults: number
  /** Whether the management API fails now and then. */
  readonly isFlaky: boolean
  /** What somebody else does to the endpoint, and when, in seconds from the start. */
  readonly foreign: ReadonlyArray<{ readonly at: number; readonly does: "paused" | "scaledToZero" }>
  readonly onForeignPause: "stop" | "resume"
  readonly onRelease: ManagedEndpoint.ReleasePolicy
  readonly cap: { readonly maxCost?: number; readonly maxBilledMinutes?: number }
  readonly price: "api" | "given" | "list"
}

export const PER_HOUR = 0.8

const foundBy = (dice: Dice.Dice) =>
  dice.weighed<Plan["found"]>(
    [
      [50, "none"],
      [20, "paused"],
      [15, "scaledToZero"],
      [15, "running"]
    ],
    "none"
  )

export const plan = (seed: number): Plan => {
  const dice = Dice.named(seed, "money")
  const scaling = dice.weighed<Plan["scaling"]>(
    [
      [60, { minReplica: 0, maxReplica: 1 }],
      [15, { minReplica: 0, maxReplica: dice.between(2, 4) }],
      [10, { minReplica: 1, maxReplica: dice.between(1, 3) }]
    ],
    { minReplica: 0, maxReplica: 1 }
  )
  const replicas = dice.chance(0.2) ? dice.between(1, 3) : "follow"
  const minutes = dice.between(1, 3)
  const cap = dice.weighed<Plan["cap"]>(
    [
      [50, {}],
      [25, { maxBilledMinutes: minutes }],
      // Between two minutes, so that it is the started one that counts.
      [25, { maxCost: ((minutes + dice.next()) * PER_HOUR) / 60 }]
    ],
    {}
  )
  const foreign = dice.chance(0.25)
    ? [
        {
          at: dice.between(5, 100),
          does: dice.pick<"paused" | "scaledToZero">(["paused", "scaledToZero"])
        }
      ]
    : []
  const boot = dice.weighed<Plan["boot"]>(
    [
      [94, "well"],
      [4, "fails"],
      [2, "stuck"]
    ],
    "well"
  )
  return {
    seed,
    found: boot === "well" ? foundBy(dice) : "none",
    scaling,
    replicas,
    bootSeconds: bootSeconds[dice.between(0, bootSeconds.length - 1)] ?? 4,
    boot,
    rows: dice.between(1, 10),
    takes: dice.pick<Plan["takes"]>([
      [100, 2000],
      [2000, 15_000],
      [5000, 40_000]
    ]),
    limit: dice.between(1, 4),
    faults: dice.pick([0, 0, 3, 10]),
    isFlaky: dice.chance(0.2),
    foreign,
    onForeignPause: dice.pick(["stop", "resume"]),
    onRelease: dice.pick(["pause", "pause", "pause", "scaleToZero", "delete", "restore"]),
    cap,
    price: dice.pick(["api", "api", "given", "list"])
  }
}

/** What came of it. */
export interface Outcome {
  readonly plan: Plan
  readonly end: string
  /** What the run says at the end of its lease; nothing where it held none. */
  readonly bill: Cost.Bill | undefined
  /** What the emulator's meter counted during the run, in minutes of replicas. */
  readonly minutes: number
  readonly dollars: number
  readonly pricePerHour: number
  readonly succeeded: number
  readonly events: ReadonlyArray<string>
  readonly heldSeconds: number
}

const tagOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (exit._tag === "Success") return "ok"
  const [first] = exit.cause.reasons
  if (first?._tag !== "Fail") return first?._tag ?? "?"
  return Predicate.hasProperty(first.error, "_tag") ? String(first.error._tag) : "?"
}

/** An answer that takes its time, by the row. */
const engineOf = (plan: Plan) =>
  World.scripted(({ nth, text }) => {
    const dice = Dice.named(plan.seed, `${text} ${nth}`)
    return Effect.delay(
      Effect.succeed(
        dice.chance(plan.faults / 100) ? World.refusal(dice.pick([429, 500])) : World.good(text)
      ),
      Duration.millis(dice.between(...plan.takes))
    )
  })

const tamperOf = (plan: Plan): World.Tamper => {
  let count = 0
  return ({ method, path }) => {
    if (path.startsWith("/v2/provider")) return plan.price === "list" ? "refused" : undefined
    if (!plan.isFlaky || !path.startsWith("/v2/endpoint") || method !== "GET") return undefined
    return Dice.named(plan.seed, `call ${count++}`).chance(0.15) ? "refused" : undefined
  }
}

const spec = (plan: Plan) =>
  EndpointSpec.make({
    repository: "acme/embedder",
    accelerator: "gpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "nvidia-l4",
    instanceSize: "x1",
    ...plan.scaling
  })

const nameOf = ({ boot, bootSeconds: seconds, seed }: Plan) => `s${seed}-b${seconds}-${boot}`

/** An emulator that trials share, one after the other: building it takes longer than most trials. */
export interface Bench {
  readonly context: Context.Context<World.World>
  readonly serve: (engine: Engine.Engine, tamper: World.Tamper) => void
}

export const bench: Effect.Effect<Bench, never, Scope.Scope> = Effect.gen(function* () {
  let engine: Engine.Engine = World.echo
  let tamper: World.Tamper = () => undefined
  const boots = bootSeconds.map((seconds) => ({
    on: { endpoint: `*-b${seconds}-*` },
    do: { bootTakes: `${seconds} seconds` as const }
  }))
  const context = yield* Layer.build(
    World.world(
      {
        engine: { ...World.echo, handle: (request) => engine.handle(request) },
        logCapacity: 1,
        scenario: Scenario.make({
          rules: [
            ...boots,
            { on: { endpoint: "*-fails" }, do: { bootFails: "no memory" } },
            { on: { endpoint: "*-stuck" }, do: { stuck: "initializing" } }
          ]
        })
      },
      (seen) => tamper(seen)
    )
  )
  return {
    context,
    serve: (nextEngine, nextTamper) => {
      engine = nextEngine
      tamper = nextTamper
    }
  }
})

const program = (plan: Plan) =>
  Effect.gen(function* () {
    const emulator = yield* Emulator.Emulator
    const endpoints = yield* Endpoints.Endpoints
    const name = nameOf(plan)
    if (plan.found !== "none") {
      yield* endpoints.create(name, spec(plan))
      yield* Effect.sleep(Duration.seconds(plan.bootSeconds + Dice.named(plan.seed, "age").between(5, 90)))
      if (plan.found !== "running") yield* emulator.setState(name, plan.found)
    }
    const meter = emulator
      .bill(name)
      .pipe(Effect.orElseSucceed(() => ({ billedMinutes: 0, dollars: 0, pricePerHour: PER_HOUR })))
    const before = yield* meter
    const events: Array<string> = []
    let bill: Cost.Bill | undefined
    let from: number | undefined
    let to: number | undefined
    for (const { at, does } of plan.foreign) {
      yield* Effect.forkChild(
        Effect.gen(function* () {
          yield* Effect.sleep(Duration.seconds(at))
          // Only what runs is taken down: anything else would be a race with the call that wakes it.
          const now = (yield* emulator.endpoints).find((endpoint) => endpoint.name === name)
          if (now?.state === "running") yield* Effect.ignore(emulator.setState(name, does))
        })
      )
    }
    const progress = Progress.make({ total: plan.rows })
    const job = Job.embed({ key: (word: string) => word, text: (word) => word })
    const exit = yield* Effect.exit(
      Batch.runOn(
        Stream.fromIterable(World.words(plan.rows)),
        {
          name,
          spec: spec(plan),
          replicas: plan.replicas,
          onRelease: plan.onRelease,
          onForeignPause: plan.onForeignPause,
          readyTimeout: "2 minutes",
          pricePerHour: plan.price === "given" ? PER_HOUR : undefined,
          ...plan.cap,
          onEvent: (event) =>
            Effect.gen(function* () {
              events.push(event._tag)
              if (event._tag === "Acquired") from = yield* Clock.currentTimeMillis
              if ("bill" in event) {
                bill = event.bill
                to = yield* Clock.currentTimeMillis
              }
            })
        },
        job,
        { limit: Limit.fixed(plan.limit), progress }
      )
    )
    const after = yield* meter
    const { succeeded } = yield* progress.snapshot
    return {
      plan,
      end: tagOf(exit),
      // The report of a run that went well is the lease's own bill.
      bill: exit._tag === "Success" ? exit.value.bill : bill,
      minutes: after.billedMinutes - before.billedMinutes,
      dollars: after.dollars - before.dollars,
      pricePerHour: after.pricePerHour,
      succeeded,
      events,
      heldSeconds: from === undefined || to === undefined ? 0 : (to - from) / 1000
    } satisfies Outcome
  })

/** Runs a trial to its end, in no time. */
export const run = Effect.fnUntraced(function* ({ context: shared, serve }: Bench, given: Plan) {
  const simulation = Simulation.make()
  const { context } = simulation.domain()
  serve(engineOf(given), tamperOf(given))
  // A service of its own, which knows no prices yet.
  const endpoints = Context.get(shared, Endpoints.Endpoints).in("emulator")
  const whole = program(given).pipe(
    Effect.provideService(Endpoints.Endpoints, endpoints),
    Effect.provideContext(shared),
    Effect.provideService(Sharing.Sharing, Sharing.make()),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Effect.provideService(Logger.CurrentLoggers, new Set())
  )
  const fiber = Effect.runForkWith(context)(whole)
  yield* simulation.run(() => fiber.pollUnsafe() !== undefined || simulation.now() > DAY)
  if (fiber.pollUnsafe() === undefined) {
    return yield* Effect.die(new Error(`seed ${given.seed} does not end: ${simulation.now()} ms`))
  }
  return yield* Fiber.join(fiber)
})

/** The cap in minutes of replicas, by the emulator's price. */
export const allowed = ({ cap }: Plan): number =>
  Math.min(
    cap.maxBilledMinutes ?? Infinity,
    Option.match(Option.fromNullishOr(cap.maxCost), {
      onNone: () => Infinity,
      onSome: (cost) => (cost * 60) / PER_HOUR
    })
  )

/** How many replicas it may have at the most. */
export const mostReplicas = ({ found, replicas, scaling }: Plan): number =>
  found === "none" && replicas !== "follow" ? replicas : scaling.maxReplica
