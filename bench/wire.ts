/** What a request costs: undici alone, the client of the project, and a whole run over it, with what can be left out. */
import { Effect, FileSystem, Schema } from "effect"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { type Profile, ProfileText, groups } from "./harness/profile.ts"
import { figure } from "./harness/result.ts"
import { type Rounds, paired, ratios } from "./harness/rounds.ts"
import { digits, spread } from "./harness/text.ts"

const ways = ["raw", "kept", "client", "engine", "forgetful", "exported", "spans"] as const

type Way = (typeof ways)[number]

const labels: Readonly<Record<Way, string>> = {
  raw: "undici `Pool.request` and JSON",
  kept: "the same, each answer kept in a file",
  client: "`UndiciClient` alone",
  engine: "`Batch.run`, journal in a file",
  forgetful: "`Batch.run`, no journal",
  exported: "`Batch.run`, metrics read every second",
  spans: "`Batch.run`, a span for each request"
}

const tableOf = (rounds: Rounds<Way>, requests: number) => ({
  title: "The cost of a request",
  note: `${requests} requests of 1 KB each way, 64 in flight, to a server of bare sockets; medians, lowest and highest of ${rounds.length} rounds.`,
  columns: ["", "CPU µs a request", "to undici", "requests/s", "to undici", "peak MB"],
  rows: ways.map((way) => {
    const of = (pick: (one: Rounds<Way>[number][Way]) => number) =>
      spread(rounds.map((round) => pick(round[way])))
    return [
      labels[way],
      of(({ microsEach }) => microsEach),
      spread(ratios(rounds, [way, "raw"], ({ microsEach }) => microsEach)),
      of(({ perSecond }) => perSecond),
      spread(ratios(rounds, [way, "raw"], ({ perSecond }) => perSecond)),
      of(({ peakMegabytes }) => peakMegabytes)
    ]
  })
})

/** One way once more, under the profiler: which costs some time itself. */
const profiled = Effect.fnUntraced(function* (way: Way, url: string, requests: number) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const flags = ["--cpu-prof", `--cpu-prof-dir=${directory}`]
  yield* Program.measured("wireClient.ts", [way, url, String(requests)], flags)
  const [file = ""] = yield* fs.readDirectory(directory)
  const text = yield* fs.readFileString(`${directory}/${file}`)
  return yield* Schema.decodeEffect(ProfileText)(text)
}, Effect.scoped)

/** What is more than a hundredth of one of the two. */
const profileTable = (ours: Profile, raw: Profile) => {
  const inOurs = groups(ours)
  const inRaw = new Map(groups(raw))
  const sum = (all: Iterable<readonly [string, number]>) =>
    [...all].reduce((total, [, micros]) => total + micros, 0)
  const whole = sum(inRaw)
  return {
    title: "Where the time goes",
    note: "Of a run and of undici alone, each once under `--cpu-prof` with what warms it up: shares, in percent of all that undici took. Of the groups only those that are a hundredth of that.",
    columns: ["", "run", "undici alone"],
    rows: [
      ...inOurs
        .filter(([group, micros]) => Math.max(micros, inRaw.get(group) ?? 0) > whole / 100)
        .map(([group, micros]) => [
          group,
          digits((100 * micros) / whole),
          digits((100 * (inRaw.get(group) ?? 0)) / whole)
        ]),
      ["all", digits((100 * sum(inOurs)) / whole), "100"]
    ]
  }
}

export const wire: Bench = {
  name: "wire",
  title: "The wire",
  run: Effect.fnUntraced(function* ({ flags, isQuick, rounds: asked, seed }) {
    const requests = isQuick ? 5000 : 40_000
    const url = yield* Program.server("echo.ts")
    const rounds = yield* paired({
      what: "wire",
      names: ways,
      rounds: asked ?? (isQuick ? 2 : 6),
      seed,
      run: (way) => Program.measured("wireClient.ts", [way, url, String(requests)], flags)
    })
    const profiles = isQuick
      ? []
      : [profileTable(yield* profiled("engine", url, requests), yield* profiled("raw", url, requests))]
    const cpu = (one: { readonly microsEach: number }) => one.microsEach
    return {
      figures: [
        figure("CPU a request, run to undici", ratios(rounds, ["engine", "raw"], cpu), { most: 1.1 }),
        figure(
          "requests a second, run to undici",
          ratios(rounds, ["engine", "raw"], ({ perSecond }) => perSecond),
          { least: 0.95 }
        ),
        figure(
          "CPU a request, run to undici that keeps its answers",
          ratios(rounds, ["engine", "kept"], cpu)
        ),
        figure("CPU, undici that keeps its answers to undici", ratios(rounds, ["kept", "raw"], cpu)),
        figure("CPU a request, `UndiciClient` to undici", ratios(rounds, ["client", "raw"], cpu)),
        figure("CPU, journal to none", ratios(rounds, ["engine", "forgetful"], cpu), { most: 1.05 }),
        figure("CPU, metrics read every second to not", ratios(rounds, ["exported", "engine"], cpu)),
        figure("CPU, spans of requests to none", ratios(rounds, ["spans", "engine"], cpu))
      ],
      tables: [tableOf(rounds, requests), ...profiles],
      plots: [
        {
          kind: "bars" as const,
          id: "wire",
          title: "CPU of a request, to undici alone",
          x: "ratio, median of the rounds",
          isLog: false,
          bars: ways.map((way) => {
            const { median } = figure("", ratios(rounds, [way, "raw"], cpu))
            return {
              label: labels[way].replaceAll("`", ""),
              value: median,
              text: median.toFixed(2),
              isOurs: way === "engine"
            }
          })
        }
      ],
      notes: [
        "Why two goals are short. To go on after a crash a run prints each answer a second time, as a line of its journal, and makes the lines durable by group; undici alone does not. _Kept in a file_ is undici with that and nothing else: no key, no fingerprint, no index, no order of what is done again. It takes more than the tenth that the goal leaves for everything, so a run that can be taken up again does not come to 1.10 of a client that cannot. By the profile the line's text and its bytes are six tenths of what the journal costs, and the rest is told apart in places below a hundredth each. What a run costs over its client without a journal is a fiber that can be interrupted, two digests, the counting, and the garbage of all that, which is about an eighth of what the run adds; of the rest no single place is more than 3 % of undici's request. Over a million rows whose answers are there at once (370 bytes each, no network) reading, checking, naming, sending, journal and index together take 13 to 23 µs a row, as the machine is fast or slow.",
        "Metrics cannot be left out: the run counts in plain numbers and publishes them once a second. What is compared is a program that reads all of them every second, as an exporter does."
      ]
    }
  }, Effect.scoped)
}
