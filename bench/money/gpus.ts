/** The engines under study, and what they can do at best. */
import { GpuModel } from "@stint/emulator"
import { Clock, Duration, Effect } from "effect"
import { inVirtualTime } from "../../scripts/limitsWorld.ts"
import type { Row } from "./rows.ts"

/** An engine: a GPU, and whether it refuses. */
export interface Subject {
  readonly id: string
  readonly name: string
  readonly gpu: GpuModel.Options
  readonly instanceType: string
  /** 429 above so many at a time; absent: it queues. */
  readonly refusesAbove?: number | undefined
  /** Whether `/metrics` and `/info` answer. Default: true. */
  readonly tells?: boolean | undefined
}

/** What refuses nothing. */
export const a10g: Subject = {
  id: "a10g",
  name: "A10G-like, vLLM, memory for 77,000 tokens",
  gpu: GpuModel.a10g,
  instanceType: "nvidia-a10g"
}

export const h200: Subject = {
  id: "h200",
  name: "H200-like, vLLM, memory for 600,000 tokens",
  gpu: GpuModel.h200,
  instanceType: "nvidia-h200"
}

export const refusing: Subject = {
  id: "refusing",
  name: "A10G-like, TGI, 429 above 128",
  gpu: GpuModel.a10g,
  instanceType: "nvidia-a10g",
  refusesAbove: 128
}

export const subjects: ReadonlyArray<Subject> = [a10g, h200, refusing]

/** The same, but nothing is known of it but its answers. */
export const silent = (subject: Subject): Subject => ({
  ...subject,
  id: `${subject.id}, silent`,
  name: `${subject.name}, without \`/metrics\` and \`/info\``,
  tells: false
})

type Work = Omit<Row, "id">

/**
 * Seconds of the work alone: no network, no client, all of it there from the beginning, as much of it in the engine at a time
 * as it takes, in the order given.
 */
export const makespan = (
  gpu: GpuModel.Options,
  works: ReadonlyArray<Work>,
  inFlight: number | "unbounded" = "unbounded"
): Effect.Effect<number> =>
  inVirtualTime(
    Effect.gen(function* () {
      const { run } = yield* GpuModel.make(gpu)
      yield* Effect.forEach(works, (work) => run(work), { concurrency: inFlight, discard: true })
      return (yield* Clock.currentTimeMillis) / 1000
    })
  )

/**
 * Seconds that no order and no scheduler can go below: each step takes its time however few sequences run, and memory bounds how
 * many do. So many tokens have to lie in it for so many steps, and the longest answer needs a step for each of its tokens.
 */
export const least = (gpu: GpuModel.Options, works: ReadonlyArray<Work>): number => {
  const sum = (of: (work: Work) => number) => works.reduce((total, work) => total + of(work), 0)
  const held = sum(({ outputTokens, promptTokens }) => outputTokens * (promptTokens + (outputTokens - 1) / 2))
  const output = sum(({ outputTokens }) => outputTokens)
  const steps = Math.max(
    held / gpu.cacheTokens,
    output / (gpu.maxSequences ?? 256),
    works.reduce((most, { outputTokens }) => Math.max(most, outputTokens), 0)
  )
  const millis =
    steps * Duration.toMillis(gpu.step) +
    output * Duration.toMillis(gpu.perSequence) +
    sum(({ promptTokens }) => promptTokens) * Duration.toMillis(gpu.perPromptToken)
  return millis / 1000
}
