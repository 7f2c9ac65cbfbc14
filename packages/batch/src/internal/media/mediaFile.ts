/**
 * Files that rows refer to: inside their folder, of a bounded size, and the same when they are sent as when they were
 * looked at.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { describe } from "../../FileProblem.ts"
import type { FileMedia } from "../../Media.ts"
import { ByteDigest } from "./byteDigest.ts"
import * as MediaType from "./mediaType.ts"

export interface Options {
  readonly fs: FileSystem.FileSystem
  readonly paths: Path.Path
  /** The folder, with its links resolved. */
  readonly root: string
  readonly maxFileBytes: number
}

const CHUNK = 256 * 1024
const HEAD = 16

const count = (n: number) => n.toLocaleString("en-US")

/** What fails, fails with words. */
export const make = ({ fs, maxFileBytes, paths, root }: Options) => {
  const inWords = (error: PlatformError.PlatformError) => describe(error)
  const outside = "it is outside the folder that rows may refer to"

  /** Where a file really is. */
  const locate = Effect.fnUntraced(function* (file: string): Effect.fn.Return<string, string> {
    if (file === "" || file.includes("\0")) return yield* Effect.fail("it is no path")
    const real = yield* Effect.mapError(fs.realPath(paths.resolve(root, file)), inWords)
    const way = paths.relative(root, real)
    if (way === "" || way === ".." || way.startsWith(`..${paths.sep}`) || paths.isAbsolute(way)) {
      return yield* Effect.fail(outside)
    }
    const info = yield* Effect.mapError(fs.stat(real), inWords)
    if (info.type !== "File") return yield* Effect.fail("it is no regular file")
    if (Number(info.size) > maxFileBytes) {
      return yield* Effect.fail(
        `it has ${count(Number(info.size))} bytes, and a file may have ${count(maxFileBytes)}`
      )
    }
    return Number(info.size) === 0 ? yield* Effect.fail("it is empty") : real
  })

  return {
    look: Effect.fnUntraced(function* (file: string, type?: string): Effect.fn.Return<FileMedia, string> {
      const real = yield* locate(file)
      const digest = new ByteDigest()
      let head = new Uint8Array()
      yield* Effect.mapError(
        Stream.runForEach(fs.stream(real, { chunkSize: CHUNK }), (chunk) =>
          Effect.sync(() => {
            if (digest.length === 0) head = chunk.slice(0, HEAD)
            digest.update(chunk)
          })
        ),
        inWords
      )
      const kind = type ?? MediaType.of(head)
      if (kind === undefined) {
        return yield* Effect.fail('its kind cannot be told: say it, as in "type": "image/png"')
      }
      return { file, type: kind, bytes: digest.length, digest: digest.hex() }
    }),

    read: Effect.fnUntraced(function* ({
      bytes,
      digest,
      file
    }: FileMedia): Effect.fn.Return<Uint8Array, string> {
      const real = yield* locate(file)
      const content = yield* Effect.mapError(fs.readFile(real), inWords)
      if (content.length !== bytes || new ByteDigest().update(content).hex() !== digest) {
        return yield* Effect.fail("it was changed after it was checked")
      }
      return content
    })
  }
}
