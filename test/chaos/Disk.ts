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
  /** How many of the bytes a crash cannot take. */
  synced: number
}

type Names = ReadonlyMap<string, Inode>

export interface Disk {
  /** The file system as one process sees it. Its calls end with `isAlive`: a dead process does nothing. */
  readonly mount: (process: Mounted) => FileSystem.FileSystem
  /** Power off, and on again. */
  readonly crash: (dice: Dice) => void
  /** What a crash would leave at the least. */
  readonly durable: (path: string) => Uint8Array
  readonly read: (path: string) => string | undefined
  readonly put: (path: string, text: string) => void
  readonly paths: () => ReadonlyArray<string>
}

export interface Mounted {
  readonly isAlive: () => boolean
  /** Called when a call begins, and again in its middle where it has one; may kill the process, or refuse. */
  readonly onCall: (call: string, path: string) => "full" | undefined
  /** How long a sync takes, in milliseconds. */
  readonly syncMillis: () => number
}

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

export const make = (): Disk => {
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
        const half = Math.ceil(bytes.length / 2)
        const put = (part: Uint8Array, offset: number | undefined) => {
          const start = offset ?? inode.bytes.length
          const end = Math.max(inode.bytes.length, start + part.length)
          const next = new Uint8Array(end)
          next.set(inode.bytes)
          next.set(part, start)
          inode.bytes = next
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
          const inode = found ?? { bytes: new Uint8Array(0), synced: 0 }
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

  return {
    mount,
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
      names.set(path, { bytes, synced: bytes.length })
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
