/** What a row costs as there are more of them, as more are in flight, and as they grow. */
import { Effect } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { digits } from "./harness/text.ts"
import type { Measured } from "./measured.ts"
import { runs } from "./memory.ts"

interface Point {
  readonly at: number
  readonly engine: Measured
  readonly raw: Measured
}

/** All that is sent, at most: rows of a megabyte are fewer. */
const BYTES = 150_000_000

const both = (url: string, requests: number, inFlight: number, bytes: number, at: number) =>
  Effect.gen(function* () {
    const args = [url, String(requests), String(inFlight), String(bytes)]
    const raw = yield* Program.measured("wireClient.ts", ["raw", ...args])
    const engine = yield* Program.measured("wireClient.ts", ["engine", ...args])
    const point: Point = { at, engine, raw }
    return point
  })

const points = (all: ReadonlyArray<Point>, pick: (one: Point) => number) =>
  all.map((one): [number, number] => [one.at, pick(one)])

const tableOf = (title: string, first: string, all: ReadonlyArray<Point>) => ({
  title,
  columns: [
    first,
    "ours, CPU µs",
    "undici, CPU µs",
    "ratio",
    "ours, a second",
    "undici, a second",
    "ours, peak MB"
  ],
  rows: all.map(({ at, engine, raw }) => [
    at.toLocaleString("en"),
    digits(engine.microsEach),
    digits(raw.microsEach),
    digits(engine.microsEach / raw.microsEach),
    digits(engine.perSecond),
    digits(raw.perSecond),
    digits(engine.peakMegabytes)
  ])
})

const plotOf = (id: string, title: string, x: string, all: ReadonlyArray<Point>) => ({
  kind: "lines" as const,
  id,
  title,
  x,
  y: "CPU microseconds a row",
  isLogY: true,
  lines: [
    { label: "Batch.run", points: points(all, ({ engine }) => engine.microsEach) },
    { label: "undici alone", points: points(all, ({ raw }) => raw.microsEach) }
  ]
})

const text = (what: ReadonlyArray<number>) => what.map((each) => each.toLocaleString("en")).join(", ")

export const growth: Bench = {
  name: "growth",
  title: "As it grows",
  run: Effect.fnUntraced(function* ({ flags, isLong, isQuick }) {
    const url = yield* Program.server("echo.ts")
    const counts = isQuick
      ? [1000, 10_000]
      : [1000, 10_000, 100_000, 1_000_000, ...(isLong ? [10_000_000] : [])]
    const sizes = isQuick ? [100, 10_000] : [100, 1000, 10_000, 100_000, 1_000_000]
    const crowds = isQuick ? [1, 64] : [1, 4, 16, 64, 256, 1024, 2048]
    const byRows = yield* Effect.forEach(counts, (count) =>
      runs(count, url, { again: 0, gather: false, flags })
    )
    const requests = isQuick ? 2000 : 10_000
    const byCrowd = yield* Effect.forEach(crowds, (inFlight) =>
      both(url, inFlight === 1 ? requests / 2 : requests, inFlight, 900, inFlight)
    )
    const bySize = yield* Effect.forEach(sizes, (bytes) =>
      both(url, Math.min(requests, Math.ceil(BYTES / bytes)), 64, bytes, bytes)
    )
    const last = byRows.at(-1)
    const middle = byRows.find(({ count }) => count === (isQuick ? 10_000 : 100_000))
    return {
      figures:
        last === undefined || middle === undefined || last === middle
          ? []
          : [
              figure(`CPU a row, ${text([last.count])} rows to ${text([middle.count])}`, [
                last.ours.microsEach / middle.ours.microsEach
              ])
            ],
      tables: [
        {
          title: "More rows",
          columns: ["rows", "CPU µs a row", "rows/s", "peak MB", "bytes on disk a row"],
          rows: byRows.map(({ count, ours }) => [
            count.toLocaleString("en"),
            digits(ours.microsEach),
            digits(ours.perSecond),
            digits(ours.peakMegabytes),
            digits(ours.bytesEach ?? 0)
          ])
        },
        tableOf("More at once", "in flight", byCrowd),
        tableOf("Larger rows", "bytes", bySize)
      ],
      plots: [
        {
          kind: "lines" as const,
          id: "growth-rows",
          title: "CPU of a row as there are more",
          x: "rows of the run",
          y: "CPU microseconds a row",
          isLogY: true,
          lines: [
            {
              label: "Batch.run",
              points: byRows.map(({ count, ours }): [number, number] => [count, ours.microsEach])
            }
          ]
        },
        plotOf("growth-crowd", "CPU of a row as more are in flight", "requests in flight", byCrowd),
        plotOf("growth-size", "CPU of a row as it grows", "bytes of a row, in and out", bySize)
      ],
      notes: []
    }
  }, Effect.scoped)
}
