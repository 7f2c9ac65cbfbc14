/** The whole matrix, played several cells at a time. */
import { Effect, Semaphore } from "effect"
import * as Cell from "./Cell.ts"
import * as Disk from "./Disk.ts"
import type { End } from "./Ends.ts"
import { phases } from "./Phases.ts"

/** Most of a cell is waiting: for a boot, for an outage to end. */
const AT_ONCE = 10

const turns = Semaphore.makeUnsafe(AT_ONCE)

/** Whether this machine can bring an end about. */
export const isPossible = (end: End): boolean => end.needsDisk !== true || Disk.canMount()

/** One end in every phase. */
export const row = (end: End): Effect.Effect<ReadonlyArray<Cell.Result>> =>
  Effect.forEach(phases, (phase) => turns.withPermit(Cell.run(phase, end)), { concurrency: "unbounded" })
