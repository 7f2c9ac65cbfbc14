/** The engines under study, and what they can do at best. */
import { GpuModel } from "@stint/emulator"
import { Clock, Effect } from "effect"
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
