/**
 * One run at a time in an output folder. The lock is a file that names its holder; a holder that is gone holds nothing.
 *
 * Every file here appears whole, under its name, or not at all: written aside first, then linked. Whoever finds a dead
 * holder claims to follow it under a name made from that holder's own token, which no two can have at once, looks again
 * that nothing has changed, and only then takes the lock's place.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import NodeCrypto from "node:crypto"
import NodeOs from "node:os"
import NodeProcess from "node:process"

/**
 * Another run holds the folder. `host` is given where that run was on another machine, whose processes cannot be seen from
 * here.
 */
export class FolderLocked extends Schema.TaggedError<FolderLocked>()("FolderLocked", {
  directory: Schema.String,
  pid: Schema.Int,
  host: Schema.optional(Schema.String)
}) {
  override get message() {
    return this.host === undefined
      ? `Another run (process ${this.pid}) writes to ${this.directory}. Wait for it, or choose another folder.`
      : `A run on another machine (${this.host}, process ${this.pid}) writes to ${this.directory}, or did and was cut off: that cannot be seen from here. Wait for it, or choose another folder; if it is gone for certain, delete the file "lock" in that folder.`
  }
}

/**
 * A process, told apart from a later one of the same number by when it started, and by when its machine did. The token
 * makes each hold one of its own.
 */
const Holder = Schema.Struct({
  pid: Schema.Int,
  startedAt: Schema.String,
  host: Schema.optionalKey(Schema.String),
  boot: Schema.optionalKey(Schema.String),
  token: Schema.optionalKey(Schema.String)
})
const HolderJson = Schema.fromJsonString(Holder)
const decode = Schema.decodeUnknownOption(HolderJson)
const encode = Schema.encodeSync(HolderJson)

/** A file of the kernel; empty where the system has none. */
const kernelFile = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.orElseSucceed(fs.readFileString(path), () => ""))

const bootId = Effect.map(kernelFile("/proc/sys/kernel/random/boot_id"), (text) => text.trim())

/** `proc_pid_stat(5)`: the flag of a process that is on its way out. */
const EXITING = 0x4

/** `signal(7)`: the bit of SIGKILL in a mask of signals. */
const KILLED = /^(?:SigPnd|ShdPnd):\s*[0-9a-f]*[13579bdf][0-9a-f]{2}$/m

