/** `stint endpoints metrics`: what the platform measured of it. */
import * as Duration from "effect/Duration"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { PositiveDuration } from "../../ShortDuration.ts"
import * as Target from "./Target.ts"
import * as Lazy from "../../Lazy.ts"

const flags = {
  name: Target.name,
  ...Target.flags,
  last: Flag.String("last").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription("The stretch of time up to now, as in 30m or 24h; 1h by default"),
    Flag.withSchema(PositiveDuration),
    Flag.withDefault(Duration.hours(1))
  ),
  openMetrics: Flag.Boolean("open-metrics").pipe(
    Flag.withDescription("The values of now as OpenMetrics text; for Team and Enterprise accounts"),
    Flag.withDefault(false)
  ),
  json: Target.json
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint endpoints metrics` */
export const metrics = Command.make(
  "metrics",
  flags,
  Lazy.handler(() => import("../../handlers/endpoints/metrics.ts"))
).pipe(
  Command.withDescription("Show what was measured: answers, latency, queue, replicas"),
  Command.withExamples([
    {
      command: "stint endpoints metrics batch --last 24h",
      description: "Last, mean and highest value of each"
    },
    { command: "stint endpoints metrics batch --json", description: "Every point of every graph" }
  ])
)
