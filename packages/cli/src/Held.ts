/**
 * Who uses an endpoint that is about to be changed by hand: the runs of this machine that hold it.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as LeaseRecords from "@stint/batch/node/LeaseRecords"
import type * as Endpoints from "@stint/core/Endpoints"

/** A process that holds an endpoint. */
export const Holder = Schema.Struct({
  pid: Schema.Int,
  host: Schema.String,
  /** ISO 8601. */
  since: Schema.String,
  /** The folder that it writes its results to; `null` where the system does not tell. */
  folder: Schema.NullOr(Schema.String)
})

/** A process that holds an endpoint. */
export type Holder = typeof Holder.Type

const JOURNAL = "journal.jsonl"

/** The folder of the journal that a process has open: the kernel knows, where it is Linux and the process is the user's own. */
const folderOf = Effect.fnUntraced(
  function* (pid: number) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const open = `/proc/${pid}/fd`
    const targets = yield* Effect.forEach(yield* fs.readDirectory(open), (name) =>
      Effect.orElseSucceed(fs.readLink(`${open}/${name}`), () => "")
    )
    const journal = targets.find((target) => path.basename(target) === JOURNAL)
    return journal === undefined ? null : path.dirname(journal)
  },
  Effect.orElseSucceed(() => null)
)

const isSameApi = (one: string, other: string) => one.replace(/\/+$/, "") === other.replace(/\/+$/, "")

/**
 * The living holders of the endpoint of that name. Nobody where the records cannot be read: a pause must not wait for them to
 * be mended.
 */
export const of = Effect.fnUntraced(
  function* (endpoints: Endpoints.Service, name: string) {
    const { leases } = yield* LeaseRecords.list()
    const named = leases.filter(
      (lease) =>
        lease.name === name &&
        (lease.standing === "held" || lease.standing === "elsewhere") &&
        isSameApi(lease.apiUrl, endpoints.apiUrl.href)
    )
    // Asked for only where there is something to compare.
    if (named.length === 0) return []
    const namespace = yield* endpoints.namespace
    const living = named
      .filter((lease) => lease.namespace === namespace)
      .flatMap(({ holders, standing }) =>
        holders.filter(({ isAlive }) => isAlive).map((holder) => ({ ...holder, isHere: standing === "held" }))
      )
    return yield* Effect.forEach(living, ({ host, isHere, pid, since }) =>
      Effect.map(isHere ? folderOf(pid) : Effect.succeed(null), (folder): Holder => ({
        pid,
        host,
        since,
        folder
      }))
    )
  },
  Effect.orElseSucceed((): ReadonlyArray<Holder> => [])
)

const describe = ({ folder, host, pid, since }: Holder) =>
  `process ${pid} on ${host} since ${since}${folder === null ? "" : `, writing to ${folder}`}`

/** `A run uses it now (…).` */
export const words = (holders: ReadonlyArray<Holder>): string =>
  `${holders.length === 1 ? "a run uses" : `${holders.length} runs use`} it now (${holders.map(describe).join("; ")})`

/** Says on stderr that it is in use, and what the change does to who uses it. */
export const warn = (name: string, holders: ReadonlyArray<Holder>, effect: string): Effect.Effect<void> =>
  holders.length === 0 ? Effect.void : Console.error(`${name}: ${words(holders)}. ${effect}`)
