/**
 * The steps of a lease as spans, and how often they were taken.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type { Endpoint } from "@stint/core/Endpoint"
import type { Bill } from "../../Cost.ts"
import type { Acquisition, ReleasePolicy } from "../../ManagedEndpoint.ts"
import * as Metrics from "../../Metrics.ts"
import type { Phase } from "./acquire.ts"

/** Makes an effect a step of the lease on the endpoint of that name. */
export const span = (
  step: string,
  name: string
): (<A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>) =>
  Effect.withSpan(step, { attributes: { "stint.endpoint.name": name } })

const hardwareOf = ({ compute, model, provider }: Endpoint) => ({
  ...(model?.repository ? { "gen_ai.request.model": model.repository } : {}),
  ...(provider?.vendor ? { "cloud.provider": provider.vendor } : {}),
  ...(provider?.region ? { "cloud.region": provider.region } : {}),
  ...(compute?.instanceType ? { "stint.instance.type": compute.instanceType } : {}),
  ...(compute?.instanceSize ? { "stint.instance.size": compute.instanceSize } : {})
})

/** It was acquired. */
export const acquired = (
  namespace: string,
  { acquisition, endpoint }: { readonly acquisition: Acquisition; readonly endpoint: Endpoint }
): Effect.Effect<void> => {
  const how = acquisition.toLowerCase()
  return Effect.andThen(
    Metric.update(Metric.withAttributes(Metrics.leases, { acquisition: how }), 1),
    Effect.annotateCurrentSpan({
      "stint.endpoint.namespace": namespace,
      "stint.acquisition": how,
      ...hardwareOf(endpoint)
    })
  )
}

/** It answered, so long after it was acquired. */
export const ready = (waitedMillis: number): Effect.Effect<void> =>
  Metric.update(Metrics.ready, waitedMillis / 1000)

const ended = (outcome: "confirmed" | "unconfirmed" | "kept") =>
  Metric.update(Metric.withAttributes(Metrics.releases, { outcome }), 1)

/** Its holder left it: what became of it, and what it has cost. */
export const released =
  (policy: ReleasePolicy, phase: Phase, bill: Effect.Effect<Bill>) =>
  <E>(leave: Effect.Effect<"last" | "others", E>): Effect.Effect<"last" | "others", E> =>
    leave.pipe(
      Effect.tapError(() => ended("unconfirmed")),
      Effect.tap((left) =>
        left === "others" || phase._tag === "Untouched"
          ? Effect.void
          : ended(policy === "keep" ? "kept" : "confirmed")
      ),
      Effect.onExit(() =>
        Effect.flatMap(bill, ({ billedMinutes, dollars }) =>
          Effect.annotateCurrentSpan({
            "stint.release.policy": policy,
            "stint.billed_minutes": billedMinutes,
            ...(dollars === undefined ? {} : { "stint.cost_dollars": dollars })
          })
        )
      )
    )
