/** What `stint cluster migrate` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Given } from "../../commands/cluster/migrate.ts"
import { InputFlagRefused } from "../../InputFlags.ts"
import * as Place from "./database.ts"

const encode = Schema.encodeEffect(
  Schema.fromJsonString(
    Schema.Struct({
      database: Schema.String,
      changes: Schema.Array(Schema.String),
      sql: Schema.Array(Schema.String)
    })
  )
)

/** As `psql` takes them. */
const script = (role: string, statements: ReadonlyArray<string>) =>
  [
    `-- What the role ${role.replaceAll(/[\r\n]+/g, " ")} needs, and no more. It must be there: CREATE ROLE … LOGIN`,
    ...statements.map((statement) => `${statement};`)
  ].join("\n")

/** What the command does. */
export const handle = Effect.fn("cluster migrate")(function* (options: Given) {
  const { Database, Migrations } = yield* Effect.promise(() => import("@stint/cluster"))
  const role = Option.getOrUndefined(options.role)
  if (role?.trim() === "") return yield* new InputFlagRefused({ flag: "role", detail: "it is empty" })
  const place = yield* Place.placeOf(options.databaseUrl)
  const changes = yield* Migrations.migrate.pipe(
    Effect.provide(Database.layer(place, { isMigrated: false })),
    Database.failures(place)
  )
  const statements = role === undefined ? [] : Migrations.grants(role)
  if (options.json) {
    return yield* Console.log(yield* Effect.orDie(encode({ database: place.text, changes, sql: statements })))
  }
  const words =
    changes.length === 0
      ? `The tables at ${place.text} are those of this version: nothing to do.`
      : `The tables at ${place.text} are there: ${changes.length} ${changes.length === 1 ? "change" : "changes"} made.`
  if (role === undefined) return yield* Console.log(words)
  yield* Console.error(words)
  yield* Console.log(script(role, statements))
})
