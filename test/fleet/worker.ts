/** A worker: the layers of the library as they are shipped, in a process of its own. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { withEndpoint } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { EndpointKeeper, Engine, KeptEndpoint, Worker } from "@stint/cluster"
import { Endpoints } from "@stint/core"
import { Deferred, Effect, Layer, Logger, Redacted, Schema } from "effect"
import { EntityId, Sharding } from "effect/cluster"
import { HttpClient, HttpClientRequest } from "effect/http"
import * as Batch from "./Batch.ts"
import * as Places from "./Places.ts"
import * as Process from "./Process.ts"

const { api, database, host, name, port } = Schema.decodeUnknownSync(
  Schema.fromJsonString(Places.WorkerPlace)
)(process.argv[2])

const endpoints = Endpoints.layer({
  token: Redacted.make(Batch.token),
  namespace: Batch.namespace,
  apiUrl: new URL(api),
  hubUrl: new URL("/", api),
  transformClient: HttpClient.mapRequest(HttpClientRequest.setHeader(Batch.SENDER, name))
})

const worker = Batch.embedding.layer.pipe(
  Layer.provide(Worker.layer({ name })),
  Layer.provideMerge(KeptEndpoint.layer({ worker: name })),
  Layer.provideMerge(Engine.layer({ host, port })),
  Layer.provideMerge(endpoints),
  Layer.provide([
    PgClient.layer({ url: Redacted.make(database) }),
    UndiciClient.layerConfig(),
    NodeServices.layer
  ])
)

const hosts = Effect.gen(function* () {
  const sharding = yield* Sharding.Sharding
  const shardOf = (id: string, group: string) => sharding.getShardId(EntityId.make(id), group)
  const reaper = shardOf("EndpointReaper", "default")
  let nth = 0
  const keeperOf = (endpoint: string) =>
    EndpointKeeper.EndpointKeeper.getShardId(EntityId.make(`${Batch.namespace}/${endpoint}`))
  while ((yield* keeperOf(`fleet-${nth}`)).toString() !== reaper.toString()) nth++
  return { isReaper: sharding.hasShardId(reaper), endpoint: `fleet-${nth}` }
})

/** Holds the endpoint that the run had, for ever; returns when it is awake. */
const hold = Effect.gen(function* () {
  const { endpoint } = yield* hosts
  const isAwake = yield* Deferred.make<void>()
  yield* Effect.forkDetach(
    withEndpoint({ name: endpoint }, () => Effect.andThen(Deferred.succeed(isAwake, undefined), Effect.never))
  )
  yield* Deferred.await(isAwake)
  return true
})

const program = Process.serve({
  ready: Effect.succeed(true),
  hosts,
  hold,
  usage: Effect.sync(() => {
    const { system, user } = process.cpuUsage()
    return (system + user) / 1000
  })
}).pipe(Effect.provide(Layer.provideMerge(worker, Logger.layer([Logger.consoleLogFmt]))))

NodeRuntime.runMain(program)
