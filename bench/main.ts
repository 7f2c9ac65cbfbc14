/**
 * Benches of what a run costs: `npm run bench`. Prints a table of ratios, writes `bench/results` and `docs/performance.md`, and
 * ends with 1 when a goal is short.
 *
 *     npm run bench -- --only wire,money --rounds 9
 *     npm run bench -- --quick              # a look, under three minutes; writes nothing
 *     npm run bench -- --long               # ten million rows as well
 *     npm run bench -- --only wire --profile /tmp/profiles
 *     npm run bench -- --page               # measures nothing: the page anew, of the results there are
 */
import { parseArgs } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Clock, Console, DateTime, Effect, FileSystem, Schema } from "effect"
import { faults } from "./faults.ts"
import { growth } from "./growth.ts"
import { type Settings, SettingsText } from "./harness/bench.ts"
import * as Machine from "./harness/machine.ts"
import { page, pictures } from "./harness/page.ts"
import * as Program from "./harness/program.ts"
import { type Findings, FindingsText, type Result, Text } from "./harness/result.ts"
import { aligned, figureTable } from "./harness/text.ts"
import { memory } from "./memory.ts"
import { peers } from "./peers.ts"
import { wire } from "./wire.ts"

interface Part {
  readonly name: string
  readonly title: string
  readonly run: (settings: Settings) => Effect.Effect<Findings, unknown, NodeServices.NodeServices>
}

/** Virtual time can be had by two processes at once. */
const virtual = (name: string, title: string): Part => ({
  name,
  title,
  run: (settings) =>
    Effect.gen(function* () {
      const text = yield* Schema.encodeEffect(SettingsText)(settings)
      return yield* Schema.decodeEffect(FindingsText)(yield* Program.ended("virtual.ts", [name, text]))
    })
})

/** Nothing else is to run meanwhile. */
const timed: ReadonlyArray<Part> = [wire, peers, faults, memory, growth]

const simulated: ReadonlyArray<Part> = [
  virtual("money", "What is paid, to the floor"),
  virtual("behaviours", "What others would pay"),
  virtual("limits", "The limit that finds itself"),
  virtual("ready", "Ready, noticed"),
  virtual("order", "What order and replicas would buy")
]

/** In the order of the page. */
const benches = [...timed, ...simulated]

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    seed: { type: "string", default: "1" },
    quick: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    profile: { type: "string" }
  }
})

const results = `${import.meta.dirname}/results`
const docs = `${import.meta.dirname}/../docs`

const asked = values.only?.split(",")
const unknown = asked?.filter((name) => !benches.some((bench) => bench.name === name)) ?? []
if (unknown.length > 0) {
  process.stderr.write(
    `No bench is called ${unknown.join(", ")}. There are ${benches.map(({ name }) => name).join(", ")}.\n`
  )
  process.exit(2)
}

const settings: Settings = {
  isQuick: values.quick,
  isLong: values.long,
  rounds: values.rounds === undefined ? undefined : Math.max(1, Number(values.rounds)),
  seed: Number(values.seed),
  flags: values.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${values.profile}`]
}

const given = process.argv.slice(2).filter((flag) => flag !== "--page")
const commandOf = (name: string) =>
  `npm run bench -- ${asked === undefined ? [`--only ${name}`, ...given].join(" ") : given.join(" ")}`.trim()

const measure = Effect.fnUntraced(function* (
  bench: Part
): Effect.fn.Return<Result, unknown, NodeServices.NodeServices> {
  yield* Console.error(`\n${bench.name}: ${bench.title}`)
  const before = Machine.load()
  const from = yield* Clock.currentTimeMillis
  const findings = yield* bench.run(settings)
  const commit = yield* Machine.commit
  return {
    name: bench.name,
    title: bench.title,
    measuredAt: DateTime.formatIso(yield* DateTime.now),
    command: commandOf(bench.name),
    seconds: ((yield* Clock.currentTimeMillis) - from) / 1000,
    ...(commit === undefined ? {} : { commit }),
    machine: { ...Machine.machine(), load: [before, Machine.load()] },
    versions: yield* Machine.versions,
    ...findings
  }
})

const write = Effect.fnUntraced(function* (result: Result) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(results, { recursive: true })
  const json = yield* Schema.encodeEffect(Text)(result)
  yield* fs.writeFileString(`${results}/${result.name}.json`, `${json}\n`)
})

/** What was measured last of each, in the order of the page. */
const stored = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const all = yield* Effect.forEach(benches, ({ name }) =>
    Effect.gen(function* () {
      const file = `${results}/${name}.json`
      if (!(yield* fs.exists(file))) return []
      return [yield* Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(Text))]
    })
  )
  return all.flat()
})

const publish = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const all = yield* stored
  yield* fs.makeDirectory(`${docs}/performance`, { recursive: true })
  yield* fs.writeFileString(`${docs}/performance.md`, page(all))
  for (const [file, svg] of pictures(all)) yield* fs.writeFileString(`${docs}/${file}`, svg)
})

const isForGood = !settings.isQuick && settings.flags.length === 0

const program = Effect.gen(function* () {
  if (values.page) return yield* publish
  const isAsked = ({ name }: Part) => asked === undefined || asked.includes(name)
  const complete = Effect.fnUntraced(function* (part: Part) {
    const result = yield* measure(part)
    // A quick look is no result, nor is one through a profiler.
    if (isForGood) yield* write(result)
    for (const table of result.tables) yield* Console.log(`\n${table.title}\n\n${aligned(table)}`)
    return result
  })
  const done = [
    ...(yield* Effect.forEach(timed.filter(isAsked), complete)),
    ...(yield* Effect.forEach(simulated.filter(isAsked), complete, { concurrency: 2 }))
  ]
  const figures = done.flatMap(({ figures, name }) => figures.map((figure) => ({ name, figure })))
  yield* Console.log(`\nRatios\n\n${aligned(figureTable("Ratios", figures))}`)
  if (isForGood) yield* publish
  const short = figures.filter(({ figure }) => figure.verdict === "short")
  if (short.length > 0) {
    yield* Console.log(`\n${short.length} short: ${short.map(({ figure }) => figure.what).join("; ")}`)
    process.exitCode = 1
  }
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
