/** The same texts embedded with what one would use instead. */
import { Effect } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { type Rounds, paired, ratios } from "./harness/rounds.ts"
import { spread } from "./harness/text.ts"
import type { Measured } from "./measured.ts"
import { type Way, labels, ways as theirs } from "./peerWays.ts"

const ways = ["packed", "single", ...theirs] as const

type Contender = (typeof ways)[number]

const labelOf = (way: Contender) =>
  way === "packed"
    ? "`Batch.run`, as it comes (32 texts a request)"
    : way === "single"
      ? "`Batch.run`, one text a request"
      : labels[way]

/** Who sends requests like whose. */
const pairs: ReadonlyArray<readonly [ours: "packed" | "single", way: Way]> = [
  ["single", "huggingface"],
  ["single", "openai"],
  ["single", "aiOne"],
  ["packed", "ai"]
]

const measures: ReadonlyArray<{
  readonly what: string
  readonly pick: (one: Measured) => number
  readonly goal: { readonly most: number } | { readonly least: number }
}> = [
  { what: "CPU a row", pick: ({ microsEach }) => microsEach, goal: { most: 1 } },
  { what: "rows a second", pick: ({ perSecond }) => perSecond, goal: { least: 1 } },
  { what: "peak memory", pick: ({ peakMegabytes }) => peakMegabytes, goal: { most: 1 } }
]

const tableOf = (rounds: Rounds<Contender>, rows: number) => ({
  title: "Embedding with others",
  note: `${rows} texts of 900 characters, vectors of 96 numbers, 64 in flight; medians, lowest and highest of ${rounds.length} rounds. Each gives a file with a line for each text; ours a journal as well.`,
  columns: ["", "CPU µs a row", "rows/s", "peak MB"],
  rows: ways.map((way) => [
    labelOf(way),
    ...measures.map(({ pick }) => spread(rounds.map((round) => pick(round[way]))))
  ])
})

export const peers: Bench = {
  name: "peers",
  title: "Beside what one would use instead",
  run: Effect.fnUntraced(function* ({ flags, isQuick, rounds: asked, seed }) {
    const rows = isQuick ? 2000 : 6000
    const url = yield* Program.server("embedder.ts")
    const rounds = yield* paired({
      what: "peers",
      names: ways,
      rounds: asked ?? (isQuick ? 1 : 6),
      seed,
      run: (way) =>
        way === "packed" || way === "single"
          ? Program.measured("peerOurs.ts", [url, String(rows), way], flags)
          : Program.measured("peerClient.ts", [way, url, String(rows)], flags)
    })
    return {
      figures: pairs.flatMap(([ours, way]) =>
        measures.map(({ goal, pick, what }) =>
          figure(`${what}, ours to ${labels[way]}`, ratios(rounds, [ours, way], pick), goal)
        )
      ),
      tables: [tableOf(rounds, rows)],
      plots: [
        {
          kind: "bars" as const,
          id: "peers",
          title: "CPU to embed a text",
          x: "microseconds a row, median",
          isLog: false,
          bars: ways.map((way) => {
            const { median } = figure(
              "",
              rounds.map((round) => round[way].microsEach)
            )
            return {
              label: labelOf(way).replaceAll("`", ""),
              value: median,
              text: median.toFixed(0),
              isOurs: way === "packed" || way === "single"
            }
          })
        }
      ],
      notes: [
        "Requests of the same kind are compared: one text each with one text each, and what packs with what packs. The server's answers are ready before they are asked for, so that all that is measured is the client."
      ]
    }
  }, Effect.scoped)
}
