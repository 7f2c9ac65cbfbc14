/**
 * What the results look like: flags, and what they mean.
 */
import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import type * as Row from "@stint/batch/Row"
import type * as Sink from "@stint/batch/Sink"
import type * as Table from "@stint/batch/Table"

const formats = ["jsonl", "csv", "parquet"] as const

type Format = (typeof formats)[number]

export const flags = {
  outputFormat: Flag.Literals("output-format", formats).pipe(
    Flag.withDescription(
      "What the results are written as: jsonl (the default), csv or parquet; may be given several times. errors.jsonl is always written"
    ),
    Flag.atLeast(0),
    Flag.withDefault([])
  ),
  order: Flag.Literals("order", ["finished", "input"]).pipe(
    Flag.withDescription(
      "finished (the default): as the rows were done; input: as the input has them, which is read once more in the end"
    ),
    Flag.withDefault("finished")
  ),
  images: Flag.Literals("images", ["inline", "files"]).pipe(
    Flag.withDescription(
      "Pictures as Base64 in their rows (inline, the default), or as files of the folder images"
    ),
    Flag.withDefault("inline")
  )
}

/** What is written at the end of a run. */
export interface Output {
  readonly formats: ReadonlyArray<Format>
  readonly order: "finished" | "input"
  readonly images: "inline" | "files"
  readonly table: Table.Table
  readonly kinds: ReadonlyArray<Sink.Kind>
}

const kindOf = (format: Format): Effect.Effect<Sink.Kind> =>
  format === "parquet"
    ? // Loaded by the runs that ask for it.
      Effect.promise(async () => (await import("@stint/batch/parquet")).ParquetSink.format)
    : Effect.succeed(format)

/** What the flags mean for a kind of job. */
export const toOutput = Effect.fnUntraced(function* (
  options: {
    readonly outputFormat: ReadonlyArray<Format>
    readonly order: Output["order"]
    readonly images: Output["images"]
  },
  kind: Row.Kind
): Effect.fn.Return<Output> {
  const { images, order, outputFormat } = options
  const Table = yield* Effect.promise(() => import("@stint/batch/Table"))
  const asked = formats.filter((format) => outputFormat.includes(format))
  const wanted = asked.length === 0 ? formats.slice(0, 1) : asked
  return {
    formats: wanted,
    order,
    images,
    table: Table.rows(kind),
    kinds: yield* Effect.forEach(wanted, kindOf)
  }
})
