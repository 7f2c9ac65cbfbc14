/**
 * What a run tells while it lasts, and to whom: flags.
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import { ShortDuration } from "./ShortDuration.ts"
import { Port } from "./Port.ts"

const Share = Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1))

export const flags = {
  metricsPort: Flag.Int("metrics-port").pipe(
    Flag.withDescription("Serve /metrics for Prometheus, and /healthz, on this port; 0 takes a free one"),
    Flag.withSchema(Port),
    Flag.optional
  ),
  metricsHost: Flag.String("metrics-host").pipe(
    Flag.withDescription("Address of --metrics-port; anything but loopback lets others read it"),
    // An empty one, as of a variable that is not set, would be every address of the machine.
    Flag.withSchema(Schema.NonEmptyString),
    Flag.withDefault("127.0.0.1")
  ),
  metricsLinger: Flag.String("metrics-linger").pipe(
    Flag.withDescription("After the end, wait so long for one more scrape, as in 20s"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.zero)
  ),
  requestSpans: Flag.Finite("request-spans").pipe(
    Flag.withDescription(
      "Trace this share of the requests as well, where OTEL_* variables name a collector: 1 is each, 0.01 one in 100"
    ),
    Flag.withSchema(Share),
    Flag.optional
  )
}
