/**
 * What an input is, and which of its columns are the id and the input of a row: flags, and what they mean.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import { describe } from "@stint/batch/FileProblem"
import type * as Row from "@stint/batch/Row"
import type * as Source from "@stint/batch/Source"

/** A flag about the input cannot be used, or not with another one. Nothing was woken. */
export class InputFlagRefused extends Schema.TaggedError<InputFlagRefused>()("InputFlagRefused", {
  flag: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `--${this.flag} cannot be used: ${this.detail.replace(/\.?$/, ".")} Correct that and run again; nothing was woken.`
  }
}

const formats = ["jsonl", "csv", "tsv", "parquet"] as const

/** What an input can be. */
export type Format = (typeof formats)[number]

export const flags = {
  inputFormat: Flag.Literals("input-format", formats).pipe(
    Flag.withDescription("What the input is; by default what its name ends with, and else jsonl"),
    Flag.optional
  ),
  idColumn: Flag.String("id").pipe(
    Flag.withDescription("The column of the ids, id by default"),
    Flag.optional
  ),
  idFromRow: Flag.Boolean("id-from-row").pipe(
    Flag.withDescription(
      "Take the number of each row for its id: good as long as no row is put in or taken out"
    ),
    Flag.withDefault(false)
  ),
  inputColumn: Flag.String("input").pipe(
    Flag.withDescription("The column of the inputs, input by default"),
    Flag.optional
  ),
  template: Flag.String("template").pipe(
    Flag.withDescription("The text to send, made of columns, as in 'Summarise: {{text}}', or @file"),
    Flag.optional
  ),
  delimiter: Flag.String("delimiter").pipe(
    Flag.withDescription("For csv: the character between cells, or tab; a comma by default"),
    Flag.optional
  ),
  columns: Flag.String("columns").pipe(
    Flag.withDescription("For csv without a header: the names of its columns, as in id,text,year"),
    Flag.optional
  )
}

/** What the flags were given. */
export interface Given {
  readonly inputFormat: Option.Option<Format>
  readonly idColumn: Option.Option<string>
  readonly idFromRow: boolean
  readonly inputColumn: Option.Option<string>
  readonly template: Option.Option<string>
  readonly delimiter: Option.Option<string>
  readonly columns: Option.Option<string>
}

/** How an input is read. */
export interface Reading {
  readonly format: "jsonl" | "csv" | "parquet"
  readonly csv: Source.CsvOptions
  readonly mapping: Row.Mapping
}

const refuse = (flag: string, detail: string) => Effect.fail(new InputFlagRefused({ flag, detail }))

/** The URL that an input is, if it is one. */
export const urlOf = (input: string): URL | undefined =>
  /^https?:\/\//i.test(input) && URL.canParse(input) ? new URL(input) : undefined

/** Whether an input is the name of something on the hub. */
export const isOnHub = (input: string): boolean => /^hf:\/\//i.test(input)

const endings: ReadonlyArray<readonly [RegExp, Format]> = [
  [/\.(parquet|pq)$/i, "parquet"],
  [/\.csv$/i, "csv"],
  [/\.(tsv|tab)$/i, "tsv"]
]

const formatOf = (input: string): Format => {
  if (isOnHub(input)) return "parquet"
  const name = urlOf(input)?.pathname ?? input
  return endings.find(([ending]) => ending.test(name))?.[1] ?? "jsonl"
}

const delimiterOf = (given: string) => {
  const delimiter = given === "tab" || given === "\\t" ? "\t" : given
  return delimiter.length === 1 && !/["\r\n]/.test(delimiter)
    ? Effect.succeed(delimiter)
    : refuse(
        "delimiter",
        `${JSON.stringify(given)} is not one character that can stand between cells, or tab`
      )
}

const columnsOf = (given: string) => {
  const names = given.split(",").map((name) => name.trim())
  const twice = names.find((name, at) => name !== "" && names.indexOf(name) !== at)
  if (twice !== undefined) return refuse("columns", `it names ${twice} twice`)
  return names.some((name) => name !== "") ? Effect.succeed(names) : refuse("columns", "it names no column")
}

/** One without a column sends the same text for every row. */
const withColumns = Effect.fnUntraced(function* (text: string) {
  const Template = yield* Effect.promise(() => import("@stint/batch/Template"))
  const template = yield* Template.make(text)
  if (template.columns.length > 0) return template
  return yield* refuse(
    "template",
    "it names no column, so every row would be sent the same text: write one as {{name}}"
  )
})

const templateOf = Effect.fnUntraced(function* (given: string) {
  if (!given.startsWith("@")) return yield* withColumns(given)
  const path = given.slice(1)
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.catch(fs.readFileString(path), (error) =>
    refuse("template", `${path}: ${describe(error)}`)
  )
  // The line's end that every editor puts at the end of a file is none of the prompt's.
  return yield* withColumns(text.replace(/^\ufeff/, "").replace(/\r?\n$/, ""))
})

const ifGiven = <A, E, R>(given: Option.Option<string>, use: (text: string) => Effect.Effect<A, E, R>) =>
  Option.isSome(given) ? use(given.value) : Effect.succeed(undefined)

/** What the flags mean for an input. */
export const toReading = Effect.fnUntraced(function* (given: Given, input: string) {
  const { columns, delimiter, idColumn, idFromRow, inputColumn, template } = given
  const format = Option.getOrElse(given.inputFormat, () => formatOf(input))
  const isTable = format === "csv" || format === "tsv"
  if (idFromRow && Option.isSome(idColumn)) {
    return yield* refuse("id-from-row", "--id says that a column has the ids")
  }
  if (Option.isSome(template) && Option.isSome(inputColumn)) {
    return yield* refuse("template", "--input says that a column has the input as it is")
  }
  if (!isTable && Option.isSome(delimiter))
    return yield* refuse("delimiter", `the input is ${format}, not csv`)
  if (!isTable && Option.isSome(columns)) return yield* refuse("columns", `the input is ${format}, not csv`)
  if (format === "parquet" && input === "-") {
    return yield* refuse(
      "input-format",
      "Parquet has its table of contents at its end, so it cannot be read from stdin: give the path of a file"
    )
  }
  if (format !== "parquet" && isOnHub(input)) {
    return yield* refuse(
      "input-format",
      `a dataset of the hub is read as Parquet, and this says ${format}: leave the flag out, or download the file`
    )
  }
  if (format !== "parquet" && urlOf(input) !== undefined) {
    return yield* refuse(
      "input-format",
      `only Parquet is read from a URL, and this is ${format}: download it, and give its path or pipe it to stdin`
    )
  }
  const reading: Reading = {
    format: format === "tsv" ? "csv" : format,
    csv: {
      delimiter: (yield* ifGiven(delimiter, delimiterOf)) ?? (format === "tsv" ? "\t" : ","),
      columns: yield* ifGiven(columns, columnsOf)
    },
    mapping: {
      id: Option.getOrUndefined(idColumn),
      idFromRow,
      input: Option.getOrUndefined(inputColumn),
      template: yield* ifGiven(template, templateOf)
    }
  }
  return reading
})
