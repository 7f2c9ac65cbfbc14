/**
 * The reference job in virtual time: the emulator with a simulated engine behind a network, and what it bills. Prompts say how
 * long they are, so that hours of the clock take seconds.
 */
import { Job } from "@stint/batch"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator, Engine, GpuModel, SimulatedLlm, Tgi, Vllm } from "@stint/emulator"
import { Clock, Deferred, Duration, Effect, type Scope } from "effect"
import { type HttpClient, HttpServerResponse } from "effect/http"
import { inVirtualTime } from "../../scripts/limitsWorld.ts"
import type { Subject } from "./gpus.ts"
import { type Row, promptOf, workOf } from "./rows.ts"

export const name = "reference"

export const BOOT_SECONDS = 240

/** A quarter of the boot is `pending`, which is free. */
export const billedOf = (bootSeconds: number): number => 0.75 * bootSeconds

export const BILLED_BOOT_SECONDS = billedOf(BOOT_SECONDS)

/** What the way to the management API and back takes, and to the engine and back, in milliseconds. No floor has any of it. */
export const NETWORK = { management: 200, data: 50 } as const

export const job = Job.chat({
  name: "reference",
  key: (row: Row) => row.id,
  messages: (row) => [{ role: "user", content: promptOf(row) }],
  parameters: { max_tokens: 1024 }
})

export const specOf = (
  { instanceType, refusesAbove }: Subject,
  more: Partial<EndpointSpec.EndpointSpec> = {}
): EndpointSpec.EndpointSpec => ({
  ...EndpointSpec.make({
    repository: "stint/simulated",
    task: "text-generation",
    accelerator: "gpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType,
    instanceSize: "x1",
    image:
      refusesAbove === undefined
        ? { vLLM: { url: "vllm/vllm-openai" } }
        : { tgi: { url: "ghcr.io/huggingface/text-generation-inference" } }
  }),
  ...more
})

/** What changes while rows are done. */
export interface Change {
  /** From so many requests on answers are so much longer. */
  readonly longer?: { readonly after: number; readonly times: number } | undefined
  /** From so many seconds after the first request on, half of the requests go to a second replica. */
  readonly secondReplica?: number | undefined
  /**
   * After so many answers the GPU is replaced by one with other memory, where all that was in hand begins anew. Answers and not
   * requests: so the first has done as much under any limit.
   */
  readonly memory?: { readonly after: number; readonly cacheTokens: number } | undefined
}

const answer = (tokens: number) =>
  `{"id":"x","object":"chat.completion","created":0,"model":"stint/simulated","choices":[{"index":0,"message":{"role":"assistant","content":"so be it"},"finish_reason":"stop","logprobs":null}],"usage":{"prompt_tokens":1,"completion_tokens":${tokens},"total_tokens":${tokens + 1}}}`

const overloaded = HttpServerResponse.jsonUnsafe(
  { error: "Model is overloaded", error_type: "overloaded" },
  { status: 429 }
)

interface Replica {
  readonly gpu: GpuModel.GpuModel
  readonly gets: Engine.Engine["handle"]
  taken: number
}

const replicaOf = (gpu: GpuModel.Options, refusesAbove: number | undefined) =>
  Effect.map(GpuModel.make(gpu), (gpu): Replica => {
    const model = SimulatedLlm.make({ gpu })
    const { handle } =
      refusesAbove === undefined
        ? Vllm.make(model, { modelId: "stint/simulated", maxNumSeqs: 100_000 })
        : Tgi.make(model, { modelId: "stint/simulated", maxConcurrentRequests: refusesAbove })
    return { gpu, gets: handle, taken: 0 }
  })

const half = Effect.sleep(Duration.millis(NETWORK.data / 2))

const unheard = HttpServerResponse.empty({ status: 404 })

