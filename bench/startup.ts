/** How long the command takes to say something, beside a Node that does nothing. */
import * as path from "node:path"
import { Duration, Effect, FileSystem, type PlatformError, Schema } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import type { Bench } from "./harness/bench.ts"
import * as Built from "./harness/built.ts"
import { figure } from "./harness/result.ts"
import { type Rounds, paired, ratios } from "./harness/rounds.ts"
import { spread } from "./harness/text.ts"
import type { Measured } from "./measured.ts"

const root = path.resolve(import.meta.dirname, "..")

/** The most that help may take, in ms, on a machine where Node itself takes 40 or so. */
const GOAL = 400

const ways = {
  "node -e 0": ["-e", "0"],
  "stint --version": ["--version"],
  "stint --help": ["--help"],
  "stint run --help": ["run", "--help"],
  "stint --completions bash": ["--completions", "bash"],
  "stint --help, nothing kept": ["--help"]
} as const

type Way = keyof typeof ways

const isWay = (name: string): name is Way => name in ways
const names = Object.keys(ways).filter(isWay)
const ours = names.filter((name) => name !== "node -e 0")

const Manifest = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

/** The packages as an installation has them: in the workspace they would bring the sources of each other. */
const install = Effect.fnUntraced(function* (directory: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Built.flags
  const modules = `${directory}/node_modules`
  const from = `${root}/packages/cli/node_modules`
  yield* fs.makeDirectory(`${modules}/@effect`, { recursive: true })
  yield* fs.symlink(`${from}/@effect/platform-node`, `${modules}/@effect/platform-node`)
  for (const name of yield* fs.readDirectory(from)) {
    if (!name.startsWith("@") && !name.startsWith("."))
      yield* fs.symlink(`${from}/${name}`, `${modules}/${name}`)
  }
  for (const name of ["core", "batch", "cli"]) {
    const [here, there] = [`${root}/packages/${name}`, `${modules}/@stint/${name}`]
    yield* fs.makeDirectory(there, { recursive: true })
    yield* fs.copy(`${here}/dist`, `${there}/dist`)
    const manifest = yield* Effect.flatMap(
      fs.readFileString(`${here}/package.json`),
      Schema.decodeEffect(Manifest)
    )
    const published = manifest["publishConfig"]
    const whole = { ...manifest, ...(typeof published === "object" ? published : {}) }
    yield* fs.writeFileString(`${there}/package.json`, yield* Schema.encodeEffect(Manifest)(whole))
  }
  return `${modules}/@stint/cli/dist/bin.js`
})

/** A start, from the call to the end of the process: what it takes is time on the clock, not of the processor. */
const start = Effect.fnUntraced(function* (
  way: Way,
  { bin, flags, home }: { readonly bin: string; readonly home: string; readonly flags: ReadonlyArray<string> }
): Effect.fn.Return<Measured, PlatformError.PlatformError, ChildProcessSpawner.ChildProcessSpawner> {
  const args = way === "node -e 0" ? ways[way] : [bin, ...ways[way]]
  const command = ChildProcess.make(process.execPath, [...flags, ...args], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      ...(way.endsWith("nothing kept") ? { NODE_DISABLE_COMPILE_CACHE: "1" } : {})
    }
  })
  const [duration, code] = yield* Effect.timed(
    Effect.scoped(Effect.flatMap(command, ({ exitCode }) => exitCode))
  )
  if (code !== 0) return yield* Effect.die(`${way} ended with ${code}`)
  const micros = Duration.toMillis(duration) * 1000
  return { microsEach: micros, perSecond: 1e6 / micros, peakMegabytes: 0 }
})

const millis = ({ microsEach }: Measured) => microsEach / 1000

const tableOf = (rounds: Rounds<Way>) => ({
  title: "A start of the command",
  note: `From the call to the end of the process, on the clock. The packages are built and lie as an installation has them; what Node compiled is kept from a start before, but for the last line. Medians, lowest and highest of ${rounds.length} rounds.`,
  columns: ["", "ms", "to node -e 0"],
  rows: names.map((name) => [
    name,
    spread(rounds.map((round) => millis(round[name]))),
    name === "node -e 0" ? "" : spread(ratios(rounds, [name, "node -e 0"], millis))
  ])
})

export const startup: Bench = {
  name: "startup",
  title: "How soon the command says something",
  run: Effect.fnUntraced(function* ({ flags, isQuick, rounds: asked, seed }) {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const world = { bin: yield* install(directory), home: directory, flags }
    // The first of all keeps what it compiles.
    yield* start("stint --help", world)
    const rounds = yield* paired({
      what: "startup",
      names,
      rounds: asked ?? (isQuick ? 3 : 15),
      seed,
      run: (way) => start(way, world)
    })
    return {
      figures: ours.flatMap((name) => [
        figure(
          name,
          rounds.map((round) => millis(round[name])),
          name === "stint --help" ? { most: GOAL } : undefined,
          "ms"
        ),
        figure(`${name}, to node -e 0`, ratios(rounds, [name, "node -e 0"], millis))
      ]),
      tables: [tableOf(rounds)],
      plots: [],
      notes: [
        "Help needs the flags of the commands and nothing of what they do: that is loaded when it is done. What is left is Effect and its command line."
      ]
    }
  }, Effect.scoped)
}
