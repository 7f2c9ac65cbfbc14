/**
 * A disk that forgets: what is written is on it once it is synced, and a crash keeps a part of the rest.
 *
 * A file's bytes since its last sync survive a crash up to a byte that the dice choose, in the middle of a line if need be.
 * A rename is whole or has not happened; one that no later sync made sure of may be undone by a crash. Each call takes its
 * time, so that a crash can come in the middle of any.
 */
import { ByteSize, Effect, FileSystem, Option, PlatformError } from "effect"
import type { Dice } from "./Dice.ts"

interface Inode {
  bytes: Uint8Array
  /** When it was written last, in milliseconds. */
  changedAt: number
  /** How many of the bytes a crash cannot take. */
  synced: number
}

type Names = ReadonlyMap<string, Inode>

export interface Disk {
  /** The file system as one process sees it. Its calls end with `isAlive`: a dead process does nothing. */
  readonly mount: (process: Mounted) => FileSystem.FileSystem
  /** The same, called as Node's own `fs` is: at once, or thrown. */
  readonly sync: (process: Mounted) => Sync
  /** Power off, and on again. */
  readonly crash: (dice: Dice) => void
  /** What a crash would leave at the least. */
  readonly durable: (path: string) => Uint8Array
  readonly read: (path: string) => string | undefined
  readonly put: (path: string, text: string) => void
  readonly paths: () => ReadonlyArray<string>
}

/** What of Node's synchronous `fs` the records of leases use. */
export interface Sync {
  readonly read: (path: string) => Uint8Array
  readonly write: (
    path: string,
    bytes: Uint8Array,
    how: { readonly isNew: boolean; readonly isSynced: boolean }
  ) => void
  readonly rename: (from: string, to: string) => void
  readonly remove: (path: string, isForced: boolean) => void
  readonly link: (from: string, to: string) => void
  readonly exists: (path: string) => boolean
  readonly changedAt: (path: string) => number
  /** The names in a folder. */
  readonly list: (folder: string) => ReadonlyArray<string>
  /** Makes sure of the names. */
  readonly syncNames: () => void
}

export interface Mounted {
  readonly isAlive: () => boolean
  /** Called when a call begins, and again in its middle where it has one; may kill the process, or refuse. */
  readonly onCall: (call: string, path: string) => "full" | undefined
  /** How long a sync takes, in milliseconds. */
  readonly syncMillis: () => number
}

/** A call of a process that was killed in it: it goes no further. */
class Killed extends Error {}

const errno = (code: string, call: string, path: string) =>
  Object.assign(new Error(`${code}: ${call} '${path}'`), { code })

const problem = (tag: PlatformError.SystemErrorTag, method: string, path: string, code: string) =>
  PlatformError.systemError({
    _tag: tag,
    module: "FileSystem",
    method,
    pathOrDescriptor: path,
    description: code,
    cause: Object.assign(new Error(code), { code })
  })

const concat = (left: Uint8Array, right: Uint8Array) => {
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}

