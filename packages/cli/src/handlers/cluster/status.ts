/** What `stint cluster status` does. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Given } from "../../commands/cluster/status.ts"
import { Signals } from "../../Signals.ts"
import * as Width from "../../ui/Width.ts"
import * as Database from "./database.ts"
import { type Frame, follow } from "./follow.ts"
import * as Schedules from "./schedules.ts"
import * as View from "./view.ts"

/** Looks once, or each second until it is over or a signal comes. */
const shown = Effect.fnUntraced(function* <A, E, R>(
  options: Given,
  look: Effect.Effect<A, E, R>,
  how: { readonly frame: (seen: A) => Frame; readonly json: (seen: A) => Effect.Effect<string> }
) {
  const print = (seen: A) =>
    options.json ? Effect.flatMap(how.json(seen), Console.log) : Console.log(how.frame(seen).lines.join("\n"))
  if (!options.watch) return yield* Effect.flatMap(look, print)
  const signals = yield* Signals
  let last: A | undefined
  const seen = Effect.gen(function* () {
    last = yield* look
    const frame = how.frame(last)
    if (!options.json) return frame
    yield* print(last)
    return frame
  })
  const watched = options.json
    ? Effect.repeat(Effect.delay(seen, "1 second"), { until: ({ isOver }) => isOver })
    : follow(seen)
  yield* Effect.raceFirst(Effect.asVoid(watched), Effect.asVoid(signals.first))
  if (!options.json && last !== undefined) yield* print(last)
})

const one = Effect.fnUntraced(function* (run: string, options: Given) {
  const { ClusterBatch, FleetStatus, RunStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const OneJson = Schema.fromJsonString(
    Schema.Struct({
      ...RunStatus.RunStatus.fields,
      held: Schema.NullOr(FleetStatus.EndpointStatus),
      fleet: Schema.Array(RunStatus.WorkerStatus)
    })
  )
  const encode = Schema.encodeEffect(OneJson)
  const look = Effect.gen(function* () {
    const status = yield* ClusterBatch.status(run)
    const endpoint = View.endpointOf(status, yield* FleetStatus.endpoints)
    return { status, endpoint, workers: yield* RunStatus.workers }
  })
  yield* shown(options, look, {
    frame: ({ endpoint, status, workers }) => View.runFrame(status, endpoint, workers),
    json: ({ endpoint, status, workers }) =>
      Effect.orDie(encode({ ...status, held: endpoint ?? null, fleet: workers }))
  })
})

const all = Effect.fnUntraced(function* (options: Given) {
  const { ClusterSchedule, FleetStatus, RunStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const AllJson = Schema.fromJsonString(
    Schema.Struct({
      runs: Schema.Array(FleetStatus.RunLine),
      workers: Schema.Array(RunStatus.WorkerStatus),
      endpoints: Schema.Array(FleetStatus.EndpointStatus),
      schedules: Schema.Array(Schedules.ScheduleJson)
    })
  )
  const encode = Schema.encodeEffect(AllJson)
  const width = yield* Width.ofStdout
  const look = Effect.all({
    runs: FleetStatus.runs(options.limit),
    workers: RunStatus.workers,
    endpoints: FleetStatus.endpoints,
    schedules: ClusterSchedule.all,
    now: Clock.currentTimeMillis
  })
  yield* shown(options, look, {
    frame: ({ now, ...cluster }) => View.clusterFrame(cluster, { now, width }),
    json: ({ endpoints, runs, schedules, workers }) =>
      Effect.orDie(encode({ runs, workers, endpoints, schedules: schedules.map(Schedules.toJson) }))
  })
})

/** What the command does. */
export const handle = Effect.fn("cluster status")(function* (options: Given) {
  yield* Database.using(
    options,
    Option.match(options.run, { onNone: () => all(options), onSome: (run) => one(run, options) })
  )
})
