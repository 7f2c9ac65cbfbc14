/** What the commands of a cluster have in common: flags. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"

/** Where the database is. A password in it is printed nowhere. */
export const database = {
  databaseUrl: Flag.Redacted("database-url").pipe(
    Flag.withMetavar("url"),
    Flag.withDescription(
      "The cluster's Postgres, as in postgres://user@host:5432/name; STINT_DATABASE_URL or DATABASE_URL by default, where others on this machine do not see it"
    ),
    Flag.optional
  )
}

/** Which run. */
export const name = Argument.String("run").pipe(Argument.withDescription("The name of the run"))

/** One document for a program. */
export const json = (description: string) =>
  Flag.Boolean("json").pipe(Flag.withDescription(description), Flag.withDefault(false))
