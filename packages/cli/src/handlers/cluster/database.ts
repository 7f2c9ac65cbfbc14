/** The database of a cluster, as the flag or the environment names it. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

type Options = import("@stint/cluster/Database").Options

const variables = ["STINT_DATABASE_URL", "DATABASE_URL"] as const

/** Where the database is, as the flag or the environment says. */
export const placeOf = Effect.fnUntraced(function* (given: Option.Option<Redacted.Redacted>) {
  const { Database } = yield* Effect.promise(() => import("@stint/cluster"))
  if (Option.isSome(given)) return yield* Database.place(given.value, "--database-url")
  for (const name of variables) {
    const url = Option.getOrUndefined(yield* Config.option(Config.Redacted(name)))
    if (url !== undefined && Redacted.value(url) !== "") return yield* Database.place(url, name)
  }
  const detail = `neither ${variables.join(" nor ")} is set`
  return yield* new Database.DatabaseUrlRefused({ detail })
})

/** Does something with the database, for as long as it takes. */
export const using = Effect.fnUntraced(function* <A, E, R>(
  given: { readonly databaseUrl: Option.Option<Redacted.Redacted> },
  effect: Effect.Effect<A, E, R>,
  options?: Options
) {
  const { Database } = yield* Effect.promise(() => import("@stint/cluster"))
  const place = yield* placeOf(given.databaseUrl)
  return yield* effect.pipe(Effect.provide(Database.layer(place, options)), Database.failures(place))
})
