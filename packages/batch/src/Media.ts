/**
 * Pictures and sounds in rows: bytes in the row itself, or a reference to a file.
 *
 * A file belongs to a {@link Folder} and stays inside it, whatever links say. It is digested when the row is read, so that
 * a changed picture is a changed request, and read when the row is sent, so that its bytes are in memory only then.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as Base64 from "effect/encoding/Base64"
import { describe } from "./FileProblem.ts"
import type { Message } from "./Inference.ts"
import * as MediaFile from "./internal/media/mediaFile.ts"
import * as MediaType from "./internal/media/mediaType.ts"

const Type = Schema.String.check(
  Schema.isPattern(MediaType.pattern, { message: "expected a type as in image/png or audio/flac" })
)

/** A file of a folder: its kind, how many bytes it has, and the digest of its content. */
export const FileMedia = Schema.Struct({
  file: Schema.String,
  type: Type,
  bytes: Schema.Int,
  digest: Schema.String
})

/** A file of a folder: its kind, how many bytes it has, and the digest of its content. */
export type FileMedia = typeof FileMedia.Type

/** Bytes in the row itself. */
export const InlineMedia = Schema.Struct({
  base64: Schema.String.check(Schema.isBase64()),
  type: Type
})

/** Bytes in the row itself. */
export type InlineMedia = typeof InlineMedia.Type

/** A picture or a sound. */
export type Media = FileMedia | InlineMedia

/** A file that a row refers to cannot be used: what is wrong with it. */
export class MediaRefused extends Schema.TaggedError<MediaRefused>()("MediaRefused", {
  file: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The file ${this.file} cannot be used: ${this.detail.replace(/\.?$/, ".")} Correct the row or the file, and run again.`
  }
}

/** Bytes that are in memory, and what they are. */
export interface Loaded {
  readonly bytes: Uint8Array
  readonly type: string
}

/** A folder that rows may refer to. */
export interface Folder {
  readonly path: string
  /** Looks at a file: it is there, inside the folder, not too large, and a picture or a sound. */
  readonly look: (file: string, type?: string) => Effect.Effect<FileMedia, MediaRefused>
  /**
   * Reads media, and holds their bytes for as long as `use` runs. Together they are held to the folder's bound; whoever
   * comes later waits. A file that is no longer what was looked at is refused.
   */
  readonly load: <A, E, R>(
    media: ReadonlyArray<Media>,
    use: (loaded: ReadonlyArray<Loaded>) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | MediaRefused, R>
}

/** How a folder is used. */
export interface FolderOptions {
  /** The most bytes that one file may have. Default: 32 MiB. */
  readonly maxFileBytes?: number | undefined
  /** The most bytes of all files that are in memory at a time; a larger one goes alone. Default: 256 MiB. */
  readonly maxHeldBytes?: number | undefined
}

const MAX_FILE = 32 * 1024 * 1024
const MAX_HELD = 256 * 1024 * 1024
const UNIT = 1024

/** Bytes of the row itself. */
const decoded = ({ base64, type }: InlineMedia): Effect.Effect<Loaded, MediaRefused> =>
  Effect.mapBoth(Effect.fromResult(Base64.decode(base64)), {
    onFailure: () => new MediaRefused({ file: "base64", detail: "it is not Base64" }),
    onSuccess: (bytes) => ({ bytes, type })
  })

const sizeOf = (media: Media): number =>
  "file" in media ? media.bytes : Math.ceil((media.base64.length * 3) / 4)

/**
 * A folder that rows may refer to. Fails where there is none.
 *
 * **Example** (Sounds to text)
 *
 * ```ts
 * import { Batch, Job, Media } from "@stint/batch"
 * import { Effect, Stream } from "effect"
 *
 * const nightly = Effect.gen(function* () {
 *   const calls = yield* Media.folder("calls")
 *   const rows = Stream.fromIterable(["1.flac", "2.flac"]).pipe(
 *     Stream.mapEffect((name) => Effect.map(calls.look(name), (audio) => ({ id: name, audio })))
 *   )
 *   const job = Job.transcribe({
 *     key: (row: { id: string; audio: Media.Media }) => row.id,
 *     audio: (row) => row.audio,
 *     files: calls
 *   })
 *   return yield* Batch.runOn(rows, { name: "batch-speech" }, job)
 * })
 * ```
 */
export const folder = Effect.fnUntraced(function* (
  path: string,
  options: FolderOptions = {}
): Effect.fn.Return<Folder, MediaRefused, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Path.Path
  const { maxFileBytes = MAX_FILE, maxHeldBytes = MAX_HELD } = options
  const root = yield* Effect.mapError(
    fs.realPath(path),
    (error) => new MediaRefused({ file: path, detail: describe(error) })
  )
  const files = MediaFile.make({ fs, paths, root, maxFileBytes })
  const units = Math.max(1, Math.ceil(maxHeldBytes / UNIT))
  const held = yield* Semaphore.make(units)
  const refuse = (file: string) => (detail: string) => new MediaRefused({ file, detail })

  const one = (media: Media): Effect.Effect<Loaded, MediaRefused> =>
    "file" in media
      ? Effect.mapBoth(files.read(media), {
          onFailure: refuse(media.file),
          onSuccess: (bytes) => ({ bytes, type: media.type })
        })
      : decoded(media)

  return {
    path: root,
    look: (file, type) => Effect.mapError(files.look(file, type), refuse(file)),
    load: (media, use) => {
      const size = media.reduce((sum, each) => sum + sizeOf(each), 0)
      const permits = Math.min(units, Math.max(1, Math.ceil(size / UNIT)))
      return held.withPermits(permits)(Effect.flatMap(Effect.forEach(media, one), use))
    }
  }
})

/**
 * Bytes that are in memory already, as a row holds them.
 *
 * **Example** (A picture that was drawn just now)
 *
 * ```ts
 * import { Media } from "@stint/batch"
 *
 * const dot = Media.bytes(new Uint8Array([0x89, 0x50, 0x4e, 0x47]), "image/png")
 * console.log(dot.base64) // => iVBORw==
 * ```
 */
export const bytes = (bytes: Uint8Array, type: string): InlineMedia => ({
  base64: Base64.encode(bytes),
  type
})

/**
 * A picture, a sound or a film as a part of a chat message, as OpenAI's protocol and vLLM have them. A file becomes a
 * `data:` URL when the message is sent, by a job that has the folder.
 */
export const part = (media: Media): Schema.JsonObject => {
  const member = `${media.type.split("/")[0] ?? "image"}_url`
  const inner =
    "file" in media
      ? { url: `file:${media.file}`, media_type: media.type, bytes: media.bytes, digest: media.digest }
      : { url: `data:${media.type};base64,${media.base64}` }
  return { type: member, [member]: inner }
}

/** A message of parts: what is asked, and what it is asked of. */
export const message = (text: string, media: ReadonlyArray<Media>): Message => ({
  role: "user",
  content: [...media.map(part), { type: "text", text }]
})
