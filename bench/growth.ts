/** What a row costs as there are more of them, as more are in flight, and as they grow; and what a bend comes from. */
import { Console, Effect } from "effect"
import type { Bench } from "./harness/bench.ts"
import { profiled, shares } from "./harness/profiled.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { median } from "./harness/statistics.ts"
import { digits } from "./harness/text.ts"
import type { Measured } from "./measured.ts"
import { type Runs, runs } from "./memory.ts"

interface Point {
  readonly at: number
  readonly engine: Measured
  readonly raw: Measured
  /** At the server, at once: as many were in flight, for a connection carries one at a time. */
  readonly connections: number
}

/** All that is sent, at most: rows of a megabyte are fewer. */
const BYTES = 150_000_000

/** How many connections the server has had at once since it was asked last. */
const connectionsOf = (url: string) =>
  Effect.map(
    Effect.promise(() => fetch(`${url}/connections`).then((response) => response.text())),
    Number
  )

const medianOf = (all: ReadonlyArray<Measured>): Measured => ({
  microsEach: median(all.map(({ microsEach }) => microsEach)),
  perSecond: median(all.map(({ perSecond }) => perSecond)),
  peakMegabytes: median(all.map(({ peakMegabytes }) => peakMegabytes))
})

interface Sent {
  readonly requests: number
  readonly inFlight: number
  readonly bytes: number
}

/** Each in turn, with what `at` picks as its place. */
const swept = Effect.fnUntraced(function* (
  url: string,
  {
    flags,
    rounds,
    what
  }: { readonly what: string; readonly rounds: number; readonly flags: ReadonlyArray<string> },
  all: ReadonlyArray<Sent>,
  at: (sent: Sent) => number
) {
  return yield* Effect.forEach(all, (sent) =>
    Effect.gen(function* () {
      const args = [url, String(sent.requests), String(sent.inFlight), String(sent.bytes)]
      const raw: Array<Measured> = []
      const engine: Array<Measured> = []
      let connections = 0
      for (let nth = 0; nth < rounds; nth++) {
        raw.push(yield* Program.measured("wireClient.ts", ["raw", ...args], flags))
        yield* connectionsOf(url)
        engine.push(yield* Program.measured("wireClient.ts", ["engine", ...args], flags))
        connections = Math.max(connections, yield* connectionsOf(url))
      }
      const point: Point = { at: at(sent), engine: medianOf(engine), raw: medianOf(raw), connections }
      yield* Console.error(
        `growth, ${what} ${point.at}: ${digits(point.engine.microsEach)} us each, undici ${digits(point.raw.microsEach)} us, ${connections} connections`
      )
      return point
    })
  )
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
    "ours, peak MB",
    "undici, peak MB",
    "connections"
  ],
  rows: all.map(({ at, connections, engine, raw }) => [
    at.toLocaleString("en"),
    digits(engine.microsEach),
    digits(raw.microsEach),
    digits(engine.microsEach / raw.microsEach),
    digits(engine.perSecond),
    digits(raw.perSecond),
    digits(engine.peakMegabytes),
    digits(raw.peakMegabytes),
    connections.toLocaleString("en")
  ])
})

const plotOf = (
  id: string,
  title: string,
  { x, y }: { readonly x: string; readonly y: string },
  all: ReadonlyArray<Point>,
  pick: (one: Measured) => number
) => ({
  kind: "lines" as const,
  id,
  title,
  x,
  y,
  isLogY: true,
  lines: [
    { label: "Batch.run", points: points(all, ({ engine }) => pick(engine)) },
    { label: "undici alone", points: points(all, ({ raw }) => pick(raw)) }
  ]
})

const plotOfRows = (
  id: string,
  title: string,
  { isLogY, y }: { readonly isLogY: boolean; readonly y: string },
  all: ReadonlyArray<Runs>,
  pick: (one: Measured) => number
) => ({
  kind: "lines" as const,
  id,
  title,
  x: `rows of the run${TENFOLD}`,
  y,
  isLogY,
  lines: [{ label: "Batch.run", points: all.map(({ count, ours }): [number, number] => [count, pick(ours)]) }]
})

const cpu = ({ microsEach }: Measured) => microsEach
const memory = ({ peakMegabytes }: Measured) => peakMegabytes
const MICROS = "CPU microseconds a row"
const MEGABYTES = "peak MB of resident memory"
const TENFOLD = "; each line is ten times the one before"
const CROWD = `requests in flight${TENFOLD}`
const SIZE = `bytes of a row, in and out${TENFOLD}`

const PROFILED = "Each once under `--cpu-prof` with what warms it up, in percent of its own."

const text = (what: ReadonlyArray<number>) => what.map((each) => each.toLocaleString("en")).join(", ")

