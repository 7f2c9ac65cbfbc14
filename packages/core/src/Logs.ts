/**
 * What an endpoint's containers write.
 */
import * as Schema from "effect/Schema"

const absent = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * One structured line of the log (`/v3/…/logs`). `timestamp` is RFC 3339 with up to nine fraction digits; levels and
 * streams are open sets.
 */
export const LogRecord = Schema.Struct({
  timestamp: absent(Schema.String),
  line: Schema.String,
  stream: absent(Schema.String),
  replica_id: absent(Schema.String),
  level: absent(Schema.String)
})

/** One structured line of the log. */
export type LogRecord = typeof LogRecord.Type

/**
 * The query of the plain log (`/v2/…/logs`). `tail` is a number of lines, `line_max_length` of characters.
 */
export const TextQuery = Schema.Struct({
  replica: Schema.optional(Schema.String),
  tail: Schema.optional(Schema.FiniteFromString),
  line_max_length: Schema.optional(Schema.FiniteFromString)
})

/**
 * The query of the structured log. `search` ignores case; `since` and `until` are RFC 3339 and inclusive; `limit` is 1,000
 * unless said otherwise, 5,000 at most; `order` is `asc` or `desc`.
 */
export const RecordQuery = Schema.Struct({
  replica: Schema.optional(Schema.String),
  level: Schema.optional(Schema.String),
  search: Schema.optional(Schema.String),
  since: Schema.optional(Schema.String),
  until: Schema.optional(Schema.String),
  tail: Schema.optional(Schema.FiniteFromString),
  limit: Schema.optional(Schema.FiniteFromString),
  order: Schema.optional(Schema.String)
})

/** The query of the structured log, followed as it grows. */
export const FollowQuery = Schema.Struct({
  replica: Schema.optional(Schema.String),
  level: Schema.optional(Schema.String),
  search: Schema.optional(Schema.String),
  since: Schema.optional(Schema.String),
  tail: Schema.optional(Schema.FiniteFromString)
})

/** Which lines of the log: see {@link RecordQuery}. */
export interface Options {
  readonly replica?: string | undefined
  readonly level?: string | undefined
  readonly search?: string | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
  /** The last lines only. */
  readonly tail?: number | undefined
  readonly limit?: number | undefined
}
