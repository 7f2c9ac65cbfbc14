/** What `stint endpoints metrics` does. */
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { AllGraphs } from "@stint/core/EndpointMetrics"
import { withNear } from "../../EndpointMissing.ts"
import * as MetricsView from "../../ui/MetricsView.ts"
import * as Width from "../../ui/Width.ts"
import * as Namespace from "../../Namespace.ts"
import type { Given } from "../../commands/endpoints/metrics.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(AllGraphs))

/** What the command does. */
export const handle = Effect.fn("endpoints.metrics")(function* (given: Given) {
  const { last, name } = given
  const endpoints = yield* Namespace.service(given)
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
