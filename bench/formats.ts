/** What CSV and Parquet cost beside JSONL, in and out. */
import { Effect, FileSystem } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { type Rounds, paired, ratios } from "./harness/rounds.ts"
import { digits, spread } from "./harness/text.ts"
import type { Measured } from "./measured.ts"

const steps = ["read", "texts", "vectors"] as const
const fileFormats = ["jsonl", "csv", "parquet"] as const

type Step = (typeof steps)[number]
type Format = (typeof fileFormats)[number]
type Way = `${Step} ${Format}`

const ways = steps.flatMap((step) => fileFormats.map((format): Way => `${step} ${format}`))

const labels: Readonly<Record<Step, string>> = {
  read: "rows read",
  texts: "texts written",
  vectors: "vectors written"
}
const names: Readonly<Record<Format, string>> = { jsonl: "JSONL", csv: "CSV", parquet: "Parquet" }

const cpu = ({ microsEach }: Measured) => microsEach

const tableOf = (rounds: Rounds<Way>, count: number) => ({
  title: "The same rows in three formats",
  note: `${count.toLocaleString("en")} rows. Read: an id and a text of 300 to 400 characters, all of them checked and then read again, as a run does. Written: the results from an open journal, of such texts and of vectors of 64 numbers. Medians, lowest and highest of ${rounds.length} rounds.`,
  columns: ["", "CPU µs a row", "to JSONL", "rows/s", "peak MB", "bytes a row", "to JSONL"],
  rows: steps.flatMap((step) =>
    fileFormats.map((format) => {
      const way: Way = `${step} ${format}`
      const jsonl: Way = `${step} jsonl`
      const of = (pick: (one: Measured) => number) => spread(rounds.map((round) => pick(round[way])))
      const bytes = rounds[0]?.[way].bytesEach ?? 0
      return [
        `${labels[step]}, ${names[format]}`,
        of(cpu),
        format === "jsonl" ? "" : spread(ratios(rounds, [way, jsonl], cpu)),
        of(({ perSecond }) => perSecond),
        of(({ peakMegabytes }) => peakMegabytes),
        digits(bytes),
        format === "jsonl" ? "" : digits(bytes / (rounds[0]?.[jsonl].bytesEach ?? 1))
      ]
    })
  )
})

export const formats: Bench = {
  name: "formats",
  title: "CSV and Parquet beside JSONL",
  run: Effect.fnUntraced(function* ({ flags, isQuick, rounds: asked, seed }) {
    const count = isQuick ? 20_000 : 200_000
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* Program.ended("formatRun.ts", [directory, String(count), "make"])
    const rounds = yield* paired({
      what: "formats",
      names: ways,
      rounds: asked ?? (isQuick ? 1 : 6),
      seed,
      run: (way) => Program.measured("formatRun.ts", [directory, String(count), ...way.split(" ")], flags)
    })
    return {
      figures: steps.flatMap((step) =>
        (["csv", "parquet"] as const).map((format) =>
          figure(
            `CPU a row, ${labels[step]}, ${names[format]} to JSONL`,
            ratios(rounds, [`${step} ${format}`, `${step} jsonl`], cpu)
          )
        )
      ),
      tables: [tableOf(rounds, count)],
      plots: [
        {
          kind: "bars" as const,
          id: "formats",
          title: "CPU of a row, by the format of its file",
          x: "CPU microseconds a row, median of the rounds",
          isLog: false,
          bars: steps.flatMap((step) =>
            fileFormats.map((format) => {
              const { median } = figure(
                "",
                rounds.map((round) => cpu(round[`${step} ${format}`]))
              )
              return {
                label: `${labels[step]}, ${names[format]}`,
                value: median,
                text: digits(median),
                isOurs: format === "jsonl"
              }
            })
          )
        }
      ],
      notes: [
        "Reading costs about the same: CSV saves the parsing of JSON that each line of JSONL needs, Parquet has fewer bytes to read and has to decompress them, a group of rows at a time, which is its memory. Writing JSONL copies the text of an output from the journal as it is. CSV looks through it for what must be quoted. Parquet turns it into values and those into columns: under `--cpu-prof` its most expensive functions are the compression of texts, and for vectors the parsing of their numbers and the levels of a list's elements, one for each number. What it buys is the size.",
        "A finished run writes its results once, at some tens of microseconds a row: beside what a row's request costs, the format is a matter of who reads the file."
      ]
    }
  }, Effect.scoped)
}
