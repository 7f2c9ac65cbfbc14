/**
 * One run at a time in an output folder. The lock is a file that names its holder; a holder that is gone holds nothing.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import NodeProcess from "node:process"

/** Another run holds the folder. */
export class FolderLocked extends Schema.TaggedError<FolderLocked>()("FolderLocked", {
  directory: Schema.String,
  pid: Schema.Int
}) {
  override get message() {
    return `Another run (process ${this.pid}) writes to ${this.directory}. Wait for it, or choose another folder.`
  }
}

/** A process, told apart from a later one of the same number by when it started. */
const Holder = Schema.Struct({ pid: Schema.Int, startedAt: Schema.String })
const HolderJson = Schema.fromJsonString(Holder)
const decode = Schema.decodeUnknownOption(HolderJson)
const encode = Schema.encodeSync(HolderJson)

/** When a process started, in the kernel's own unit; empty where the system does not tell. */
const startOf = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  const stat = yield* fs.readFileString(`/proc/${pid}/stat`).pipe(Effect.orElseSucceed(() => ""))
  // The second field is the command in brackets, which may itself hold spaces.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
})

class NotSignalled extends Data.TaggedError("NotSignalled")<{ readonly isForeign: boolean }> {}

const exists = (pid: number) =>
  // Signal 0 asks without sending; a refusal for want of rights means that there is somebody.
  Effect.try({
    try: () => NodeProcess.kill(pid, 0),
    catch: (error) => new NotSignalled({ isForeign: isPermission(error) })
  }).pipe(Effect.match({ onSuccess: () => true, onFailure: ({ isForeign }) => isForeign }))

const Permission = Schema.Struct({ code: Schema.Literal("EPERM") })
const isPermission = Schema.is(Permission)

const isAlive = Effect.fnUntraced(function* (holder: typeof Holder.Type) {
  if (!(yield* exists(holder.pid))) return false
  return holder.startedAt === (yield* startOf(holder.pid))
})

/**
 * Holds the folder until the scope closes. Fails with {@link FolderLocked} while another living process holds it.
 */
export const hold = Effect.fnUntraced(function* (
  directory: string
): Effect.fn.Return<void, FolderLocked, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const path = (yield* Path.Path).join(directory, "lock")
  const self = { pid: NodeProcess.pid, startedAt: yield* startOf(NodeProcess.pid) }
  const holder = Effect.map(
    Effect.orElseSucceed(fs.readFileString(path), () => ""),
    decode
  )

  const take = fs.writeFileString(path, encode(self), { flag: "wx" })

  const takeOver = Effect.gen(function* () {
    const found = yield* holder
    if (Option.isSome(found) && (yield* isAlive(found.value))) {
      return yield* new FolderLocked({ directory, pid: found.value.pid })
    }
    yield* Effect.ignore(fs.remove(path))
    yield* Effect.mapError(take, () => new FolderLocked({ directory, pid: 0 }))
  })

  yield* Effect.acquireRelease(
    Effect.catchTag(take, "PlatformError", () => takeOver),
    () => Effect.ignore(fs.remove(path))
  )
})
