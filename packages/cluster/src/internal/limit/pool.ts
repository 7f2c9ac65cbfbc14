/**
 * One worker's part of a limit, shared by the engines of its chunks: they send no more together than it allows.
 *
 * The chunk that was begun first goes first, so that chunks come to their end, and what it does not need the next one has.
 */
import * as Effect from "effect/Effect"
import type { Job, Limit } from "@stint/batch"

interface Engine {
  inFlight: number
  readonly changed: () => void
}

/** A worker's part of a limit. */
export interface Pool {
  /** The limit and the job of one chunk's engine. */
  readonly join: <In, Out, E, R>(
    job: Job.Job<In, Out, E, R>
  ) => { readonly limit: Limit.Limit; readonly job: Job.Job<In, Out, E, R> }
  /** Requests in flight now. */
  readonly inFlight: () => number
  /** The part has grown. */
  readonly turn: () => void
}

/** Made once for each worker and limit. `share` is asked at each request. */
export const make = (options: {
  readonly share: () => number
  readonly max: number
  readonly onSample: (sample: Limit.Sample) => void
}): Pool => {
  const engines = new Set<Engine>()

  const inFlight = () => {
    let sum = 0
    for (const engine of engines) sum += engine.inFlight
    return sum
  }

  /** An engine always sends one at least, so each counts as one that waits for it. */
  const room = (mine: Engine) => {
    let taken = 0
    for (const engine of engines) if (engine !== mine) taken += Math.max(1, engine.inFlight)
    return options.share() - taken
  }

  const turn = () => {
    for (const engine of engines) engine.changed()
  }

  const join = <In, Out, E, R>(job: Job.Job<In, Out, E, R>) => {
    let engine: Engine | undefined
    const counted = <A, E2, R2>(request: Effect.Effect<A, E2, R2>): Effect.Effect<A, E2, R2> =>
      Effect.suspend(() => {
        const mine = engine
        if (mine === undefined) return request
        mine.inFlight++
        return Effect.ensuring(
          request,
          Effect.sync(() => {
            mine.inFlight--
            // Not the one whose request it was: its place is not free yet, and it looks by itself.
            for (const other of engines) if (other !== mine) other.changed()
          })
        )
      })
    const make = (changed: () => void) =>
      Effect.acquireRelease(
        Effect.sync((): Limit.Controller => {
          const mine: Engine = { inFlight: 0, changed }
          engine = mine
          engines.add(mine)
          return {
            current: () => Math.max(1, room(mine)),
            onSample: options.onSample,
            onReopened: () => undefined,
            describe: () => ({ limit: Math.max(1, room(mine)), ceiling: undefined, source: "fleet" })
          }
        }),
        () =>
          Effect.sync(() => {
            if (engine !== undefined) engines.delete(engine)
            turn()
          })
      )
    const { pack } = job
    return {
      limit: { max: options.max, make },
      job: {
        ...job,
        run: (input: In) => counted(job.run(input)),
        ...(pack === undefined
          ? {}
          : { pack: { ...pack, run: (inputs: ReadonlyArray<In>) => counted(pack.run(inputs)) } })
      }
    }
  }

  return { join, inFlight, turn }
}