export const make = (world: {
  readonly now: () => number
  /** Shown every text that is written, with what was there before it. */
  readonly onWritten?: ((path: string, bytes: Uint8Array) => void) | undefined
}): Disk => {
  let names: Map<string, Inode> = new Map()
  /** The names as they were before each rename that is not sure yet. */
  let before: Array<Names> = []

  const inodeAt = (method: string, path: string) => {
    const inode = names.get(path)
    return inode === undefined
      ? Effect.fail(problem("NotFound", method, path, "ENOENT"))
      : Effect.succeed(inode)
  }

  const mount = (process: Mounted): FileSystem.FileSystem => {
    /** One call: a moment before it, and nothing at all for the dead. */
    const call = <A>(name: string, path: string, act: Effect.Effect<A, PlatformError.PlatformError>) =>
      Effect.suspend(() => {
        const refusal = process.isAlive() ? process.onCall(name, path) : undefined
        if (!process.isAlive()) return Effect.never
        return refusal === "full" ? Effect.fail(problem("Unknown", name, path, "ENOSPC")) : act
      })

    const write = (path: string, inode: Inode, bytes: Uint8Array, at: number | undefined) =>
      Effect.suspend(() => {
        world.onWritten?.(path, bytes)
        const half = Math.ceil(bytes.length / 2)
        const put = (part: Uint8Array, offset: number | undefined) => {
          const start = offset ?? inode.bytes.length
          const end = Math.max(inode.bytes.length, start + part.length)
          const next = new Uint8Array(end)
          next.set(inode.bytes)
          next.set(part, start)
          inode.bytes = next
          inode.changedAt = world.now()
          inode.synced = Math.min(inode.synced, start)
        }
        return call(
          "write",
          path,
          Effect.andThen(
            Effect.sync(() => put(bytes.subarray(0, half), at)),
            call(
              "write on",
              path,
              Effect.sync(() => put(bytes.subarray(half), at === undefined ? undefined : at + half))
            )
          )
        )
      })

    const sync = (path: string, inode: Inode) =>
      call(
        "sync",
        path,
        Effect.andThen(
          Effect.suspend(() => Effect.sleep(process.syncMillis())),
          call(
            "sync on",
            path,
            Effect.sync(() => {
              inode.synced = inode.bytes.length
              before = []
            })
          )
        )
      )

    const open: FileSystem.FileSystem["open"] = (path, options) =>
      call(
        "open",
        path,
        Effect.suspend(() => {
          const flag = options?.flag ?? "r"
          const found = names.get(path)
          if (found === undefined && flag.startsWith("r"))
            return Effect.fail(problem("NotFound", "open", path, "ENOENT"))
          if (found !== undefined && flag.includes("x"))
            return Effect.fail(problem("AlreadyExists", "open", path, "EEXIST"))
          const inode = found ?? { bytes: new Uint8Array(0), synced: 0, changedAt: world.now() }
          names.set(path, inode)
          if (flag.startsWith("w")) {
            inode.bytes = new Uint8Array(0)
            inode.synced = 0
          }
          const isAppending = flag.startsWith("a")
          let cursor = 0
          const readAt = (size: number, position: bigint | undefined) => {
            const start = position === undefined ? cursor : Number(position)
            const part = inode.bytes.slice(start, start + size)
            if (position === undefined) cursor += part.length
            return part
          }
          const writeAll = (bytes: Uint8Array) =>
            Effect.andThen(
              write(path, inode, bytes, isAppending ? undefined : cursor),
              Effect.sync(() => {
                cursor += bytes.length
              })
            )
          return Effect.succeed<FileSystem.File>({
            [FileSystem.FileTypeId]: FileSystem.FileTypeId,
            stat: call(
              "stat",
              path,
              Effect.sync(() => infoOf(inode))
            ),
            seek: (offset, from) =>
              Effect.sync(() => {
                cursor = from === "start" ? Number(offset) : cursor + Number(offset)
                return BigInt(cursor)
              }),
            sync: sync(path, inode),
            read: (buffer, options) =>
              call(
                "read",
                path,
                Effect.sync(() => {
                  const part = readAt(buffer.length, options?.position)
                  buffer.set(part)
                  return part.length
                })
              ),
            readAlloc: (size, options) =>
              call(
                "read",
                path,
                Effect.sync(() => {
                  const part = readAt(size, options?.position)
                  return part.length === 0 ? Option.none() : Option.some(part)
                })
              ),
            truncate: (length = 0) => truncate(path, inode, length),
            write: (bytes) => Effect.as(writeAll(bytes), bytes.length),
            writeAll
          })
        })
      )

    const truncate = (path: string, inode: Inode, length: number) =>
      call(
        "truncate",
        path,
        Effect.sync(() => {
          const kept = inode.bytes.slice(0, length)
          inode.bytes = kept.length < length ? concat(kept, new Uint8Array(length - kept.length)) : kept
          inode.synced = Math.min(inode.synced, length)
        })
      )

    const fs: FileSystem.FileSystem = FileSystem.makeNoop({
      open,
      access: (path) => call("access", path, Effect.asVoid(inodeAt("access", path))),
      exists: (path) =>
        call(
          "exists",
          path,
          Effect.sync(() => names.has(path))
        ),
      stat: (path) => call("stat", path, Effect.map(inodeAt("stat", path), infoOf)),
      readFile: (path) =>
        call(
          "readFile",
          path,
          Effect.map(inodeAt("readFile", path), (inode) => inode.bytes.slice())
        ),
      readFileString: (path) => Effect.map(fs.readFile(path), (bytes) => new TextDecoder().decode(bytes)),
      writeFile: (path, bytes) =>
        Effect.scoped(Effect.flatMap(open(path, { flag: "w" }), (file) => file.writeAll(bytes))),
      writeFileString: (path, text) => fs.writeFile(path, new TextEncoder().encode(text)),
      makeDirectory: (path) => call("makeDirectory", path, Effect.void),
      truncate: (path, length) =>
        Effect.flatMap(inodeAt("truncate", path), (inode) => truncate(path, inode, Number(length ?? 0))),
      rename: (from, to) =>
        call(
          "rename",
          from,
          Effect.map(inodeAt("rename", from), (inode) => {
            before.push(new Map(names))
            names.delete(from)
            names.set(to, inode)
          })
        ),
      remove: (path, options) =>
        call(
          "remove",
          path,
          Effect.suspend(() =>
            names.delete(path) || options?.force === true
              ? Effect.void
              : Effect.fail(problem("NotFound", "remove", path, "ENOENT"))
          )
        )
    })
    return { ...fs, stream: FileSystem.make(fs).stream }
  }

  const sync = (process: Mounted): Sync => {
    const call = (name: string, path: string) => {
      const refusal = process.isAlive() ? process.onCall(name, path) : undefined
      if (!process.isAlive()) throw new Killed(`${name} of ${path}`)
      if (refusal === "full") throw errno("ENOSPC", name, path)
    }
    const found = (name: string, path: string) => {
      const inode = names.get(path)
      if (inode === undefined) throw errno("ENOENT", name, path)
      return inode
    }
    return {
      read: (path) => {
        call("read", path)
        return found("open", path).bytes
      },
      write: (path, bytes, { isNew, isSynced }) => {
        call("write", path)
        if (isNew && names.has(path)) throw errno("EEXIST", "open", path)
        world.onWritten?.(path, bytes)
        const inode = names.get(path) ?? { bytes, synced: 0, changedAt: 0 }
        inode.bytes = bytes.subarray(0, Math.ceil(bytes.length / 2))
        inode.synced = 0
        inode.changedAt = world.now()
        names.set(path, inode)
        call("write on", path)
        inode.bytes = bytes
        if (isSynced) {
          call("sync", path)
          inode.synced = bytes.length
        }
      },
      rename: (from, to) => {
        call("rename", from)
        const inode = found("rename", from)
        before.push(new Map(names))
        names.delete(from)
        names.set(to, inode)
      },
      remove: (path, isForced) => {
        call("remove", path)
        if (names.has(path)) before.push(new Map(names))
        if (!names.delete(path) && !isForced) throw errno("ENOENT", "rm", path)
      },
      link: (from, to) => {
        call("link", to)
        const inode = found("link", from)
        if (names.has(to)) throw errno("EEXIST", "link", to)
        names.set(to, inode)
      },
      exists: (path) => {
        call("exists", path)
        return names.has(path) || [...names.keys()].some((name) => name.startsWith(`${path}/`))
      },
      changedAt: (path) => {
        call("stat", path)
        return found("stat", path).changedAt
      },
      list: (folder) => {
        call("list", folder)
        return [...names.keys()].flatMap((path) =>
          path.startsWith(`${folder}/`) && !path.includes("/", folder.length + 1)
            ? [path.slice(folder.length + 1)]
            : []
        )
      },
      syncNames: () => {
        call("sync", "/")
        before = []
      }
    }
  }

  return {
    mount,
    sync,
    crash: (dice) => {
      const kept = dice.between(0, before.length)
      const undone = before[kept]
      if (undone !== undefined) names = new Map(undone)
      before = []
      for (const inode of names.values()) {
        const length = dice.between(inode.synced, inode.bytes.length)
        inode.bytes = inode.bytes.slice(0, length)
        inode.synced = length
      }
    },
    durable: (path) => {
      const inode = names.get(path)
      return inode === undefined ? new Uint8Array(0) : inode.bytes.subarray(0, inode.synced)
    },
    read: (path) => {
      const inode = names.get(path)
      return inode && new TextDecoder().decode(inode.bytes)
    },
    put: (path, text) => {
      const bytes = new TextEncoder().encode(text)
      names.set(path, { bytes, synced: bytes.length, changedAt: world.now() })
    },
    paths: () => [...names.keys()]
  }
}

const infoOf = (inode: Inode): FileSystem.File.Info => ({
  type: "File",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0o600,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.bytes(inode.bytes.length),
  blksize: Option.none(),
  blocks: Option.none()
})