/** As many requests as bring down what is paid once, such as that connections are opened. */
const EACH = 10

const profiles = Effect.fnUntraced(function* (url: string, way: string, all: ReadonlyArray<[string, Sent]>) {
  return yield* Effect.forEach(all, ([name, sent]) =>
    Effect.map(
      profiled("wireClient.ts", [way, url, String(sent.requests), String(sent.inFlight), String(sent.bytes)]),
      (profile) => ({ name, profile })
    )
  )
})

/** What a run pays once, by a line through two of its points, in seconds. */
const paidOnce = (few: Runs, many: Runs) =>
  ((few.ours.microsEach - many.ours.microsEach) * few.count) / (1 - few.count / many.count) / 1e6

const times = (over: number, under: number) => `${digits(over / under)} times`

/** What the figures come from. What is said of causes is what the profiles of this part show; the figures are of this run. */
const notesOf = (
  byRows: ReadonlyArray<Runs>,
  byCrowd: ReadonlyArray<Point>,
  bySize: ReadonlyArray<Point>
): ReadonlyArray<string> => {
  const few = byRows[0]
  const many = byRows.find(({ count }) => count === 100_000)
  const most = byRows.at(-1)
  const alone = byCrowd[0]
  const usual = byCrowd.find(({ at }) => at === 64)
  const crowd = byCrowd.at(-1)
  const thousand = bySize.find(({ at }) => at === 1000)
  const large = bySize.at(-1)
  return [
    ...(few === undefined || many === undefined || most === undefined
      ? []
      : [
          `**More rows.** The bend at the beginning is what a run pays once, ${digits(paidOnce(few, many))} s of CPU by the line through ${text([few.count, many.count])} rows: code that is not compiled yet. The sweeps below warm up with 5,000 requests and do not have it. After that a row costs what it costs: of ${text([most.count])} rows each takes ${times(most.ours.microsEach, many.ours.microsEach)} the CPU of one of ${text([many.count])}, and as many bytes on the disk. Memory grows by what is kept of each row, its place in the journal and in the check of the input: ${digits(((most.ours.peakMegabytes - few.ours.peakMegabytes) * 1e6) / (most.count - few.count))} bytes a row, with the heap's slack.`
        ]),
    ...(alone === undefined || usual === undefined || crowd === undefined
      ? []
      : [
          `**More at once.** Alone, a request has each wake-up of the event loop, each write to a socket and each append to the journal to itself: ${times(cpu(alone.engine), cpu(usual.engine))} the CPU of one among 64; undici alone ${times(cpu(alone.raw), cpu(usual.raw))}. With more in flight these are shared by what is ready at the same moment: the share of native \`writev\` is largest alone. At ${text([crowd.at])} a request takes ${times(cpu(crowd.engine), cpu(usual.engine))} what it takes among 64, and with undici alone ${times(cpu(crowd.raw), cpu(usual.raw))}: what is saved and what is added are about even. Added are the opening of connections (Node), garbage that lives longer and is copied, and undici's pool, which looks through its connections for a free one at each request. The engine looks at all that is in flight once a second and not once a request.`
        ]),
    ...(thousand === undefined || large === undefined
      ? []
      : [
          `**Larger rows.** Up to 1 KB a request costs what a request costs, whatever is in it. The bend between that and 10 KB is where its bytes begin to cost more than it does, and from there on the line is straight: ${digits((cpu(large.engine) - cpu(thousand.engine)) / (large.at / 1000 - 1))} µs for each KB that goes and comes back, of undici alone with its JSON ${digits((cpu(large.raw) - cpu(thousand.raw)) / (large.at / 1000 - 1))}. The difference is in the profile: a run digests each request (\`digest.ts\`), and writes each answer into its journal (\`journalEntry.ts\`, \`journalFile.ts\`). Memory follows the rows that are made ahead and those in flight.`
        ])
  ]
}