/** An engine that answers as late as a real one would. */
const engineOf = Effect.fnUntraced(function* ({ gpu, refusesAbove, tells }: Subject, change: Change) {
  const first = yield* replicaOf(gpu, refusesAbove)
  const second = yield* replicaOf(
    change.memory === undefined ? gpu : { ...gpu, cacheTokens: change.memory.cacheTokens },
    refusesAbove
  )
  const replaced = yield* Deferred.make<void>()
  let isReplaced = false
  let sent = 0
  let answered = 0
  let startedAt: number | undefined
  let looks = 0
  const inUse = (now: number): ReadonlyArray<Replica> => {
    if (isReplaced) return [second]
    const since = startedAt === undefined ? 0 : (now - startedAt) / 1000
    return change.secondReplica !== undefined && since >= change.secondReplica ? [first, second] : [first]
  }
  const served = (replica: Replica, work: GpuModel.Work) => {
    if (change.memory === undefined || replica === second) return Effect.asVoid(replica.gpu.run(work))
    return Effect.raceFirst(
      Effect.as(replica.gpu.run(work), true),
      Effect.as(Deferred.await(replaced), false)
    ).pipe(Effect.flatMap((isServed) => (isServed ? Effect.void : Effect.asVoid(second.gpu.run(work)))))
  }
  const onAnswer = Effect.suspend(() => {
    answered++
    if (change.memory === undefined || isReplaced || answered < change.memory.after) return Effect.void
    isReplaced = true
    return Deferred.succeed(replaced, undefined)
  })
  const handle: Engine.Engine["handle"] = (request) =>
    Effect.gen(function* () {
      yield* half
      const now = yield* Clock.currentTimeMillis
      const path = Engine.path(request)
      if (tells === false && (path === "/metrics" || path === "/info")) return unheard
      if (request.method !== "POST" || !path.startsWith("/v1/chat")) {
        // Behind a proxy any replica answers.
        const replicas = inUse(now)
        return yield* replicas[looks++ % replicas.length]!.gets(request)
      }
      startedAt ??= now
      sent++
      const replica = inUse(now).reduce((a, b) => (b.taken < a.taken ? b : a))
      if (refusesAbove !== undefined && replica.taken >= refusesAbove) return overloaded
      const asked = workOf(yield* Effect.orDie(request.text))
      const times = change.longer !== undefined && sent > change.longer.after ? change.longer.times : 1
      const outputTokens = Math.min(1024, Math.round(asked.outputTokens * times))
      replica.taken++
      yield* Effect.ensuring(
        served(replica, { promptTokens: asked.promptTokens, outputTokens }),
        Effect.sync(() => {
          replica.taken--
        })
      )
      yield* onAnswer
      return HttpServerResponse.text(answer(outputTokens), { contentType: "application/json" })
    }).pipe(Effect.ensuring(half))
  const engine: Engine.Engine = { name: "simulated", healthRoute: "/health", handle }
  return { engine, startedAt: () => startedAt }
})

/** What happened, in seconds of the clock since the beginning. */
export interface Account<A> {
  readonly value: A
  readonly billedMinutes: number
  readonly dollars: number
  /** From the first billed second to the pause that was accepted; `undefined` where nobody paused it. */
  readonly billedSeconds: number | undefined
  /** From the last answer to the pause that was accepted. */
  readonly tailSeconds: number | undefined
  /** Answers that can be used, and refusals. */
  readonly answered: number
  readonly refused: number
  /** From the first request to the last answer. */
  readonly workSeconds: number
}

type World = Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient | Scope.Scope

/** Runs a program on such an engine in virtual time, and reads the bill when it has ended. */
export const account = <A>(
  subject: Subject,
  program: Effect.Effect<A, unknown, World>,
  change: Change = {},
  bootSeconds: number = BOOT_SECONDS
): Effect.Effect<Account<A>> =>
  Effect.gen(function* () {
    const { engine, startedAt } = yield* engineOf(subject, change)
    const seen = { started: 0, paused: 0, last: 0, answered: 0, refused: 0 }
    const note = ({ method, path, plane, status, time }: Emulator.RequestRecord) =>
      Effect.sync(() => {
        if (method === "GET") return
        if (plane === "data") {
          if (status === 429) seen.refused++
          if (status !== 200) return
          seen.answered++
          seen.last = time
        } else if (path.endsWith("/pause")) seen.paused = time
        else if (seen.started === 0) seen.started = time
      })
    const value = yield* Effect.provide(
      Effect.gen(function* () {
        const value = yield* Effect.scoped(program)
        const { bill } = yield* Emulator.Emulator
        return { value, ...(yield* bill(name)) }
      }),
      Emulator.layerTest(
        {
          rules: [{ on: { plane: "management" }, do: { delay: Duration.millis(NETWORK.management) } }]
        },
        {
          boot: Duration.seconds(bootSeconds),
          update: "1 milli",
          engines: () => engine,
          onRequest: note
        }
      )
    )
    const began = seen.started / 1000 + bootSeconds - billedOf(bootSeconds)
    return {
      value: value.value,
      billedMinutes: value.billedMinutes,
      dollars: value.dollars,
      billedSeconds: seen.paused === 0 ? undefined : seen.paused / 1000 - began,
      tailSeconds: seen.paused === 0 ? undefined : (seen.paused - seen.last) / 1000,
      answered: seen.answered,
      refused: seen.refused,
      workSeconds: (seen.last - (startedAt() ?? seen.last)) / 1000
    }
  }).pipe(inVirtualTime, Effect.orDie)
