/**
 * Where items come from. A source is a stream that can be run again: once to check the whole input, once to send it.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe } from "./FileProblem.ts"
import * as Lines from "./internal/lines.ts"

/** A line of an input cannot be used. `line` counts from 1; 0 stands for the whole file. */
export class SourceError extends Schema.TaggedError<SourceError>()("SourceError", {
  path: Schema.String,
  line: Schema.Int,
  detail: Schema.String
}) {
  override get message() {
    return this.line === 0 ? `${this.path}: ${this.detail}` : `${this.path}:${this.line}: ${this.detail}`
  }
}

const BOM = "\u{feff}"

/** An item, and the line that it stands on, counted from 1. */
export interface Numbered<A> {
  readonly line: number
  readonly item: A
}

/**
 * The items of a JSONL file, each with its line: see {@link jsonl}.
 */
export const jsonlNumbered = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S
): Stream.Stream<Numbered<S["Type"]>, SourceError, FileSystem.FileSystem | S["DecodingServices"]> =>
  Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) => {
      const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      const at = (line: number) => (error: { readonly message: string }) =>
        new SourceError({ path, line, detail: error.message.replace(/\s*\n\s*/g, " ") })

      const parse = ({ bytes, number: line }: Lines.Line) =>
        Effect.try({
          try: () => decoder.decode(bytes),
          catch: () => new SourceError({ path, line, detail: "is not UTF-8" })
        }).pipe(
          Effect.flatMap((text) => Effect.mapError(decode(text.replace(BOM, "")), at(line))),
          Effect.map((item) => ({ line, item }))
        )

      return fs.stream(path, { chunkSize: 1024 * 1024 }).pipe(
        Stream.mapError((error) => new SourceError({ path, line: 0, detail: describe(error) })),
        Lines.split,
        Stream.filter((line) => !isBlank(line.bytes)),
        Stream.mapEffect(parse)
      )
    })
  )

/**
 * The items of a JSONL file, one JSON value a line, decoded with `schema`. Blank lines are passed over; a byte order mark
 * and CRLF are understood. Fails with {@link SourceError} at the first line that is not an item, naming line and field.
 *
 * **Example** (Reading rows)
 *
 * ```ts
 * import { Source } from "@stint/batch"
 * import { Schema } from "effect"
 *
 * const rows = Source.jsonl("rows.jsonl", Schema.Struct({ id: Schema.String, text: Schema.String }))
 * ```
 */
export const jsonl = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S
): Stream.Stream<S["Type"], SourceError, FileSystem.FileSystem | S["DecodingServices"]> =>
  Stream.map(jsonlNumbered(path, schema), ({ item }) => item)

const isBlank = (bytes: Uint8Array) => bytes.every((byte) => byte === 32 || byte === 9)
