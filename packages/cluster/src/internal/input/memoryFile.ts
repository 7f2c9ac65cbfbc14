/**
 * A file system that has one file, whose bytes come from elsewhere: so that the readers of batch read a part of an input, an
 * object at a URL or the rows of a table as they read a file.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"

/** The next bytes; nothing at the end. */
export type Pull<E> = Effect.Effect<Uint8Array | undefined, E>

const refused = (method: string) =>
  Effect.fail(
    PlatformError.badArgument({ module: "FileSystem", method, description: "the file is only to be read" })
  )

const infoOf = (size: number): FileSystem.File.Info => ({
  type: "File",
  mtime: Option.none(),
  atime: Option.none(),
  birthtime: Option.none(),
  dev: 0n,
  ino: Option.none(),
  mode: 0o444,
  nlink: Option.none(),
  uid: Option.none(),
  gid: Option.none(),
  rdev: Option.none(),
  size: ByteSize.bytes(size),
  blksize: Option.none(),
  blocks: Option.none()
})

const fileOf = (pull: Pull<PlatformError.PlatformError>, size: number): FileSystem.File => {
  let rest: Uint8Array = new Uint8Array(0)
  const read = (buffer: Uint8Array): Effect.Effect<number, PlatformError.PlatformError> =>
    Effect.suspend(() => {
      if (rest.length > 0) {
        const taken = Math.min(rest.length, buffer.length)
        buffer.set(rest.subarray(0, taken))
        rest = rest.subarray(taken)
        return Effect.succeed(taken)
      }
      return Effect.flatMap(pull, (next) => {
        if (next === undefined) return Effect.succeed(0)
        rest = next
        return read(buffer)
      })
    })
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.succeed(infoOf(size)),
    seek: () => refused("seek"),
    sync: Effect.void,
    read: (buffer) => read(buffer),
    readAlloc: () => refused("readAlloc"),
    truncate: () => refused("truncate"),
    write: () => refused("write"),
    writeAll: () => refused("writeAll")
  }
}

/**
 * Reads by `use` with `path` standing for the bytes of `pull`, of `size` in all. What `pull` fails with is the failure of the
 * reading, and not what a reader makes of it.
 */
export const reading = <E, A, E2, R>(
  path: string,
  pull: Pull<E>,
  size: number,
  use: Effect.Effect<A, E2, R>
): Effect.Effect<A, E | E2, Exclude<R, FileSystem.FileSystem>> => {
  let failure: E | undefined
  const told = Effect.mapError(pull, (error) => {
    failure = error
    return PlatformError.badArgument({ module: "FileSystem", method: "read", description: "cannot be read" })
  })
  const system = FileSystem.makeNoop({
    open: (asked) =>
      asked === path
        ? Effect.succeed(fileOf(told, size))
        : Effect.fail(
            PlatformError.systemError({
              _tag: "NotFound",
              module: "FileSystem",
              method: "open",
              pathOrDescriptor: asked
            })
          )
  })
  return Effect.mapError(
    Effect.provideService(use, FileSystem.FileSystem, system),
    (error) => failure ?? error
  )
}

/** Bytes that are there already. */
export const once = (...parts: ReadonlyArray<Uint8Array>): Pull<never> => {
  let at = 0
  return Effect.sync(() => parts[at++])
}