/** When a process started, in the kernel's own unit, and whether it has ended but for its name, or is about to. */
const statOf = Effect.fnUntraced(function* (pid: number) {
  const stat = yield* kernelFile(`/proc/${pid}/stat`)
  // The second field is the command in brackets, which may itself hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const isEnded = fields[0] === "Z" || fields[0] === "X"
  const isOver = isEnded && Number(fields[17]) <= 1
  const isExiting = isEnded || (Number(fields[6]) & EXITING) !== 0
  const isDying = isExiting || KILLED.test(yield* kernelFile(`/proc/${pid}/status`))
  return { startedAt: fields[19] ?? "", isOver, isDying }
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

type Standing = "Alive" | "Gone" | "Elsewhere"

/** How often, and every how long, a process that was killed is looked at again: it may have much to give back. */
const DYING = { times: 500, every: "10 millis" } as const

/** Whether a holder lives, as far as that can be seen from here. */
const standing = Effect.fnUntraced(function* (
  holder: typeof Holder.Type
): Effect.fn.Return<Standing, never, FileSystem.FileSystem> {
  if (holder.host !== undefined && holder.host !== NodeOs.hostname()) return "Elsewhere"
  const boot = yield* bootId
  if (boot !== "" && (holder.boot ?? "") !== "" && holder.boot !== boot) return "Gone"
  for (let look = 0; ; look++) {
    if (!(yield* exists(holder.pid))) return "Gone"
    const { isDying, isOver, startedAt } = yield* statOf(holder.pid)
    if (isOver || startedAt !== holder.startedAt) return "Gone"
    if (!isDying || look === DYING.times) return "Alive"
    yield* Effect.sleep(DYING.every)
  }
})

const isReason = (tag: string) => (error: PlatformError) => error.reason._tag === tag

interface Link {
  readonly name: string
  readonly text: string
}

const follower = ({ name, text }: Link) =>
  `lock.after-${NodeCrypto.createHash("sha256").update(`${name}\n${text}`).digest("hex").slice(0, 32)}`

/**
 * Holds the folder until the scope closes. Fails with {@link FolderLocked} while another living process holds it, and with
 * a `PlatformError` where no lock can be written.
 *
 * A lock of a process that is gone, killed or from before the machine was started is taken over; of any number that try at
 * once one gets it. A lock of another machine is never taken over.
 *
 * **Example** (One run at a time)
 *
 * ```ts
 * import { FolderLock } from "@stint/batch/node"
 * import { Effect } from "effect"
 *
 * const alone = Effect.scoped(Effect.andThen(FolderLock.hold("out"), Effect.log("nobody else writes here")))
 * ```
 */
export const hold = Effect.fnUntraced(function* (
  directory: string
): Effect.fn.Return<void, FolderLocked | PlatformError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const { pid } = NodeProcess
  const token = NodeCrypto.randomUUID()
  const { startedAt } = yield* statOf(pid)
  const self = encode({ pid, startedAt, host: NodeOs.hostname(), boot: yield* bootId, token })
  const at = (name: string) => join(directory, name)
  const lock = at("lock")
  const draft = at(`lock.draft-${token}`)

  const read = (name: string): Effect.Effect<string | undefined, PlatformError> =>
    Effect.catchIf(fs.readFileString(at(name)), isReason("NotFound"), () => Effect.undefined)

  /** The lock and who claimed to follow it, all of them gone, and the name that is free for the next. */
  const queue = Effect.gen(function* () {
    const links: Array<Link> = []
    for (let name = "lock"; ;) {
      const text = yield* read(name)
      if (text === undefined) return { links, free: name }
      // A lock that names nobody, as after a power cut, is nobody's.
      const holder = Option.getOrUndefined(decode(text))
      const state = holder === undefined ? "Gone" : yield* standing(holder)
      if (holder !== undefined && state !== "Gone") {
        const host = state === "Elsewhere" ? holder.host : undefined
        return yield* new FolderLocked({ directory, pid: holder.pid, host })
      }
      links.push({ name, text })
      name = follower({ name, text })
    }
  })

  /** Puts our name there if nothing is; some file systems have no links. */
  const put = (name: string) =>
    fs.link(draft, at(name)).pipe(
      Effect.catchIf(
        (error) => !isReason("AlreadyExists")(error),
        () => fs.writeFileString(at(name), self, { flag: "wx" })
      ),
      Effect.as(true),
      Effect.catchIf(isReason("AlreadyExists"), () => Effect.succeed(false))
    )

  /** `false` where somebody else was quicker: then it has to be looked at again. */
  const attempt = Effect.gen(function* () {
    const { free, links } = yield* queue
    if (!(yield* put(free))) return false
    if (free === "lock") return true
    for (const { name, text } of links) {
      if ((yield* read(name)) === text) continue
      yield* fs.remove(at(free))
      return false
    }
    // Nobody else may take this lock's place now: they would have had to be where we are in the queue.
    yield* fs.rename(at(free), lock)
    return true
  })

  /** What those left behind who were killed while they tried. */
  const tidy = Effect.gen(function* () {
    for (const name of yield* fs.readDirectory(directory)) {
      if (!/^lock\.(after|draft)-/.test(name)) continue
      const found = Option.flatMap(Option.fromUndefinedOr(yield* read(name)), decode)
      if (Option.isSome(found) && (yield* standing(found.value)) === "Gone") yield* fs.remove(at(name))
    }
  }).pipe(Effect.ignore)

  const acquire = fs
    .writeFileString(draft, self, { flag: "wx" })
    .pipe(
      Effect.andThen(Effect.repeat(attempt, { until: (isOurs) => isOurs })),
      Effect.ensuring(Effect.ignore(fs.remove(draft))),
      Effect.andThen(tidy)
    )

  const release = Effect.gen(function* () {
    if ((yield* read("lock")) === self) yield* fs.remove(lock)
  })

  yield* Effect.acquireRelease(acquire, () => Effect.ignore(release))
})
