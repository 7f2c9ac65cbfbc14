/**
 * A file whose bytes are read by range, wherever it is: for whoever reads an input in parts, such as many machines.
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import type * as HttpClient from "effect/http/HttpClient"
import * as Internal from "./internal/input/byteFile.ts"
import type { Unusable } from "./internal/input/records.ts"
import { SourceError } from "./SourceError.ts"

/**
 * What a file was when it was opened: its size in bytes, and its time, or of a URL its `ETag` or else its `Last-Modified`;
 * empty where the server tells neither. The same stamp, the same file, as far as its keeper tells.
 *
 * **Example** (Whether a file is another one)
 *
 * ```ts
 * import type { ByteFile } from "@stint/batch"
 *
 * const isSame = (before: ByteFile.Stamp, now: ByteFile.Stamp) =>
 *   before.size === now.size && before.version === now.version
 * ```
 */
export interface Stamp {
  readonly size: number
  readonly version: string
}

/**
 * An open file. `slice` gives the bytes from `start` to before `end`, which must lie inside, and fails with `SourceError`
 * when they are not all there.
 *
 * **Example** (The first kilobyte)
 *
 * ```ts
 * import type { ByteFile } from "@stint/batch"
 *
 * const head = (file: ByteFile.ByteFile) => file.slice(0, Math.min(1024, file.stamp.size))
 * ```
 */
export interface ByteFile {
  readonly stamp: Stamp
  readonly slice: (start: number, end: number) => Effect.Effect<Uint8Array<ArrayBuffer>, SourceError>
}

const named =
  (path: string) =>
  <A, R>(effect: Effect.Effect<A, Unusable, R>): Effect.Effect<A, SourceError, R> =>
    Effect.mapError(effect, ({ detail }) => new SourceError({ path, line: 0, detail }))

const openAs = <R>(
  path: string,
  open: Effect.Effect<Internal.Opened<never>, Unusable, R>
): Effect.Effect<ByteFile, SourceError, R> =>
  Effect.map(named(path)(open), ({ slice, stamp: { size, version } }) => ({
    stamp: { size, version },
    slice: (start, end) => named(path)(slice(start, end))
  }))

/**
 * Opens a file of this machine, until the scope ends. Whatever is no regular file is refused with `SourceError`.
 *
 * **Example** (The last line feed)
 *
 * ```ts
 * import { ByteFile } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const endsWell = Effect.gen(function* () {
 *   const file = yield* ByteFile.openPath("rows.jsonl")
 *   const [last] = yield* file.slice(file.stamp.size - 1, file.stamp.size)
 *   return last === 10
 * }).pipe(Effect.scoped)
 * ```
 */
export const openPath = (
  path: string
): Effect.Effect<ByteFile, SourceError, FileSystem.FileSystem | Scope.Scope> =>
  openAs(path, Internal.openLocal(path)(undefined))

/**
 * How a URL is opened.
 *
 * **Example** (Many machines)
 *
 * ```ts
 * import type { ByteFile } from "@stint/batch"
 *
 * const options: ByteFile.UrlOptions = { instead: "put it on a disk that all machines share, and give the path" }
 * ```
 */
export interface UrlOptions {
  /** What to do where it cannot be read, for the message. Default: to download it, and to give the path. */
  readonly instead?: string | undefined
}

/**
 * Opens a file at an `http` or `https` URL whose server knows byte ranges. Nothing is sent with the requests but the range,
 * no token either. A request that fails is made again for some seconds; 16 MB are asked for at once. It fails with
 * `SourceError`, which has nothing of what follows the path, and when the stamp of a later answer is another one.
 *
 * **Example** (How large it is)
 *
 * ```ts
 * import { ByteFile } from "@stint/batch"
 * import { Effect } from "effect"
 *
 * const size = Effect.map(
 *   ByteFile.openUrl(new URL("https://data.example/rows.jsonl")),
 *   ({ stamp }) => stamp.size
 * )
 * ```
 */
export const openUrl = (
  url: URL,
  options: UrlOptions = {}
): Effect.Effect<ByteFile, SourceError, HttpClient.HttpClient> =>
  openAs(Internal.nameOf(url), Internal.openRemote(url, options)(undefined))
