/**
 * What a run and its lease tell a metrics exporter. The engine counts in plain numbers; they are published every second, so
 * that a request costs nothing more. What an endpoint costs is published whenever the endpoint is looked at.
 *
 * | name | kind | labels |
 * | --- | --- | --- |
 * | `stint_items_total` | counter | `outcome`: `succeeded`, `failed`, `skipped` |
 * | `stint_attempts_total` | counter | |
 * | `stint_faults_total` | counter | `reason`: see `Fault.Reason` |
 * | `stint_in_flight` | gauge, requests | |
 * | `stint_limit` | gauge, requests | |
 * | `stint_held_seconds_total` | counter, seconds that requests were held back because the endpoint was away | |
 * | `stint_leases_total` | counter | `acquisition`: `created`, `resumed`, `adopted` |
 * | `stint_ready_seconds` | histogram, seconds from the acquiring to the first answer | |
 * | `stint_releases_total` | counter | `outcome`: `confirmed`, `unconfirmed`, `kept` |
 * | `stint_billed_replicas` | gauge, replicas that are billed | `namespace`, `endpoint` |
 * | `stint_billed_minutes_total` | counter, minutes of replicas | `namespace`, `endpoint` |
 * | `stint_cost_dollars` | gauge, US dollars of the lease that is held, or was last | `namespace`, `endpoint` |
 *
 * Runs of one process add up: `stint_in_flight` and `stint_limit` are of all that run now.
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

/** Leases by how the endpoint came to be ours. */
export const leases = Metric.counter("stint_leases_total", {
  description: "Endpoints that were acquired",
  incremental: true
})

/** Seconds from the acquiring of an endpoint until it answered: the boot, where it slept. */
export const ready = Metric.histogram("stint_ready_seconds", {
  description: "Seconds from the acquiring of an endpoint until it answered",
  boundaries: [1, 10, 30, 60, 120, 300, 600, 1200]
})

/** Ends of leases: read back asleep, not confirmed, or kept running as asked. */
export const releases = Metric.counter("stint_releases_total", {
  description: "Ends of leases by what is known of the endpoint",
  incremental: true
})

/** Replicas that are billed, as of the last look at the endpoint. */
export const billedReplicas = Metric.gauge("stint_billed_replicas", {
  description: "Replicas that are billed, as of the last look at the endpoint"
})

/** Billed minutes of replicas, each started one whole. */
export const billedMinutes = Metric.counter("stint_billed_minutes_total", {
  description: "Billed minutes of replicas, each started one whole",
  incremental: true
})

/** US dollars that the lease has cost so far; no value where the price is not known. */
export const cost = Metric.gauge("stint_cost_dollars", {
  description: "US dollars that the lease that is held has cost, or the last one"
})

/**
 * The unit of each metric by its name, in UCUM as OpenTelemetry has it. Effect's exporter knows units by an attribute alone,
 * which would be a label as well; whoever serializes for a collector can put them in from here.
 */
export const units: Readonly<Record<string, string>> = {
  stint_items_total: "{item}",
  stint_attempts_total: "{request}",
  stint_faults_total: "{request}",
  stint_in_flight: "{request}",
  stint_limit: "{request}",
  stint_held_seconds_total: "s",
  stint_leases_total: "{lease}",
  stint_ready_seconds: "s",
  stint_releases_total: "{lease}",
  stint_billed_replicas: "{replica}",
  stint_billed_minutes_total: "min",
  stint_cost_dollars: "{USD}"
}

const byOutcome = {
  succeeded: Metric.withAttributes(items, { outcome: "succeeded" }),
  failed: Metric.withAttributes(items, { outcome: "failed" }),
  skipped: Metric.withAttributes(items, { outcome: "skipped" })
}

const byReason = Reason.literals.map((reason) => [reason, Metric.withAttributes(faults, { reason })] as const)

const started = [
  attempts,
  held,
  ...Object.values(byOutcome),
  ...byReason.map(([, metric]) => metric),
  ...["created", "resumed", "adopted"].map((acquisition) => Metric.withAttributes(leases, { acquisition })),
  ...["confirmed", "unconfirmed", "kept"].map((outcome) => Metric.withAttributes(releases, { outcome }))
]

/**
 * Begins every counter and gauge that has no endpoint's name at 0, so that a first look finds them and a rate has its start.
 *
 * **Example** (Before the first run of a service)
 *
 * ```ts
 * import { Metrics } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const service = Effect.andThen(Metrics.begin, Effect.never)
 * ```
 */
export const begin: Effect.Effect<void> = Effect.andThen(
  Effect.forEach(started, (metric) => Metric.update(metric, 0), { discard: true }),
  Effect.forEach([inFlight, limit], (metric) => Metric.modify(metric, 0), { discard: true })
)

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
      inFlight: 0,
      limit: 0,
      faults: new Map<string, number>()
    }

    const difference = (
      name: "succeeded" | "failed" | "skipped" | "attempts" | "held" | "inFlight" | "limit",
      now: number
    ) => {
      const more = now - last[name]
      last[name] = now
      return more
    }

    /** What there is now, beside what other runs have. */
    const level = (now: { readonly inFlight: number; readonly limit: number }) =>
      Effect.suspend(() =>
        Effect.andThen(
          Metric.modify(inFlight, difference("inFlight", now.inFlight)),
          Metric.modify(limit, difference("limit", now.limit))
        )
      )

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
      yield* Metric.update(held, difference("held", cells.heldMillis() / 1000))
      yield* level({ inFlight: cells.inFlight, limit: cells.limit() })
    })

    return Effect.andThen(
      Effect.addFinalizer(() => Effect.andThen(tell, level({ inFlight: 0, limit: 0 }))),
      Effect.forkScoped(Effect.forever(Effect.andThen(tell, Effect.sleep("1 second"))))
    )
  })
