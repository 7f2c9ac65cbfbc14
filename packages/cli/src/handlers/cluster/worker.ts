/** What `stint cluster worker` does. */
import { createServer } from "node:net"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { CredentialsRefused } from "@stint/core/Credentials"
import { Endpoints } from "@stint/core/Endpoints"
import type { Given } from "../../commands/cluster/worker.ts"
import { ExitCode } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import { InputFlagRefused } from "../../InputFlags.ts"
import { NotServed } from "../../NotServed.ts"
import { Signals } from "../../Signals.ts"
import * as RunView from "../../ui/RunView.ts"
import * as Place from "./database.ts"
import * as Releases from "./releases.ts"

const encode = Schema.encodeEffect(
  Schema.fromJsonString(
    Schema.Struct({
      worker: Schema.String,
      host: Schema.String,
      port: Schema.Int,
      health: Schema.NullOr(Schema.String)
    })
  )
)

/** What is left for the release of the endpoint, of the time that the end may take. */
const RELEASE = Duration.seconds(5)

const graceOf = (whole: Duration.Duration) =>
  Duration.max(Duration.times(whole, 0.5), Duration.subtract(whole, RELEASE))

/** A port that can be listened on: the one that is wanted, or a free one. */
const portOf = (host: string, wanted: number) =>
  Effect.callback<number, NotServed>((resume) => {
    const probe = createServer()
    probe.once("error", ({ message }) =>
      resume(Effect.fail(new NotServed({ host, port: wanted, why: message })))
    )
    probe.listen(wanted, host, () => {
      const address = probe.address()
      const port = Predicate.hasProperty(address, "port") ? Number(address.port) : wanted
      probe.close(() => resume(Effect.succeed(port)))
    })
  })

/** What the others are told must lead to this worker, and to no other. */
const refused = ({ host, name }: Given) => {
  if (host.trim() === "" || host === "0.0.0.0" || host === "::") {
    const what = host.trim() === "" ? "nothing" : host
    const detail = `the other workers are told to call it at ${what}. Give an address that is its own, as 10.0.0.7, and to --listen what it listens on, as 0.0.0.0`
    return new InputFlagRefused({ flag: "host", detail })
  }
  return Option.isSome(name) && name.value.trim() === ""
    ? new InputFlagRefused({ flag: "name", detail: "it is empty" })
    : undefined
}

/** A refused token would end every run that this worker takes, for all: better it takes none. */
const admitted = Effect.gen(function* () {
  const { list } = yield* Endpoints
  const first = Stream.runHead(list({ pageSize: 1 }))
  yield* Effect.timeoutOption(first, "10 seconds").pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag !== "Unauthorized",
      ({ message }) => Console.error(`Nothing is known of the account yet: ${message}`)
    ),
    Effect.catch(() => {
      const detail =
        "Hugging Face refuses it (401), and a worker that has it would end the runs of all others. Set HF_TOKEN to one that is valid; no work was taken"
      return Effect.fail(new CredentialsRefused({ variable: "The token", detail }))
    })
  )
})

