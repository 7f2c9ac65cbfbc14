/**
 * The database of a cluster by its URL, with errors that name it as `host:port/name` and never its password.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import * as PgClient from "@effect/sql-pg/PgClient"
import { innermost } from "./internal/innermost.ts"
import * as Migrations from "./Migrations.ts"

/** The database is not named, or not in a way that can be used. */
export class DatabaseUrlRefused extends Schema.TaggedError<DatabaseUrlRefused>()("DatabaseUrlRefused", {
  detail: Schema.String
}) {
  override get message() {
    return `The cluster's database is not known: ${this.detail}. Set STINT_DATABASE_URL, as in postgres://user@host:5432/name, or give --database-url; nothing was changed.`
  }
}

/** The database cannot be reached, or lets nobody in. */
export class DatabaseNotReached extends Schema.TaggedError<DatabaseNotReached>()("DatabaseNotReached", {
  /** `host:port/name` */
  place: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The database at ${this.place} cannot be used: ${this.detail}. Check STINT_DATABASE_URL (or --database-url), and that this machine may connect; nothing was changed.`
  }
}

/** The database did not do what it was asked, after it had answered before. */
export class DatabaseFailed extends Schema.TaggedError<DatabaseFailed>()("DatabaseFailed", {
  /** `host:port/name` */
  place: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The database at ${this.place} failed: ${this.detail}. What is written there is kept, and runs go on with their workers. Look again with stint cluster status.`
  }
}

/** Where a database is. */
export interface Place {
  readonly url: Redacted.Redacted
  /** `host:port/name`, which may be printed. */
  readonly text: string
}

/**
 * Reads a URL of Postgres. Fails with {@link DatabaseUrlRefused}, which names where the URL came from and nothing of it.
 *
 * **Example** (What may be printed)
 *
 * ```ts
 * import { Database } from "@stint/cluster"
 * import { Effect, Redacted } from "effect"
 *
 * const place = Effect.runSync(Database.place(Redacted.make("postgres://me:secret@db.internal/stint"), "the flag"))
 * console.log(place.text) // => db.internal:5432/stint
 * ```
 */
export const place = Effect.fnUntraced(function* (
  url: Redacted.Redacted,
  from: string
): Effect.fn.Return<Place, DatabaseUrlRefused> {
  const parsed = URL.parse(Redacted.value(url))
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    return yield* new DatabaseUrlRefused({ detail: `${from} is no URL of a Postgres` })
  }
  const host = parsed.hostname === "" ? "localhost" : parsed.hostname
  return { url, text: `${host}:${parsed.port === "" ? "5432" : parsed.port}${parsed.pathname}` }
})

/** The password as it is written in the URL, and as it is. */
const secretsOf = ({ url }: Place): ReadonlyArray<string> => {
  const password = URL.parse(Redacted.value(url))?.password ?? ""
  if (password === "") return []
  const plain = Effect.orElseSucceed(
    Effect.try(() => decodeURIComponent(password)),
    () => password
  )
  return [password, Effect.runSync(plain)]
}

/** What went wrong, in the words of whoever knows best, and without the password. */
const detailOf = (place: Place, error: unknown): string =>
  secretsOf(place)
    .reduce((text, secret) => text.replaceAll(secret, "<password>"), innermost(error))
    .replace(/\.$/, "")

/** How long the first answer may take. */
const PATIENCE = Duration.seconds(15)

const client = (place: Place, maxConnections: number) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const context = yield* Layer.build(
        PgClient.layer({ url: place.url, maxConnections, applicationName: "stint" })
      )
      const ask = SqlClient.SqlClient.use((sql) => sql`SELECT 1`)
      yield* Effect.provideContext(ask, context)
      return context
    }).pipe(
      Effect.mapError((error) => detailOf(place, error)),
      Effect.timeoutOrElse({
        duration: PATIENCE,
        orElse: () => Effect.fail(`no answer in ${Duration.toSeconds(PATIENCE)} seconds`)
      }),
      Effect.mapError((detail) => new DatabaseNotReached({ place: place.text, detail }))
    )
  )

/** A role that may look and not read: it was made, and was given nothing yet. */
const unread = (place: Place, error: SqlError) => {
  const detail = detailOf(place, error)
  return new DatabaseNotReached({
    place: place.text,
    detail:
      error.reason._tag === "AuthorizationError"
        ? `${detail}; what its role needs is printed by stint cluster migrate --role NAME, for the tables' owner`
        : detail
  })
}

/** Rights to one table are missing where one was added and nobody ran the grants again. */
const checkRights = (place: Place) =>
  Effect.flatMap(
    Effect.mapError(Migrations.withheld, (error) => unread(place, error)),
    (tables) =>
      tables.length === 0
        ? Effect.void
        : Effect.fail(
            new DatabaseNotReached({
              place: place.text,
              detail: `its role may not read and write ${tables.join(", ")}; what it needs is printed by stint cluster migrate --role NAME, for the tables' owner`
            })
          )
  )

const check = (place: Place) =>
  Effect.catchDefect(Migrations.check, (defect) =>
    defect instanceof SqlError ? Effect.fail(unread(place, defect)) : Effect.die(defect)
  )

/** How the database is used. */
export interface Options {
  /** How many connections at most. Default: 4. */
  readonly connections?: number | undefined
  /** Whether its tables must be there. Default: true. */
  readonly isMigrated?: boolean | undefined
  /** Whether its role must have a worker's rights to all of them. Default: false. */
  readonly isWorkers?: boolean | undefined
}

/**
 * A connection to the database, which has answered and has the tables of this version.
 *
 * Fails with {@link DatabaseNotReached}, also where its role may not read them, and with `NotMigrated`.
 *
 * **Example** (Where the environment says)
 *
 * ```ts
 * import { Database } from "@stint/cluster"
 * import { Config, Effect, Layer } from "effect"
 *
 * const layer = Layer.unwrap(
 *   Effect.gen(function* () {
 *     const url = yield* Config.Redacted("STINT_DATABASE_URL")
 *     return Database.layer(yield* Database.place(url, "STINT_DATABASE_URL"), { connections: 10 })
 *   })
 * )
 * ```
 */
export const layer = (
  place: Place,
  { connections = 4, isMigrated = true, isWorkers = false }: Options = {}
): Layer.Layer<SqlClient.SqlClient | PgClient.PgClient, DatabaseNotReached | Migrations.NotMigrated> =>
  isMigrated
    ? Layer.effectDiscard(Effect.andThen(check(place), isWorkers ? checkRights(place) : Effect.void)).pipe(
        Layer.provideMerge(client(place, connections))
      )
    : client(place, connections)

/**
 * What the database says while something is done with it, as an error that names the place.
 *
 * **Example** (A status)
 *
 * ```ts
 * import { ClusterBatch, Database } from "@stint/cluster"
 *
 * const status = (place: Database.Place) => Database.failures(place)(ClusterBatch.status("nightly"))
 * ```
 */
export const failures =
  (place: Place) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | DatabaseFailed, R> =>
    Effect.mapError(effect, (error) =>
      error instanceof SqlError
        ? new DatabaseFailed({ place: place.text, detail: detailOf(place, error) })
        : error
    )
