/** The same texts embedded with what one would use instead. */
import { Effect } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Built from "./harness/built.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { type Rounds, paired, ratios } from "./harness/rounds.ts"
import { spread } from "./harness/text.ts"
import type { Measured } from "./measured.ts"
import { type Way, labels, ways as theirs } from "./peerWays.ts"

const ours = ["packed", "whole", "single"] as const

type Ours = (typeof ours)[number]

const ways = [...ours, ...theirs] as const

type Contender = (typeof ways)[number]

const ourLabels: Readonly<Record<Ours, string>> = {
  packed: "`Batch.run`, as it comes (4,096 tokens a request: 18 texts)",
  whole: "`Batch.run`, 2,048 texts a request",
  single: "`Batch.run`, one text a request"
}

const isOurs = (way: Contender): way is Ours => ours.some((each) => each === way)

const labelOf = (way: Contender) => (isOurs(way) ? ourLabels[way] : labels[way])

/** Who sends requests like whose. */
const pairs: ReadonlyArray<readonly [ours: Ours, way: Way]> = [
  ["single", "huggingface"],
  ["single", "openai"],
  ["single", "aiOne"],
  ["packed", "aiFew"],
  ["packed", "ai"],
  ["whole", "ai"]
]

/** Ours is named where it comes twice. */
const nameOf = (one: Ours, way: Way) =>
  way === "ai" ? `${ourLabels[one]} to ${labels[way]}` : `ours to ${labels[way]}`

/** So many texts a request as `embedMany` sends as it comes: no TEI takes them unless it is told to. */
const MOST = "2048"

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
    // Of 2,048 texts a request these are ten requests: with few of them it would be the compiler that is measured.
    const rows = isQuick ? 2000 : 20_000
    const all = [...flags, ...(yield* Built.flags)]
    const url = yield* Program.server("embedder.ts", "96", MOST)
    const rounds = yield* paired({
      what: "peers",
      names: ways,
      rounds: asked ?? (isQuick ? 1 : 6),
      seed,
      run: (way) =>
        isOurs(way)
          ? Program.measured("peerOurs.ts", [url, String(rows), way === "whole" ? MOST : way], all)
          : Program.measured("peerClient.ts", [way, url, String(rows)], all)
    })
    return {
      figures: pairs.flatMap(([one, way]) =>
        measures.map(({ goal, pick, what }) =>
          figure(`${what}, ${nameOf(one, way)}`, ratios(rounds, [one, way], pick), goal)
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
              isOurs: isOurs(way)
            }
          })
        }
      ],
      notes: [
        "Requests of the same kind are compared: one text each with one text each, and what packs with what packs. The server's answers are ready before they are asked for, so that all that is measured is the client.",
        "A TEI as it comes takes 32 texts a request and refuses more: the 2,048 of `embedMany` fail there as a whole. The server of this bench takes them, so that they can be compared; of `Batch.run` 1,666 of these texts share a request then, because a body stays under TEI's 2 MB.",
        "What is short is the processor time beside `embedMany` at 2,048 texts a request. A run digests each text, prints each vector into its journal, makes that durable, and copies it from there into the results; of its profile the journal's lines are a tenth and garbage 8 %. As it comes a run sends 18 texts of this length a request, which is what the server counts as one batch (4,096 tokens): 114 requests for one of `embedMany`'s, and in rows a second no slower."
      ]
    }
  }, Effect.scoped)
}
