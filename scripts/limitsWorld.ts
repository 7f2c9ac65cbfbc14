/**
 * A batch on a simulated engine in virtual time: the real engine of `@stint/batch` against the emulator, whose language model
 * is only its time. An hour of the clock takes seconds.
 */
import { Batch, Job, type Limit, Progress, withEndpoint } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator, Engine, GpuModel, SimulatedLlm, Tgi, Vllm } from "@stint/emulator"
import { Clock, Duration, Effect, Fiber, Stream } from "effect"
import { HttpServerResponse } from "effect/http"

/**
 * What changes in mid-run: answers get longer from the `after`th request on, so that the work is the same under any limit; or
 * a second replica is asked for after `after` seconds, and comes half a minute later.
 */
export type Change = "longer" | "replica"

/** An engine under study. */
export interface Studied {
  readonly gpu: GpuModel.Options
  /** 429 above so many at a time; absent: it queues. */
  readonly refusesAbove?: number | undefined
  /** Whether `/metrics` and `/info` answer. Default: true. */
  readonly tells?: boolean | undefined
  readonly change?: { readonly what: Change; readonly after: number } | undefined
}

export interface Options extends Studied {
  readonly rows: number
  readonly limit: Limit.Limit
  /** Which answers are long. Default: 1. */
  readonly seed?: number | undefined
}

/** How things stood at a moment. */
export interface Moment {
  readonly second: number
  readonly inFlight: number
  readonly limit: number
  readonly running: number
  readonly waiting: number
}

export interface Result {
  /** From the first request to the last answer. */
  readonly seconds: number
  readonly billedMinutes: number
  readonly succeeded: number
  readonly refusals: number
  readonly meanInFlight: number
  readonly moments: ReadonlyArray<Moment>
}

interface Sleeper {
  readonly at: number
  readonly wake: () => void
  isGone: boolean
}

/** A clock that stands still until nothing is left to do, and then jumps to the next sleeper. */
const virtualClock = () => {
  let now = 0
  const heap: Array<Sleeper> = []
  const isBefore = (a: number, b: number) => heap[a]!.at < heap[b]!.at
  const swap = (a: number, b: number) => {
    const kept = heap[a]!
    heap[a] = heap[b]!
    heap[b] = kept
  }
  const add = (sleeper: Sleeper) => {
    let at = heap.push(sleeper) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }
  const take = (): Sleeper | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ;) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBefore(child, least)) least = child
      }
      if (least === at) return first
      swap(at, least)
      at = least
    }
  }
  const millis = () => now
  const nanos = () => BigInt(Math.round(now * 1_000_000))
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        const sleeper: Sleeper = {
          at: now + Math.max(0, Duration.toMillis(duration)),
          wake: () => resume(Effect.void),
          isGone: false
        }
        add(sleeper)
        return Effect.sync(() => {
          sleeper.isGone = true
        })
      })
  }
  /** Jumps to the next moment at which somebody wakes; `false` when nobody sleeps. */
  const jump = () => {
    let next = take()
    while (next?.isGone) next = take()
    if (next === undefined) return false
    now = next.at
    for (; next !== undefined; next = heap[0] !== undefined && heap[0].at <= now ? take() : undefined) {
      if (!next.isGone) next.wake()
    }
    return true
  }
  return { clock, jump }
}

/** So often others are let go first until everything is done that needs no time: bodies are read by promises. */
const TURNS = 8

/** For so many milliseconds of real time nothing may move. */
const PATIENCE = 60_000

/** Runs a program in virtual time. */
export const inVirtualTime = <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const { clock, jump } = virtualClock()
    const fiber = yield* Effect.forkChild(Effect.provideService(program, Clock.Clock, clock))
    let idle = 0
    while (fiber.pollUnsafe() === undefined) {
      yield* Effect.repeat(Effect.yieldNow, { times: TURNS })
      if (fiber.pollUnsafe() === undefined && !jump()) {
        // Nobody sleeps: a file is being read, in real time.
        if (++idle > PATIENCE) return yield* Effect.die("nothing moves any more")
        yield* Effect.sleep("1 milli")
      } else idle = 0
    }
    return yield* Fiber.join(fiber)
  })

interface Row {
  readonly id: string
  readonly prompt: string
}

/** A hash of two numbers, from 0 to 1. */
const dice = (a: number, b: number) => {
  let x = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32
}

/** Prompts of 981 tokens on average, four bytes each. */
const rowsOf = (count: number, seed: number): ReadonlyArray<Row> =>
  Array.from({ length: count }, (_, index) => {
    const normal =
      Math.sqrt(-2 * Math.log(1 - dice(index, seed))) * Math.cos(2 * Math.PI * dice(index, seed + 1000))
    const tokens = Math.min(4096, Math.max(4, Math.round(848 * Math.exp(0.54 * normal))))
    const id = `row-${seed}-${index} `
    return { id, prompt: id.padEnd(4 * (tokens - 2), ".") }
  })

const job = Job.chat({
  name: "reference",
  key: (row: Row) => row.id,
  messages: ({ prompt }) => [{ role: "user", content: prompt }],
  parameters: { max_tokens: 1024 }
})

/** How long the second replica takes to come. */
const REPLICA_SECONDS = 30

const modelId = "stint/simulated"
const name = "limits"

