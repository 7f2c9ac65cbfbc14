/** The same batch on one machine, without a cluster: what its CPU time is compared with. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch as Engine, Journal, Limit, Source } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { Endpoints } from "@stint/core"
import { Effect, Layer, Redacted, Schema } from "effect"
import * as Batch from "./Batch.ts"
import * as Places from "./Places.ts"
import * as Process from "./Process.ts"

const { api, endpoint, input, journal, limit } = Schema.decodeUnknownSync(
  Schema.fromJsonString(Places.SinglePlace)
)(process.argv[2])

const services = Layer.merge(
  Endpoints.layer({
    token: Redacted.make(Batch.token),
    namespace: Batch.namespace,
    apiUrl: new URL(api),
    hubUrl: new URL("/", api)
  }),
  Journal.layerFile(journal)
).pipe(Layer.provide(UndiciClient.layerConfig()), Layer.provideMerge(NodeServices.layer))

const usage = Effect.sync(() => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1000
})

const run = Engine.runOn(Source.jsonl(input, Batch.Row), { name: endpoint, spec: Batch.spec }, Batch.job, {
  limit: Limit.fixed(limit)
}).pipe(Effect.provide(services), Effect.as(true), Effect.orDie)

NodeRuntime.runMain(Process.serve({ ready: Effect.succeed(true), usage, run }))
