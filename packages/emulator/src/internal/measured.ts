/** What was measured of an endpoint, as the management API answers it. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type BadRequest, Missing } from "@stint/core/ControlPlane"
import type * as EndpointMetrics from "@stint/core/EndpointMetrics"
import * as Graphs from "./graphs.ts"
import type { Held } from "./held.ts"
import * as Instant from "./instant.ts"
import * as OpenMetrics from "./openMetrics.ts"
import * as Replicas from "./replicas.ts"
import * as Telemetry from "./telemetry.ts"

const nothing = () => new Missing({ error: "404 Not Found: no metrics yet", code: "NOT_FOUND" })

const millis = (nanos: bigint) => Number(nanos / 1_000_000n)

/** All graphs of a stretch of time. */
export const graphs = Effect.fnUntraced(function* (
  held: Held,
  window: typeof EndpointMetrics.Window.Type
): Effect.fn.Return<EndpointMetrics.AllGraphs, BadRequest | Missing> {
  const { accelerator, accelerators } = held.spec.hardware.instance
  const made = Graphs.make({
    telemetry: held.telemetry,
    start: millis(yield* Instant.parse("start", window.start)),
    stop: millis(yield* Instant.parse("stop", window.stop)),
    now: yield* Clock.currentTimeMillis,
    accelerator,
    devices: accelerators,
    replicas: held.replicas.map(({ id }) => id)
  })
  return made ?? (yield* nothing())
})

/** Everything since the creation, as text. */
export const openMetrics = Effect.fnUntraced(function* (held: Held): Effect.fn.Return<string, Missing> {
  const { replicas, telemetry } = held
  if (telemetry.changes.length === 0) return yield* nothing()
  const now = yield* Clock.currentTimeMillis
  const bucket = telemetry.buckets(now).get(Math.floor(now / Telemetry.step))
  const usage = Telemetry.usage(
    (bucket?.pending ?? 0) / Math.max(1, now % Telemetry.step),
    Replicas.running(held)
  )
  return OpenMetrics.write(
    telemetry,
    replicas.map(({ id, stage }) => ({ id, usage: stage === "running" ? usage : 0 }))
  )
})