/** All endpoints, as the database has them. */
const looked = Effect.gen(function* () {
  const { FleetStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  // Nobody waits for a database that is away.
  return yield* Effect.timeout(FleetStatus.endpoints, "2 seconds")
})

const atRisk = (endpoint: string) => {
  const at = endpoint.indexOf("/")
  return RunView.atRisk(endpoint.slice(0, at), endpoint.slice(at + 1), undefined)
}

/** What the command does. */
export const handle = Effect.fn("cluster worker")(function* (options: Given) {
  const { ClusterRows, Database, Engine, KeptEndpoint, Migrations, Worker } = yield* Effect.promise(
    () => import("@stint/cluster")
  )
  const { host } = options
  const wrong = refused(options)
  if (wrong !== undefined) return yield* wrong
  const listen = Option.getOrElse(options.listen, () => host)
  const signals = yield* Signals
  const status = yield* ExitStatus
  const place = yield* Place.placeOf(options.databaseUrl)
  const port = yield* portOf(listen, options.port)

  const worker = Worker.layer({
    name: Option.getOrUndefined(options.name),
    grace: graceOf(options.grace),
    maxChunks: options.maxChunks
  })
  const kept = Layer.unwrap(Effect.map(Worker.Worker, ({ name }) => KeptEndpoint.layer({ worker: name })))
  const served = ClusterRows.rows.layer.pipe(
    Layer.provide(kept),
    Layer.provideMerge(worker),
    Layer.provide(Engine.layer({ host, port, listen }))
  )

  const serve = Effect.gen(function* () {
    yield* admitted
    const database = yield* Effect.context<Layer.Success<ReturnType<typeof Database.layer>>>()
    const scope = yield* Scope.make()
    let isServing = false
    const unready = Migrations.check.pipe(
      Effect.provideContext(database),
      Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.die("no answer in 2 seconds") }),
      Effect.as(undefined),
      Effect.catchTag("NotMigrated", ({ message }) => Effect.succeed(message)),
      Effect.catchCause(() => Effect.succeed(`The database at ${place.text} does not answer.`)),
      Effect.map((why) => why ?? (isServing ? undefined : "It is not working: about to begin, or to end."))
    )
    const { serve } = yield* Effect.promise(() => import("../../telemetry/Scrape.ts"))
    const health = yield* Effect.transposeOption(
      Option.map(options.healthPort, (port) => serve({ host: listen, port, unready, flag: "health-port" }))
    )
    const services = yield* Layer.buildWithScope(served, scope).pipe(
      Effect.catchTag("SocketServerError", (error) =>
        Effect.fail(new NotServed({ host: listen, port, why: error.message }))
      ),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    const { held, name } = Context.get(services, Worker.Worker)
    isServing = true
    const at = Option.getOrNull(Option.map(health, ({ url }) => url.replace(/\/metrics$/, "")))
    yield* Console.error(
      `Worker ${name} is there for the others at ${host}:${port}; its database is ${place.text}.${at === null ? "" : ` Health: ${at}`}`
    )
    if (options.json) {
      yield* Console.log(yield* Effect.orDie(encode({ worker: name, host, port, health: at })))
    }

    const signal = yield* signals.first
    isServing = false
    const whole = Duration.toSeconds(options.grace)
    yield* Console.error(
      `${signal}: finishing what is in flight, giving chunks back, and releasing what nobody else holds, within ${whole}s.`
    )
    const risky = held()
    signals.setAtRisk(risky.length === 0 ? undefined : risky.map(atRisk).join("\n"))
    const closing = yield* Effect.forkDetach(Scope.close(scope, Exit.void))
    const end = yield* Effect.timeoutOption(Fiber.await(closing), options.grace)
    const left = yield* looked.pipe(
      Effect.map((all) => Releases.leftBy(all, name, risky).map(({ endpoint }) => endpoint)),
      Effect.orElseSucceed(() => {
        const isFailed = Option.isSome(end) && Exit.isFailure(end.value)
        return Releases.leftUnread(risky, held(), isFailed)
      })
    )
    for (const endpoint of left) {
      yield* Ref.set(status, ExitCode.releaseUnconfirmed)
      yield* Console.error(
        `stint: ${atRisk(endpoint)}, or: stint cluster reap. Workers that are left see to it within seconds.`
      )
    }
    signals.setAtRisk(undefined)
    yield* Console.error(
      Option.isSome(end) ? `Worker ${name} has ended.` : `Worker ${name} leaves after ${whole}s.`
    )
  })
  // A pool waits for what is under way with it; who leaves in the middle of that does not.
  const connections = yield* Scope.make()
  const closed = Effect.flatMap(Effect.forkDetach(Scope.close(connections, Exit.void)), Fiber.await)
  yield* Layer.buildWithScope(
    Database.layer(place, { connections: options.connections, isWorkers: true }),
    connections
  ).pipe(
    Effect.flatMap((database) => Effect.provide(Effect.scoped(serve), database)),
    Effect.ensuring(Effect.interruptible(Effect.timeoutOption(closed, "1 second"))),
    Database.failures(place)
  )
})
