/** How much memory a whole run takes, from a file of a million rows to its results; and how soon it is known that nothing is left. */
import { Console, Effect, FileSystem, Stream } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Built from "./harness/built.ts"
import * as Program from "./harness/program.ts"
import { type Figure, figure } from "./harness/result.ts"
import { digits } from "./harness/text.ts"
import type { Measured } from "./measured.ts"

const text = "the sea at night ".repeat(20)

/** A file of so many rows, 370 bytes each. No two are alike. */
const rows = (count: number) => {
  const lines = function* () {
    for (let nth = 0; nth < count; nth++) yield `{"id":"${nth}","inputs":"${nth} ${text}"}\n`
  }
  return Stream.fromIterable(lines()).pipe(
    Stream.grouped(4096),
    Stream.map((group) => group.join("")),
    Stream.encodeText
  )
}

export interface Runs {
  readonly count: number
  readonly ours: Measured
  /** Reading a finished one again. */
  readonly again: ReadonlyArray<Measured>
  readonly gathered: Measured | undefined
}

/** What has been run already: other benches ask for the same. */
const known = new Map<number, Runs>()

/** Ours, ours again, and the way that holds everything; each in a process of its own. */
export const runs = Effect.fnUntraced(function* (
  count: number,
  url: string,
  options: { readonly again: number; readonly gather: boolean; readonly flags: ReadonlyArray<string> }
) {
  const before = known.get(count)
  if (before !== undefined) return before
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* Stream.run(rows(count), fs.sink(`${directory}/rows.jsonl`))
  const args = [directory, url, String(count)]
  const flags = [...options.flags, ...(yield* Built.flags)]
  const ours = yield* Program.measured("memoryRun.ts", args, flags)
  const again: Array<Measured> = []
  for (let nth = 0; nth < options.again; nth++) {
    again.push(yield* Program.measured("memoryRun.ts", [...args, "again"], flags))
  }
  const gathered = options.gather ? yield* Program.measured("gatherRun.ts", args) : undefined
  yield* Console.error(
    `rows: ${count}: ${digits(ours.microsEach)} us each, peak ${digits(ours.peakMegabytes)} MB, gathered ${digits(gathered?.peakMegabytes ?? 0)} MB`
  )
  const found: Runs = { count, ours, again, gathered }
  known.set(count, found)
  return found
}, Effect.scoped)

const goals = (last: Runs, first: Runs): ReadonlyArray<Figure> => {
  const large = last.count.toLocaleString("en")
  return [
    figure(`peak memory, ${large} rows`, [last.ours.peakMegabytes], { most: 250 }, "MB"),
    figure(`peak memory, ${large} rows to ${first.count.toLocaleString("en")}`, [
      last.ours.peakMegabytes / first.ours.peakMegabytes
    ]),
    ...(last.gathered === undefined
      ? []
      : [
          figure(`peak memory, ours to gather-all, ${large} rows`, [
            last.ours.peakMegabytes / last.gathered.peakMegabytes
          ])
        ]),
    figure(
      `${large} finished rows: until it is known`,
      last.again.map(({ perSecond }) => last.count / perSecond),
      { most: 5 },
      "s"
    ),
    figure(
      `${large} finished rows: peak memory`,
      last.again.map(({ peakMegabytes }) => peakMegabytes),
      { most: 300 },
      "MB"
    )
  ]
}

const row = (what: string, count: number, one: Measured | undefined) =>
  one === undefined
    ? []
    : [
        [
          what,
          count.toLocaleString("en"),
          digits(one.peakMegabytes),
          digits(one.microsEach),
          digits(one.perSecond),
          digits(count / one.perSecond),
          one.bytesEach === undefined ? "" : digits(one.bytesEach)
        ]
      ]

export const memory: Bench = {
  name: "memory",
  title: "From file to file",
  run: Effect.fnUntraced(function* ({ flags, isLong, isQuick, rounds = 3 }) {
    const counts = isQuick ? [20_000, 50_000] : [100_000, 1_000_000, ...(isLong ? [10_000_000] : [])]
    const url = yield* Program.server("echo.ts")
    const found = yield* Effect.forEach(counts, (count) =>
      // What holds everything does not get to ten millions.
      runs(count, url, { again: rounds, gather: count <= 1_000_000, flags })
    )
    const [first] = found
    return {
      figures: first === undefined ? [] : found.slice(1).flatMap((last) => goals(last, first)),
      tables: [
        {
          title: "JSONL in, JSONL out",
          note: "Rows of 370 bytes, 64 in flight at first. Ours reads the input twice, keeps a journal and writes the results from it; gather-all is undici's `Pool.request` behind `p-limit`, and one file at the end. Bytes are what lies on the disk for each row: the journal, its index and the results.",
          columns: ["", "rows", "peak MB", "CPU µs a row", "rows/s", "seconds", "bytes a row"],
          rows: found.flatMap(({ again, count, gathered, ours }) => [
            ...row("`Batch.run` and results", count, ours),
            ...row("the same again: nothing is left", count, again[0]),
            ...row("gather-all", count, gathered)
          ])
        }
      ],
      plots: [
        {
          kind: "lines" as const,
          id: "memory",
          title: "Peak memory of a run",
          x: "rows; each line is ten times the one before",
          y: "MB of resident memory",
          isLogY: false,
          lines: [
            {
              label: "ours",
              points: found.map(({ count, ours }): [number, number] => [count, ours.peakMegabytes])
            },
            {
              label: "ours, nothing left",
              points: found.flatMap(({ again, count }): Array<[number, number]> =>
                again[0] === undefined ? [] : [[count, again[0].peakMegabytes]]
              )
            },
            {
              label: "gather-all",
              points: found.flatMap(({ count, gathered }): Array<[number, number]> =>
                gathered === undefined ? [] : [[count, gathered.peakMegabytes]]
              )
            }
          ]
        }
      ],
      notes: [
        "The process bounds what V8 takes as the command does (`packages/cli/src/Heap.ts`): left alone V8 keeps what it need not give back on a machine with plenty. Users of the library set such bounds themselves, for instance with `--max-semi-space-size=16`. About 125 MB are there when all modules are loaded and nothing has run.",
        "Of 276 MB at the end of a million rows (`/proc/self/status`, `v8.getHeapSpaceStatistics()`), 56 are Node's own binary, 32 where V8 makes what is new, 45 code and what is kept of it, 53 the journal's index and the keys that were seen: 53 bytes a row, of which 20 are the record and the rest tables that are between half and three quarters full. The remaining 90 are outside V8: what the C library keeps of what was given back, and the compilers' own. What grows with the rows is therefore a fifth of the whole; gather-all holds the rows themselves."
      ]
    }
  }, Effect.scoped)
}
