/**
 * Pictures out of the records and into files of their own.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import * as AtomicFiles from "./atomicFiles.ts"
import { type JournalError, type Stored, storedEntry } from "../journal/journalEntry.ts"
import { safeName } from "./safeName.ts"

/** The folder of the pictures, beside the results. */
export const FOLDER = "images"

const WRITES = 8

const startsWith = (bytes: Uint8Array, magic: ReadonlyArray<number>, from = 0) =>
  magic.every((byte, at) => bytes[from + at] === byte)

/** What the name of such a file ends with; nothing where the bytes are no picture. */
const extensionOf = (bytes: Uint8Array): string | undefined => {
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47])) return "png"
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return "jpg"
  if (startsWith(bytes, [0x47, 0x49, 0x46, 0x38])) return "gif"
  return startsWith(bytes, [0x52, 0x49, 0x46, 0x46]) && startsWith(bytes, [0x57, 0x45, 0x42, 0x50], 8)
    ? "webp"
    : undefined
}

interface Picture {
  readonly extension: string
  readonly bytes: Uint8Array
}

const pictureOf = (text: Schema.Json | undefined): Picture | undefined => {
  if (typeof text !== "string") return undefined
  const bytes = Base64.decode(text)
  if (Result.isFailure(bytes)) return undefined
  const extension = extensionOf(bytes.success)
  return extension === undefined ? undefined : { extension, bytes: bytes.success }
}

const Plain = Schema.Struct({ output: Schema.Json })
const isPlain = Schema.is(Plain)
const OpenAi = Schema.Struct({
  response: Schema.StructWithRest(
    Schema.Struct({
      body: Schema.StructWithRest(
        Schema.Struct({ data: Schema.Array(Schema.Record(Schema.String, Schema.Json)) }),
        [Schema.Record(Schema.String, Schema.Json)]
      )
    }),
    [Schema.Record(Schema.String, Schema.Json)]
  )
})
const isOpenAi = Schema.is(OpenAi)

/**
 * Writes the pictures of some records into files, and gives the records with the paths in their place, relative to the
 * results: for an output that is a picture its path; in an OpenAI answer `url` instead of `b64_json`. What is no picture
 * stays as it is.
 */
export const write = Effect.fnUntraced(function* (
  directory: string,
  records: ReadonlyArray<Stored>
): Effect.fn.Return<ReadonlyArray<Stored>, JournalError | PlatformError, FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path

  const save = (key: string, { bytes, extension }: Picture, suffix = "") => {
    const name = `${safeName(key)}${suffix}.${extension}`
    return Effect.as(
      AtomicFiles.write([path.join(directory, FOLDER, name)], ([file]) =>
        file === undefined ? Effect.void : file.writeAll(bytes)
      ),
      `${FOLDER}/${name}`
    )
  }

  const replaced = Effect.fnUntraced(function* (key: string, output: Schema.Json) {
    const picture = pictureOf(output)
    if (picture !== undefined) return yield* save(key, picture)
    if (isPlain(output)) {
      const inside = pictureOf(output.output)
      return inside === undefined ? output : { output: yield* save(key, inside) }
    }
    if (!isOpenAi(output)) return output
    const { body } = output.response
    const data = yield* Effect.forEach(body.data, (item, at) => {
      const { b64_json, ...rest } = item
      const inside = pictureOf(b64_json)
      if (inside === undefined) return Effect.succeed(item)
      return Effect.map(save(key, inside, `.${at}`), (url) => ({ ...rest, url }))
    })
    return { response: { ...output.response, body: { ...body, data } } }
  })

  return yield* Effect.forEach(
    records,
    (record) =>
      record.tag === "Failed"
        ? Effect.succeed(record)
        : Effect.flatMap(record.entry, (entry) =>
            Effect.map(replaced(entry.key, entry.output ?? null), (output) => ({
              ...storedEntry({ ...entry, output }),
              output: JSON.stringify(output)
            }))
          ),
    { concurrency: WRITES }
  )
})
