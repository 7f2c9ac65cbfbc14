/**
 * How many replicas an endpoint should have, asked anew every minute.
 *
 * @source contract: scale-up runs every minute, scale-down every two, with 300 seconds of stabilisation; pending
 * requests are averaged over 20 seconds, hardware usage over one minute
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Held } from "./held.ts"
import * as Replicas from "./replicas.ts"
import * as Telemetry from "./telemetry.ts"

/** What is measured, and how much of it one replica should have. */
export interface Measure {
  readonly kind: "pendingRequests" | "hardwareUsage"
  readonly threshold: number
}

/** What the server takes when no value is given: the documented defaults of the UI. */
export const defaults: Readonly<Record<Measure["kind"], number>> = { pendingRequests: 1.5, hardwareUsage: 80 }

const every = 60_000
const stabilisation = 300_000

const windowOf = ({ kind }: Measure) => (kind === "pendingRequests" ? 20_000 : 60_000)

/** The number of replicas that a load asks for; `atWork` is the average number of requests at work. */
export const wanted = (measure: Measure, atWork: number, running: number): number =>
  measure.kind === "pendingRequests"
    ? Math.ceil(atWork / measure.threshold)
    : Math.ceil((running * Telemetry.usage(atWork, running)) / measure.threshold)

/** Scales an endpoint for as long as it runs. */
export const loop = (held: Held, scaleTo: (target: number) => Effect.Effect<void>): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { maxReplicas, measure, replicas: least } = held.spec
    const span = windowOf(measure)
    let recent: ReadonlyArray<{ readonly at: number; readonly wanted: number }> = []
    for (let minute = 1; ; minute++) {
      yield* Effect.sleep(every - span)
      const before = held.telemetry.area(yield* Clock.currentTimeMillis)
      yield* Effect.sleep(span)
      const now = yield* Clock.currentTimeMillis
      const atWork = (held.telemetry.area(now) - before) / span
      const asked = wanted(measure, atWork, Replicas.running(held))
      const clamped = Math.min(Math.max(asked, least), maxReplicas)
      recent = [...recent.filter(({ at }) => at > now - stabilisation), { at: now, wanted: clamped }]
      const calmest = Math.max(...recent.map((each) => each.wanted))
      if (clamped > held.target) yield* scaleTo(clamped)
      else if (minute % 2 === 0 && calmest < held.target) yield* scaleTo(calmest)
    }
  })
