/**
 * Serves the runs of a definition: takes chunks from its queue, as many as it takes to keep the worker's part of the limit busy.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as RcMap from "effect/RcMap"
import * as Semaphore from "effect/Semaphore"
import { Worker } from "../../Worker.ts"
import { within } from "../lease/within.ts"
import { type ChunkItem, MAX_ATTEMPTS, queueOf } from "../run/workflow.ts"
import type { Definition } from "./definition.ts"
import * as Engagement from "./engagement.ts"
import { look } from "./look.ts"
import * as Process from "./process.ts"
import type { Since } from "./silence.ts"

/** How long the endpoint is held for a run that has no chunk for this worker any more. */
const LINGER = Duration.seconds(3)
/** How long those that take are waited for when they are to stop: what they give back goes to a database that may be away. */
const GIVE_BACK = Duration.seconds(3)
/** Chunks that are had in hand at the least, so that one begins while another ends. */
const LEAST_CHUNKS = 2

/** The database was away for a moment: the chunk is taken again, by whoever reaches it. */
const isOfDatabase = (error: unknown) =>
  Predicate.isTagged(error, "SqlError") || Predicate.isTagged(error, "LeaseRecordError")

/** Forks what serves a definition, for as long as the scope is open. */
export const serve = Effect.fnUntraced(function* <In, Out, E, R>(definition: Definition<In, Out, E, R>) {
  const worker = yield* Worker
  const queue = yield* queueOf(definition.name)
  worker.definitions.add(definition.name)

  const engagements = yield* RcMap.make({
    lookup: (key: string) =>
      Effect.gen(function* () {
        const run = yield* worker.runs.get(key.split("/")[0] ?? "")
        if (run === undefined) return undefined
        return yield* Engagement.make(run, definition)
      }),
    idleTimeToLive: LINGER
  })
  const inHand = yield* Semaphore.make(Math.min(LEAST_CHUNKS, worker.maxChunks))
  let wanted = LEAST_CHUNKS
  let stocks: Engagement.Stock | undefined

  /** As many chunks as hold twice what may be in flight. */
  const adjust = Effect.fnUntraced(function* (share: number, rows: number) {
    const next = Math.min(
      worker.maxChunks,
      Math.max(LEAST_CHUNKS, 1 + Math.ceil((2 * share) / Math.max(1, rows)))
    )
    // Each sends one request at least.
    const bounded = Math.max(1, Math.min(next, share))
    if (bounded === wanted) return
    wanted = bounded
    yield* inHand.resize(bounded)
  })

  const one = (item: ChunkItem, { attempts }: { readonly attempts: number }, since: Since) =>
    Effect.gen(function* () {
      const run = yield* worker.runs.get(item.id)
      const isLive = run?.state === "enqueuing" || run?.state === "running"
      // Of an attempt that is over, or of a run that was purged.
      if (run === undefined || !isLive || run.attempt !== item.attempt) return
      yield* Effect.scoped(
        Effect.gen(function* () {
          const key = `${item.id}/${item.attempt}`
          const engaged = yield* Effect.exit(RcMap.get(engagements, key))
          if (Exit.isFailure(engaged)) {
            if (Cause.hasInterrupts(engaged.cause)) return yield* Effect.failCause(engaged.cause)
            const error = Cause.squash(engaged.cause)
            const isOnce = isOfDatabase(error) && attempts < MAX_ATTEMPTS
            // What failed is not lingered with: others may wait for its place among the holders.
            return yield* (isOnce ? Effect.fail(error) : Process.stopRun(run, error)).pipe(
              Effect.ensuring(RcMap.invalidate(engagements, key))
            )
          }
          // Purged, or over before the endpoint was awake: it is put back to sleep at once.
          if (engaged.value === undefined) return yield* RcMap.invalidate(engagements, key)
          if (yield* Deferred.isDone(engaged.value.over)) return
          stocks = engaged.value.stock
          const share = engaged.value.share()
          const rows = (run.items ?? 0) / Math.max(1, run.chunks ?? 1)
          if (share > 0) yield* adjust(share, rows)
          yield* Process.process(engaged.value, item.number, attempts >= MAX_ATTEMPTS, since)
        })
      )
    })

  const taker = Effect.gen(function* () {
    yield* inHand.withPermit(
      Effect.suspend(() => {
        const stock = stocks
        if (stock !== undefined) stock.waiting++
        let isWaiting = true
        const since = worker.since()
        const found = Effect.sync(() => {
          if (isWaiting && stock !== undefined) stock.waiting--
          isWaiting = false
        })
        return queue
          .take((item, meta) =>
            Effect.suspend(() =>
              // Given back at once: others have it.
              worker.isDraining() || since.isLost()
                ? Effect.interrupt
                : Effect.andThen(found, worker.counted(one(item, meta, since)))
            )
          )
          .pipe(Effect.ensuring(found))
      })
    )
  }).pipe(
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.andThen(Effect.logWarning("A chunk will be done again.", cause), Effect.sleep("500 millis"))
    ),
    Effect.repeat({ while: () => !worker.isDraining() })
  )

  const busy = [...Array.from({ length: worker.maxChunks }, () => taker), look(definition.name)]
  const fibers = yield* Effect.forEach(busy, (one) => Effect.forkDetach(one))
  // The endpoint is released after this, and not later because nobody can be told what is given back.
  yield* Effect.addFinalizer(() =>
    Effect.andThen(worker.stop, Effect.ignoreCause(within(Fiber.interruptAll(fibers), GIVE_BACK)))
  )
})
