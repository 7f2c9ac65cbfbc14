/**
 * One step with the rows of a folder, in a process of its own: `node bench/formatRun.ts <folder> <count> make`, then
 * `<folder> <count> read|texts|vectors jsonl|csv|parquet`.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Journal, Row, Sink, type Table, Table as Tables } from "@stint/batch"
import { Parquet, ParquetSink } from "@stint/batch/parquet"
import { Effect, FileSystem, Stream } from "effect"
import { measure } from "./measured.ts"
import { random } from "./harness/statistics.ts"

const [, , directory = "", given = "", step = "", format = "jsonl"] = process.argv
const count = Number(given)
const NUMBERS = 64
const words = "the sea at night is quiet and nobody counts its waves, which come and go".split(" ")

const kinds: Readonly<Record<string, Sink.Kind>> = { jsonl: "jsonl", csv: "csv", parquet: ParquetSink.format }
const journalOf = (what: string) => Journal.layerFile(`${directory}/${what}.journal.jsonl`)

/** About 350 characters; some have what CSV must quote. */
const textOf = (next: () => number) =>
  Array.from({ length: 70 }, () => words[Math.floor(next() * words.length)] ?? "").join(" ")

/** With the digits that a float of 32 bits has. */
const vectorOf = (next: () => number) =>
  Array.from({ length: NUMBERS }, () => Number((next() - 0.5).toPrecision(8)))

/** What runs would have left behind. */
const journal = (what: string, outputOf: (next: () => number) => string | ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const next = random(1)
    const { append } = yield* Journal.Journal
    for (let from = 0; from < count; from += 4096) {
      yield* append(
        Array.from({ length: Math.min(4096, count - from) }, (_, at): Journal.Entry => {
          const fingerprint = (from + at).toString(16).padStart(16, "0")
          const output = { output: outputOf(next) }
          return {
            key: `row-${from + at}`,
            fingerprint,
            tag: "Succeeded",
            attempts: 1,
            durationMillis: 12,
            output
          }
        })
      )
    }
  }).pipe(Effect.provide(journalOf(what)))

/** The texts once more, as rows that a run could begin with. */
const asInput: Table.Table = {
  columns: [
    { name: "id", type: "text" },
    { name: "input", type: "text" }
  ],
  row: (key, output) => [key, Tables.rows("generate").row(key, output)[1] ?? null]
}

const lineOf: Sink.Format = ({ key, output }) => ({
  id: key,
  input: asInput.row(key, output ?? null)[1] ?? null
})

const make = Effect.gen(function* () {
  yield* journal("texts", textOf)
  yield* journal("vectors", vectorOf)
  yield* Sink.results(directory, { format: Object.values(kinds), table: asInput, line: lineOf }).pipe(
    Effect.provide(journalOf("texts"))
  )
})

const items = () => {
  const path = `${directory}/results.${format}`
  if (format === "parquet") return Parquet.rows(path, "embed").items
  return Row.checked(path, "embed", { format: format === "csv" ? "csv" : "jsonl" }).items
}

/** The first pass checks, the second sends. */
const read = Effect.gen(function* () {
  const rows = items()
  for (const pass of ["check", "send"]) {
    let seen = 0
    yield* Stream.runForEachArray(rows, (some) => Effect.sync(() => void (seen += some.length)))
    if (seen !== count) return yield* Effect.die(`${pass}: ${seen} rows of ${count}`)
  }
})

const write = Effect.gen(function* () {
  const { results } = yield* Sink.results(`${directory}/${step}`, {
    format: kinds[format] ?? "jsonl",
    line: Row.format,
    table: Tables.rows(step === "texts" ? "generate" : "embed")
  })
  if (results !== count) return yield* Effect.die(`${results} results of ${count}`)
})

const sizeOf = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => Effect.map(fs.stat(path), ({ size }) => Number(size)))

const program = Effect.gen(function* () {
  if (step === "make") return yield* make
  if (step === "read")
    return yield* measure(read, count, Effect.orDie(sizeOf(`${directory}/results.${format}`)))
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(`${directory}/${step}`, { recursive: true })
  // The journal is open when a run has come to its results.
  yield* measure(write, count, Effect.orDie(sizeOf(`${directory}/${step}/results.${format}`))).pipe(
    Effect.provide(journalOf(step))
  )
  yield* fs.remove(`${directory}/${step}`, { recursive: true })
})

await Effect.runPromise(Effect.provide(program, NodeServices.layer))
