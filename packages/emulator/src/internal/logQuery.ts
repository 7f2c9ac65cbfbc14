/** Which lines of a container's log are asked for. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { BadRequest } from "@stint/core/ControlPlane"
import type * as Logs from "@stint/core/Logs"
import type { ContainerLog, Line } from "./containerLog.ts"
import * as Instant from "./instant.ts"

/** What is asked for: lines of a kind, and so many of them. */
export interface Selection {
  readonly matches: (line: Line) => boolean
  readonly take: (lines: ReadonlyArray<Line>) => ReadonlyArray<Line>
}

/** The lines of a log that are there. */
export const lines = (log: ContainerLog, { matches, take }: Selection): ReadonlyArray<Line> =>
  take(log.lines().filter(matches))

/** The lines of a log that are there, and those that come. */
export const follow = (log: ContainerLog, { matches, take }: Selection): Stream.Stream<Line> =>
  Stream.filter(
    log.follow((all) => take(all.filter(matches))),
    matches
  )

const last = (tail: number | undefined) => (all: ReadonlyArray<Line>) =>
  tail === undefined ? all : tail > 0 ? all.slice(-Math.floor(tail)) : []

const ofReplica = (replica: string | undefined) => (line: Line) =>
  replica === undefined || line.replica === replica

/** The plain log's query. */
export const ofText = (query: typeof Logs.TextQuery.Type): Selection => ({
  matches: ofReplica(query.replica),
  take: last(query.tail)
})

/** Writes a line of the plain log, no longer than asked for. */
export const writer =
  (query: typeof Logs.TextQuery.Type) =>
  ({ text }: Line): string =>
    query.line_max_length === undefined ? text : text.slice(0, Math.max(0, query.line_max_length))

const defaultLimit = 1000
const mostLimit = 5000

/** The structured log's query. */
export const ofRecords = Effect.fnUntraced(function* (
  query: typeof Logs.RecordQuery.Type
): Effect.fn.Return<Selection, BadRequest> {
  const since = query.since === undefined ? undefined : yield* Instant.parse("since", query.since)
  const until = query.until === undefined ? undefined : yield* Instant.parse("until", query.until)
  const replica = ofReplica(query.replica)
  const level = query.level?.toLowerCase()
  const search = query.search?.toLowerCase()
  const limit = Math.min(Math.max(0, Math.floor(query.limit ?? defaultLimit)), mostLimit)
  return {
    matches: (line) =>
      replica(line) &&
      (level === undefined || line.level === level) &&
      (search === undefined || line.text.toLowerCase().includes(search)) &&
      (since === undefined || line.nanos >= since) &&
      (until === undefined || line.nanos <= until),
    take: (all) => {
      const chosen = last(query.tail)(all)
      return (query.order === "desc" ? chosen.toReversed() : chosen).slice(0, limit)
    }
  }
})

/** The structured log's query, followed as it grows: all that is there, unless told how much. */
export const ofFollow = (query: typeof Logs.FollowQuery.Type): Effect.Effect<Selection, BadRequest> =>
  Effect.map(ofRecords(query), ({ matches }) => ({ matches, take: last(query.tail) }))
