/**
 * Benches of what a run costs: `npm run bench`. Prints a table of ratios, writes `bench/results` and `docs/performance.md`, and
 * ends with 1 when a goal is short or a part has failed, which the others do not mind.
 *
 *     npm run bench -- --only wire,money --rounds 9
 *     npm run bench -- --quick              # a look, under three minutes; writes nothing
 *     npm run bench -- --long               # ten million rows as well
 *     npm run bench -- --only wire --profile /tmp/profiles
 *     npm run bench -- --save loaded        # of a busy machine: beside the others on the page, under bench/results/loaded
 *     npm run bench -- --page               # measures nothing: the page anew, of the results there are
 */
import * as path from "node:path"
import { parseArgs } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Clock, Console, DateTime, Effect, Exit, FileSystem, Schema } from "effect"
import { ChildProcess } from "effect/process"
import { faults } from "./faults.ts"
import { formats } from "./formats.ts"
import { growth } from "./growth.ts"
import { type Settings, SettingsText } from "./harness/bench.ts"
import * as Machine from "./harness/machine.ts"
import { type Beside, page, pictures } from "./harness/page.ts"
import * as Program from "./harness/program.ts"
import { type Findings, FindingsText, type Result, Text } from "./harness/result.ts"
import { aligned, figureTable } from "./harness/text.ts"
import { memory } from "./memory.ts"
import { packing } from "./packing.ts"
import { peers } from "./peers.ts"
import { startup } from "./startup.ts"
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
const timed: ReadonlyArray<Part> = [wire, peers, packing, faults, memory, formats, growth, startup]

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
    save: { type: "string" },
    profile: { type: "string" }
  }
})

const results = `${import.meta.dirname}/results`
const docs = path.resolve(import.meta.dirname, "../docs")

const asked = values.only?.split(",")
const unknown = asked?.filter((name) => !benches.some((bench) => bench.name === name)) ?? []
if (unknown.length > 0) {
  process.stderr.write(
    `No bench is called ${unknown.join(", ")}. There are ${benches.map(({ name }) => name).join(", ")}.\n`
  )
  process.exit(2)
}

if (values.save !== undefined && values.save !== "loaded") {
  process.stderr.write(`Results are kept beside the others as --save loaded, not as --save ${values.save}.\n`)
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
  const directory = values.save === undefined ? results : `${results}/${values.save}`
  yield* fs.makeDirectory(directory, { recursive: true })
  const json = yield* Schema.encodeEffect(Text)(result)
  yield* fs.writeFileString(`${directory}/${result.name}.json`, `${json}\n`)
})

/** A result that was written, if it was. */
const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(file))) return []
  return [yield* Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(Text))]
})

/** What was measured last of each, in the order of the page. */
const stored = (directory: string) =>
  Effect.map(
    Effect.forEach(benches, ({ name }) => read(`${directory}/${name}.json`)),
    (all) => all.flat()
  )

const publish = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const all = yield* stored(results)
  const beside: Beside = {
    loaded: yield* stored(`${results}/loaded`),
    before: yield* read(`${results}/wire-before.json`)
  }
  yield* fs.makeDirectory(`${docs}/performance`, { recursive: true })
  yield* fs.writeFileString(`${docs}/performance.md`, page(all, beside))
  for (const [file, svg] of pictures(all)) yield* fs.writeFileString(`${docs}/${file}`, svg)
  // As it would be formatted by hand: the same results give the same bytes.
  const oxfmt = path.resolve(import.meta.dirname, "../node_modules/.bin/oxfmt")
  const format = ChildProcess.make(oxfmt, [`${docs}/performance.md`], { stderr: "inherit" })
  yield* Effect.scoped(Effect.flatMap(format, ({ exitCode }) => exitCode))
})

const isForGood = !settings.isQuick && settings.flags.length === 0

const program = Effect.gen(function* () {
  if (values.page) return yield* publish
  const isAsked = ({ name }: Part) => asked === undefined || asked.includes(name)
  const from = yield* Clock.currentTimeMillis
  const failed: Array<string> = []
  const attempted = Effect.fnUntraced(function* (part: Part) {
    const exit = yield* Effect.exit(complete(part))
    if (Exit.isSuccess(exit)) return [exit.value]
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
    failed.push(part.name)
    yield* Console.error(`${part.name} has failed: ${Cause.pretty(exit.cause)}`)
    return []
  })
  const complete = Effect.fnUntraced(function* (part: Part) {
    const result = yield* measure(part)
    // A quick look is no result, nor is one through a profiler.
    if (isForGood) yield* write(result)
    for (const table of result.tables) yield* Console.log(`\n${table.title}\n\n${aligned(table)}`)
    return result
  })
  const done = [
    ...(yield* Effect.forEach(timed.filter(isAsked), attempted)),
    ...(yield* Effect.forEach(simulated.filter(isAsked), attempted, { concurrency: 2 }))
  ].flat()
  const figures = done.flatMap(({ figures, name }) => figures.map((figure) => ({ name, figure })))
  yield* Console.log(`\nRatios\n\n${aligned(figureTable("Ratios", figures))}`)
  if (isForGood) yield* publish
  const minutes = ((yield* Clock.currentTimeMillis) - from) / 60_000
  yield* Console.log(`\n${done.map(({ name }) => name).join(", ")}: ${minutes.toFixed(1)} minutes.`)
  if (failed.length > 0) {
    yield* Console.log(`\nFailed: ${failed.join(", ")}`)
    process.exitCode = 1
  }
  const short = figures.filter(({ figure }) => figure.verdict === "short")
  if (short.length > 0) {
    yield* Console.log(`\n${short.length} short: ${short.map(({ figure }) => figure.what).join("; ")}`)
    process.exitCode = 1
  }
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
