/** `stint endpoints metrics`: what the platform measured of it. */
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { AllGraphs } from "@stint/core/EndpointMetrics"
import { withNear } from "../../EndpointMissing.ts"
import { PositiveDuration } from "../../ShortDuration.ts"
import * as MetricsView from "../../ui/MetricsView.ts"
import * as Width from "../../ui/Width.ts"
import * as Target from "./Target.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(AllGraphs))

/** `stint endpoints metrics` */
export const metrics = Command.make(
  "metrics",
  {
    name: Target.name,
    ...Target.flags,
    last: Flag.String("last").pipe(
      Flag.withDescription("The stretch of time up to now, as in 30m or 24h"),
      Flag.withSchema(PositiveDuration),
      Flag.withDefault(Duration.hours(1))
    ),
    openMetrics: Flag.Boolean("open-metrics").pipe(
      Flag.withDescription("The values of now as OpenMetrics text; for Team and Enterprise accounts"),
      Flag.withDefault(false)
    ),
    json: Target.json
  },
  Effect.fn("endpoints.metrics")(function* (given) {
    const { last, name } = given
    const endpoints = yield* Target.service(given)
    const near = withNear(endpoints)
    if (given.openMetrics) {
      return yield* Console.log((yield* near(endpoints.openMetrics(name))).replace(/\n$/, ""))
    }
    const now = yield* DateTime.now
    const window = {
      start: DateTime.formatIso(DateTime.subtractDuration(now, last)),
      stop: DateTime.formatIso(now)
    }
    const graphs = yield* near(endpoints.metrics(name, window))
    if (given.json) return yield* Console.log(yield* Effect.orDie(encode(graphs)))
    const table = MetricsView.format(graphs, yield* Width.ofStdout)
    if (table !== undefined) return yield* Console.log(table)
    yield* Console.error(`Nothing was measured of ${name} in the last ${Duration.format(last)}.`)
  })
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
