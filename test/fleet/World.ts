/** A fleet: a database, the service in a process of its own, and workers. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { ClusterBatch, Engine, FleetLimit, InputRef, Migrations } from "@stint/cluster"
import { Clock, Effect, FileSystem, Layer, Redacted, Schedule, Schema } from "effect"
import * as SqlClient from "effect/sql/SqlClient"
import * as Postgres from "../postgres/server.ts"
import * as Batch from "./Batch.ts"
import type * as Network from "./Network.ts"
import * as Places from "./Places.ts"
import * as Process from "./Process.ts"

/** The name of the run. */
const RUN = "fleet"

/** How it is set up. */
export interface Options {
  readonly rows: number
  readonly latencyMillis: number
  readonly network: Network.Network
}

/** A worker. */
export interface Member extends Process.Process {
  readonly cut: (far: Network.Far) => Effect.Effect<void>
  readonly mend: (far: Network.Far) => Effect.Effect<void>
}

const at = (url: Redacted.Redacted, host: string | undefined) => {
  if (host === undefined) return url
  const other = new URL(Redacted.value(url))
  other.hostname = host
  return Redacted.make(other.href)
}

/** Lets those in who come from another network. */
const letIn = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe(`COPY (SELECT 'host all all 10.0.0.0/8 trust') TO PROGRAM 'cat >> pg_hba.conf'`)
  yield* sql.unsafe(`SELECT pg_reload_conf()`)
})

const nothing = { cut: () => Effect.void, mend: () => Effect.void }

/** The fleet, while the scope is open. */
export const make = Effect.fnUntraced(function* ({ latencyMillis, network, rows }: Options) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "stint-fleet-" })
  const input = `${folder}/rows.jsonl`
  yield* fs.writeFileString(input, Batch.lines(rows))
  const { databaseHost, host, serviceHost } = network
  const [server, service] = yield* Effect.all(
    [
      Postgres.make({
        // What was said to be committed must be there after a restart.
        isDurable: true,
        settings: databaseHost === undefined ? [] : [`listen_addresses=127.0.0.1,${databaseHost}`]
      }),
      Process.start({ name: "service", file: "service.ts", place: { host: serviceHost, latencyMillis } })
    ],
    { concurrency: 2 }
  )
  const local = yield* Postgres.databaseOn(server)
  const database = at(local, databaseHost)
  const connection = Postgres.client(local, 3)
  if (databaseHost !== undefined) yield* Effect.provide(letIn, connection)
  yield* Effect.provide(Migrations.migrate, connection)
  const { management } = yield* service.ask("urls", Places.Urls)
  const context = yield* Layer.build(connection)
  const sql = yield* Effect.provide(SqlClient.SqlClient, context)
  const asClient = Effect.provide(Engine.layerClient.pipe(Layer.provideMerge(connection)))

  /** A worker; one that can be cut off, if that is asked for. */
  const start = Effect.fnUntraced(function* (name: string, isFar = false) {
    const port = yield* Postgres.freePort
    const way = isFar ? yield* network.lay(database, new URL(management)) : undefined
    const place: Places.WorkerPlace = {
      name,
      database: Redacted.value(way?.database ?? database),
      api: management,
      host: way?.host ?? host,
      port
    }
    const running = yield* Process.start({
      name,
      file: "worker.ts",
      place,
      network: way?.network,
      env: way?.env
    })
    const member: Member = { ...(way ?? nothing), ...running }
    return member
  })

  /** Which of the workers hosts the reaper, and the keeper of the endpoint of that name. */
  const keeperAmong = (members: ReadonlyArray<Member>) =>
    Effect.forEach(members, (member) =>
      Effect.map(member.ask("hosts", Places.Hosts), (hosts) => ({ member, ...hosts }))
    ).pipe(
      Effect.map((all) => all.find(({ isReaper }) => isReaper)),
      Effect.repeat({ schedule: Schedule.spaced("250 millis"), until: (found) => found !== undefined }),
      Effect.timeoutOrElse({
        duration: "60 seconds",
        orElse: () => Effect.die(new Error("no worker hosts the reaper"))
      }),
      Effect.flatMap((found) =>
        found === undefined ? Effect.die(new Error("no worker hosts the reaper")) : Effect.succeed(found)
      )
    )

  const begin = (endpoint: string, limit: number, chunk: number | undefined) =>
    Batch.embedding
      .start({
        run: RUN,
        input: InputRef.file(input),
        endpoint: { name: endpoint, spec: Batch.spec },
        limit: FleetLimit.fixed(limit),
        parameters: {},
        ...(chunk === undefined ? {} : { chunk })
      })
      .pipe(asClient)

  const now = service.ask("now", Places.Now)

  return {
    folder,
    input,
    management,
    server,
    sql,
    start,
    keeperAmong,
    begin,
    cancel: asClient(ClusterBatch.cancel(RUN)),
    // Nobody may have summed it up before all were killed.
    resume: asClient(Effect.andThen(Effect.ignore(ClusterBatch.wait(RUN)), ClusterBatch.resume(RUN))),
    now,
    log: service.ask("log", Places.Log),
    /** Waits until so many rows were done once at least. */
    done: (count: number) =>
      Effect.repeat(now, { schedule: Schedule.spaced("50 millis"), until: ({ done }) => done >= count }),
    /** Waits for a state of the endpoint. */
    state: (wanted: string) =>
      Effect.andThen(
        Effect.repeat(now, {
          schedule: Schedule.spaced("50 millis"),
          until: ({ state }) => state === wanted
        }),
        Clock.currentTimeMillis
      ),
    /** The rows that are in the results. */
    committed: Effect.map(
      sql<{ row_key: string }>`SELECT row_key FROM stint_results WHERE succeeded`,
      (found) => new Set(found.map(({ row_key }) => Batch.numberOf(row_key)))
    ),
    /** Rows that have no result, or another one than the right one. */
    wanting: Effect.map(
      sql<{
        row_key: string
        output: string | null
      }>`SELECT row_key, output FROM stint_results WHERE succeeded`,
      (found) => {
        const right = new Set(
          found.flatMap(({ output, row_key }) => {
            const row = Batch.numberOf(row_key)
            return (output ?? "").includes(JSON.stringify(Batch.vectorOf(row))) ? [row] : []
          })
        )
        return Array.from({ length: rows }, (_, row) => row).filter((row) => !right.has(row))
      }
    ),
    /** Waits until the run is over, whatever becomes of the database meanwhile; when that was. */
    over: sql<{ state: string; error: string | null; at: number }>`
      SELECT state, error, (extract(epoch FROM finished_at) * 1000)::float8 AS at FROM stint_runs
      WHERE run = ${RUN} AND report IS NOT NULL`.pipe(
      Effect.orElseSucceed(() => []),
      Effect.repeat({ schedule: Schedule.spaced("250 millis"), until: (found) => found.length > 0 }),
      Effect.map(([run]) => run ?? { state: "unknown", error: null, at: 0 })
    ),
    /** Transactions of the database until now. */
    transactions: Effect.map(
      sql<{ count: number }>`SELECT (xact_commit + xact_rollback)::float8 AS count FROM pg_stat_database
        WHERE datname = current_database()`,
      (found) => found[0]?.count ?? 0
    )
  }
})

/** The fleet. */
export type World = Effect.Success<ReturnType<typeof make>>

/** What the fleet's own programs need. */
export const services = NodeFileSystem.layer

/** Decodes nothing but what it is: for answers that are not looked at. */
export const Yes = Schema.Literal(true)