const specOf = ({ refusesAbove }: Studied) =>
  EndpointSpec.make({
    repository: modelId,
    task: "text-generation",
    accelerator: "gpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "nvidia-a10g",
    instanceSize: "x1",
    image:
      refusesAbove === undefined
        ? { vLLM: { url: "vllm/vllm-openai" } }
        : { tgi: { url: "ghcr.io/huggingface/text-generation-inference" } }
  })

/** Answers of 238 tokens on average, or of two and a half times as many. */
const medians = { usual: 180, longer: 450 }

const serve = (studied: Studied, gpu: GpuModel.GpuModel, median: number): Engine.Engine => {
  const model = SimulatedLlm.make({ gpu, output: { median, sigma: 0.8 } })
  return studied.refusesAbove === undefined
    ? Vllm.make(model, { modelId, maxNumSeqs: 100_000 })
    : Tgi.make(model, { modelId, maxConcurrentRequests: studied.refusesAbove })
}

/** The engine, and how busy it is. */
const engineOf = Effect.fnUntraced(function* (studied: Studied) {
  const { change } = studied
  const gpu = yield* GpuModel.make(studied.gpu)
  const first = serve(studied, gpu, medians.usual)
  const other = change?.what === "longer" ? gpu : yield* GpuModel.make(studied.gpu)
  const second = serve(studied, other, change?.what === "longer" ? medians.longer : medians.usual)
  let comesAt = Infinity
  let sent = 0
  let turn = 0
  const taken = [0, 0]
  const pick = (isChanged: boolean): 0 | 1 => {
    if (!isChanged) return 0
    if (change?.what !== "replica") return 1
    return taken[1]! < taken[0]! ? 1 : 0
  }
  const engine: Engine.Engine = {
    ...first,
    handle: (request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const path = Engine.path(request)
        if (studied.tells === false && (path === "/metrics" || path === "/info")) {
          return Effect.succeed(HttpServerResponse.empty({ status: 404 }))
        }
        if (request.method === "POST") sent++
        const isChanged = change?.what === "longer" ? sent > change.after : now >= comesAt
        if (request.method === "GET") {
          // Behind a proxy either replica answers.
          const at = isChanged && change?.what === "replica" ? ++turn % 2 : pick(isChanged)
          return (at === 0 ? first : second).handle(request)
        }
        const at = pick(isChanged)
        taken[at]! += 1
        return Effect.ensuring(
          (at === 0 ? first : second).handle(request),
          Effect.sync(() => {
            taken[at]! -= 1
          })
        )
      })
  }
  const load = Effect.map(Effect.all([gpu.load, other.load]), ([a, b]) =>
    other === gpu ? a : { running: a.running + b.running, waiting: a.waiting + b.waiting }
  )
  return {
    engine,
    load,
    begin: Effect.map(Clock.currentTimeMillis, (now) => {
      comesAt = now + 1000 * (change?.what === "replica" ? change.after + REPLICA_SECONDS : Infinity)
    })
  }
})

/** Runs a batch on an engine with a limit; everything but the clock is as it is in use. */
export const simulate = (options: Options): Effect.Effect<Result> =>
  Effect.gen(function* () {
    const { begin, engine, load } = yield* engineOf(options)
    const rows = rowsOf(options.rows, options.seed ?? 1)
    const moments: Array<Moment> = []
    return yield* Effect.gen(function* () {
      const progress = Progress.make({ total: rows.length })
      const { cells } = progress
      let started = 0
      const look = Effect.gen(function* () {
        const { running, waiting } = yield* load
        const now = yield* Clock.currentTimeMillis
        moments.push({
          second: (now - started) / 1000,
          inFlight: cells.inFlight,
          limit: Math.min(cells.limit(), options.limit.max),
          running,
          waiting
        })
      })
      const ended = yield* withEndpoint({ name, spec: specOf(options) }, () =>
        Effect.gen(function* () {
          started = yield* Clock.currentTimeMillis
          yield* begin
          const looking = yield* Effect.forkChild(
            Effect.forever(Effect.andThen(Effect.sleep("1 second"), look))
          )
          if (options.change?.what === "replica")
            yield* Effect.forkChild(Effect.orDie(grow(options.change.after)))
          yield* Batch.run(Stream.fromIterable(rows), job, { limit: options.limit, progress })
          yield* Fiber.interrupt(looking)
          return yield* Clock.currentTimeMillis
        })
      )
      const { bill } = yield* Emulator.Emulator
      const { billedMinutes } = yield* bill(name)
      return {
        seconds: (ended - started) / 1000,
        billedMinutes,
        succeeded: cells.succeeded,
        refusals: cells.faults.get("busy") ?? 0,
        meanInFlight: moments.reduce((sum, { inFlight }) => sum + inFlight, 0) / Math.max(1, moments.length),
        moments
      }
    }).pipe(
      Effect.provide(
        Emulator.layerTest(undefined, {
          boot: options.change?.what === "replica" ? Duration.seconds(REPLICA_SECONDS) : "4 minutes",
          update: "1 milli",
          engines: () => engine
        })
      )
    )
  }).pipe(inVirtualTime, Effect.orDie)

/** Asks for a second replica. */
const grow = Effect.fnUntraced(function* (after: number) {
  const endpoints = yield* Endpoints.Endpoints
  yield* Effect.sleep(Duration.seconds(after))
  yield* endpoints.update(name, { minReplica: 2, maxReplica: 2, scaleToZeroTimeout: null })
})