export const growth: Bench = {
  name: "growth",
  title: "As it grows",
  run: Effect.fnUntraced(function* ({ flags, isLong, isQuick, rounds: asked }) {
    const rounds = asked ?? 1
    const url = yield* Program.server("echo.ts")
    const counts = isQuick
      ? [1000, 10_000]
      : [1000, 10_000, 100_000, 1_000_000, ...(isLong ? [10_000_000] : [])]
    const sizes = isQuick ? [100, 10_000] : [100, 1000, 10_000, 100_000, 1_000_000]
    const crowds = isQuick ? [1, 64] : [1, 4, 16, 64, 256, 1024, 2048]
    const requests = isQuick ? 2000 : 10_000
    const crowdOf = (inFlight: number): Sent => ({
      requests: inFlight < 4 ? requests / 2 : Math.max(requests, EACH * inFlight),
      inFlight,
      bytes: 900
    })
    const sizeOf = (bytes: number): Sent => ({
      requests: Math.min(requests, Math.ceil(BYTES / bytes)),
      inFlight: 64,
      bytes
    })
    const byRows = yield* Effect.forEach(counts, (count) =>
      runs(count, url, { again: 0, gather: false, flags })
    )
    const byCrowd = yield* swept(
      url,
      { what: "in flight", rounds, flags },
      crowds.map(crowdOf),
      (sent) => sent.inFlight
    )
    const bySize = yield* swept(
      url,
      { what: "bytes", rounds, flags },
      sizes.map(sizeOf),
      (sent) => sent.bytes
    )
    const crowdProfiles = isQuick
      ? []
      : [
          ...(yield* profiles(
            url,
            "engine",
            [1, 64, 2048].map((inFlight): [string, Sent] => [
              `${text([inFlight])} in flight`,
              crowdOf(inFlight)
            ])
          )),
          ...(yield* profiles(url, "raw", [["undici, 2,048", crowdOf(2048)]]))
        ]
    const sizeProfiles = isQuick
      ? []
      : [
          ...(yield* profiles(
            url,
            "engine",
            [100, 10_000, 1_000_000].map((bytes): [string, Sent] => [`${text([bytes])} bytes`, sizeOf(bytes)])
          )),
          ...(yield* profiles(url, "raw", [["undici, 1,000,000", sizeOf(1_000_000)]]))
        ]
    const last = byRows.at(-1)
    const middle = byRows.find(({ count }) => count === (isQuick ? 1000 : 100_000))
    return {
      figures: [
        ...(last === undefined || middle === undefined || last === middle
          ? []
          : [
              figure(`CPU a row, ${text([last.count])} rows to ${text([middle.count])}`, [
                last.ours.microsEach / middle.ours.microsEach
              ])
            ]),
        ...byCrowd
          .slice(-1)
          .map(({ at, engine, raw }) =>
            figure(`CPU a request, ${text([at])} in flight, run to undici`, [cpu(engine) / cpu(raw)])
          ),
        ...bySize
          .slice(-1)
          .map(({ at, engine, raw }) =>
            figure(`CPU a request of ${text([at])} bytes, run to undici`, [cpu(engine) / cpu(raw)])
          )
      ],
      tables: [
        {
          title: "More rows",
          note: 'Rows of 370 bytes from a file to a file, as in "From file to file"; on the disk are the journal, its index and the results.',
          columns: ["rows", "CPU µs a row", "rows/s", "peak MB", "bytes on disk a row"],
          rows: byRows.map(({ count, ours }) => [
            count.toLocaleString("en"),
            digits(ours.microsEach),
            digits(ours.perSecond),
            digits(ours.peakMegabytes),
            digits(ours.bytesEach ?? 0)
          ])
        },
        {
          ...tableOf("More at once", "in flight", byCrowd),
          note: `Requests of 900 bytes, at least ${EACH} for each place, after a warm-up. Connections are counted by the server, of the run: one carries one request at a time, so that as many were in flight; one more is the question itself, another a request that was sent before the one that it follows had given back its own.`
        },
        ...(crowdProfiles.length === 0
          ? []
          : [shares("Where a request's time goes, by how many are in flight", PROFILED, crowdProfiles)]),
        {
          ...tableOf("Larger rows", "bytes", bySize),
          note: "64 in flight; the server sends each row back as it came."
        },
        ...(sizeProfiles.length === 0
          ? []
          : [shares("Where a request's time goes, by its size", PROFILED, sizeProfiles)])
      ],
      plots: [
        plotOfRows("growth-rows", "CPU of a row as there are more", { y: MICROS, isLogY: true }, byRows, cpu),
        plotOfRows(
          "growth-rows-memory",
          "Memory as there are more rows",
          { y: MEGABYTES, isLogY: false },
          byRows,
          memory
        ),
        plotOfRows(
          "growth-rows-disk",
          "Disk of a row as there are more",
          { y: "bytes on the disk for each row", isLogY: false },
          byRows,
          ({ bytesEach = 0 }) => bytesEach
        ),
        plotOf("growth-crowd", "CPU of a row as more are in flight", { x: CROWD, y: MICROS }, byCrowd, cpu),
        plotOf(
          "growth-crowd-memory",
          "Memory as more are in flight",
          { x: CROWD, y: MEGABYTES },
          byCrowd,
          memory
        ),
        plotOf("growth-size", "CPU of a row as it grows", { x: SIZE, y: MICROS }, bySize, cpu),
        plotOf("growth-size-memory", "Memory as rows grow", { x: SIZE, y: MEGABYTES }, bySize, memory)
      ],
      notes: notesOf(byRows, byCrowd, bySize)
    }
  }, Effect.scoped)
}
