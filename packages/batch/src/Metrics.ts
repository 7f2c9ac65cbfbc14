/**
 * What a run tells a metrics exporter. The engine counts in plain numbers; they are published every second, so that a
 * request costs nothing more.
 *
 * | name | kind | labels |
 * | --- | --- | --- |
 * | `stint_items_total` | counter | `outcome`: `succeeded`, `failed`, `skipped` |
 * | `stint_attempts_total` | counter | |
 * | `stint_faults_total` | counter | `reason`: see `Fault.Reason` |
 * | `stint_in_flight` | gauge, requests | |
 * | `stint_limit` | gauge, requests | |
 * | `stint_held_seconds_total` | counter, seconds that requests were held back because the endpoint was away | |
 *
 * **Example** (Reading a counter)
 *
 * ```ts
 * import { Metrics } from "@stint/batch"
 * import { Effect, Metric } from "effect"
 *
 * const attempts = Effect.map(Metric.value(Metrics.attempts), ({ count }) => count)
 * ```
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import { Reason } from "./Fault.ts"
import type { Cells } from "./Progress.ts"

/** Items by what became of them. */
export const items = Metric.counter("stint_items_total", {
  description: "Items that left a run",
  incremental: true
})

/** Requests that were charged to an item. */
export const attempts = Metric.counter("stint_attempts_total", {
  description: "Requests that were charged to an item",
  incremental: true
})

/** Failed requests by reason. */
export const faults = Metric.counter("stint_faults_total", {
  description: "Failed requests by reason",
  incremental: true
})

/** Requests sent and not answered. */
export const inFlight = Metric.gauge("stint_in_flight", {
  description: "Requests sent and not answered"
})

/** How many requests may be in flight. */
export const limit = Metric.gauge("stint_limit", { description: "How many requests may be in flight" })

/** Seconds that requests were held back because the endpoint was away. */
export const held = Metric.counter("stint_held_seconds_total", {
  description: "Seconds that requests were held back because the endpoint was away",
  incremental: true
})

const byOutcome = {
  succeeded: Metric.withAttributes(items, { outcome: "succeeded" }),
  failed: Metric.withAttributes(items, { outcome: "failed" }),
  skipped: Metric.withAttributes(items, { outcome: "skipped" })
}

const byReason = Reason.literals.map((reason) => [reason, Metric.withAttributes(faults, { reason })] as const)

/**
 * Publishes a run's counters every second until the scope closes, and once more then.
 */
export const publish = (cells: Cells): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const last = {
      succeeded: 0,
      failed: 0,
      skipped: 0,
      attempts: 0,
      held: 0,
      faults: new Map<string, number>()
    }

    const difference = (name: "succeeded" | "failed" | "skipped" | "attempts", now: number) => {
      const more = now - last[name]
      last[name] = now
      return more
    }

    const tell = Effect.gen(function* () {
      yield* Metric.update(byOutcome.succeeded, difference("succeeded", cells.succeeded))
      yield* Metric.update(byOutcome.failed, difference("failed", cells.failed))
      yield* Metric.update(byOutcome.skipped, difference("skipped", cells.skipped))
      yield* Metric.update(attempts, difference("attempts", cells.attempts))
      for (const [reason, metric] of byReason) {
        const now = cells.faults.get(reason) ?? 0
        yield* Metric.update(metric, now - (last.faults.get(reason) ?? 0))
        last.faults.set(reason, now)
      }
      const heldSeconds = cells.heldMillis() / 1000
      yield* Metric.update(held, heldSeconds - last.held)
      last.held = heldSeconds
      yield* Metric.update(inFlight, cells.inFlight)
      yield* Metric.update(limit, cells.limit())
    })

    return Effect.andThen(
      Effect.addFinalizer(() => tell),
      Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), tell)))
    )
  })
