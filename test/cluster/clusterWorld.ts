/** Workers of one process that share nothing but a database, and an endpoint whose every request is counted. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Job, Sharing } from "@stint/batch"
import {
  ClusterBatch,
  Engine,
  FleetLimit,
  KeptEndpoint,
  Migrations,
  RunSettings,
  Worker
} from "@stint/cluster"
import { Endpoints, Policy } from "@stint/core"
import { Emulator, type Engine as ModelEngine } from "@stint/emulator"
import {
  type Duration,
  Effect,
  Exit,
  FileSystem,
  Layer,
  Path,
  type Redacted,
  References,
  Schedule,
  Schema,
  Scope
} from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import * as NodeNet from "node:net"
import { good, refusal, scripted, spec } from "../batchWorld.ts"
import * as Postgres from "../postgres/server.ts"

/** A row of the inputs of these tests. */
export const Row = Schema.Struct({ id: Schema.String, text: Schema.String })

/** A row of the inputs of these tests. */
export type Row = typeof Row.Type

/** A vector for each row, one request each. */
export const embedding = ClusterBatch.make({
  name: "embedding",
  row: Row,
  job: { ...Job.embed({ key: (row: Row) => row.id, text: (row) => row.text }), pack: undefined }
})

/** The endpoint of these runs. */
export const endpoint: RunSettings.RunEndpoint = { name: "e", spec }

/** So many rows, as lines of JSON. */
export const lines = (count: number, textOf: (nth: number) => string = (nth) => `t${nth}`): string =>
  Array.from({ length: count }, (_, nth) => `${JSON.stringify({ id: `r${nth}`, text: textOf(nth) })}\n`).join(
    ""
  )

const freePort = Effect.callback<number>((resume) => {
  const probe = NodeNet.createServer()
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})

/** A worker. */
export interface Runner {
  readonly name: string
  /** As a signal does: what is in flight is finished within the time of grace. */
  readonly stop: Effect.Effect<void>
}

/** A database with its tables, a folder, an emulator in memory, and workers. */
export const make = (
  engine: ModelEngine.Engine,
  served: typeof embedding.layer = embedding.layer,
  boot: Duration.Input = "200 millis"
) =>
  Effect.gen(function* () {
    const url = yield* Postgres.database
    yield* Effect.provide(Migrations.migrate, Postgres.client(url, 2))
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = yield* fs.makeTempDirectoryScoped({ prefix: "stint-cluster-" })
    const emulator = yield* Layer.build(
      Emulator.layerMemory({ boot, logCapacity: 100_000, engines: () => engine })
    )
    const { namespace, token, urls } = yield* Effect.provide(Emulator.Emulator, emulator)
    const endpoints = Endpoints.layer({ token, namespace, apiUrl: urls.management, hubUrl: urls.hub })
    const database = Postgres.client(url, 10)
    let made = 0

    /** Starts a worker; with a wire of its own to the database, where that is given. */
    const start = Effect.fnUntraced(function* (options: Worker.Options = {}, wire?: Redacted.Redacted) {
      const port = yield* freePort
      const name = options.name ?? `w${++made}`
      const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
      const layer = served.pipe(
        Layer.provide(Worker.layer({ grace: "2 seconds", ...options, name })),
        Layer.provide(KeptEndpoint.layerAlone({ ttl: "3 seconds", worker: name })),
        Layer.provide(Engine.layer({ port })),
        Layer.provide(Layer.mergeAll(endpoints, wire === undefined ? database : Postgres.client(wire, 10))),
        Layer.provide(
          Layer.mergeAll(
            Layer.succeedContext(emulator),
            NodeFileSystem.layer,
            Layer.sync(Sharing.Sharing, Sharing.make),
            Layer.succeed(Policy.CurrentPolling, Schedule.spaced("50 millis"))
          )
        )
      )
      // Layers are shared within a process, and this is to be another one.
      yield* Layer.buildWithMemoMap(layer, yield* Layer.makeMemoMap, scope)
      const runner: Runner = { name, stop: Scope.close(scope, Exit.void) }
      return runner
    })

    const client = yield* Layer.buildWithMemoMap(
      Engine.layerClient.pipe(Layer.provideMerge(database)),
      yield* Layer.makeMemoMap,
      yield* Effect.scope
    )

    return {
      url,
      folder,
      emulator,
      start,
      client,
      file: (name: string, text: string) => {
        const at = path.join(folder, name)
        return Effect.as(fs.writeFileString(at, text), at)
      }
    }
  })

/** Where runs of the cluster are tried. */
export type World = Effect.Success<ReturnType<typeof make>>

/** A limit that is small enough for a test. */
export const limit = FleetLimit.fixed(24)

/** An engine that takes its time, counts how often each text is asked for, and how many at once; some it refuses. */
export const counting = (millis: number, refuses: (text: string) => number | undefined = () => undefined) => {
  const asked = new Map<string, number>()
  let inFlight = 0
  let most = 0
  const engine = scripted(({ text }) =>
    Effect.suspend(() => {
      asked.set(text, (asked.get(text) ?? 0) + 1)
      most = Math.max(most, ++inFlight)
      const status = refuses(text)
      return Effect.delay(
        Effect.sync(() => (status === undefined ? good(text) : refusal(status))),
        `${millis} millis`
      ).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            inFlight--
          })
        )
      )
    })
  )
  return { engine, asked, most: () => most }
}

/** What workers say while others come and go is not of interest. */
export const quiet = Effect.provideService(References.MinimumLogLevel, "None")

/** A world around an engine that counts, and what is done in it by a client; with another job or boot where that is given. */
export const inWorld = <A, E>(
  { asked, engine }: ReturnType<typeof counting>,
  use: (
    world: World,
    asked: ReadonlyMap<string, number>
  ) => Effect.Effect<A, E, ClusterBatch.Client | SqlClient | NodeServices.NodeServices | Scope.Scope>,
  served?: typeof embedding.layer,
  boot?: Duration.Input
) =>
  Effect.gen(function* () {
    const world = yield* make(engine, served, boot)
    return yield* Effect.provide(use(world, asked), world.client)
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), quiet)
