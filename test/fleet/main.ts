/**
 * Plays all that can befall a fleet and writes it into docs/reliability.md: `npm run fleet`. With names, as in
 * `npm run fleet -- "no kill" "Postgres restarted"`, or fewer rows (`--rows 2000`), plays and writes nothing; `--write` writes the
 * table of fewer rows all the same. `--throughput`
 * measures how fast a fleet is instead; `--verbose` shows what the workers said, and
 * `--together 3` plays three at once. Ends with another code than 0 when a row was lost or an endpoint left running.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Play from "./Play.ts"
import * as Report from "./Report.ts"
import { scenarios } from "./Scenarios.ts"
import * as Throughput from "./Throughput.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const file = `${root}docs/reliability.md`

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string" },
    together: { type: "string" },
    throughput: { type: "boolean" },
    verbose: { type: "boolean" },
    write: { type: "boolean" }
  }
})

const wrong = (text: string): never => {
  console.error(text)
  process.exit(2)
}

const rowsOr = (otherwise: number): number => {
  const rows = Number(values.rows ?? otherwise)
  return Number.isInteger(rows) && rows >= 500 && rows <= 100_000
    ? rows
    : wrong(`--rows "${values.rows}" is not a number from 500 to 100,000.`)
}

const known = scenarios.map(({ name }) => name)
for (const name of names) {
  if (!known.includes(name)) wrong(`There is no "${name}". There are:\n  ${known.join("\n  ")}`)
}

const write = (block: Report.Block, text: string) => {
  fs.writeFileSync(file, Report.write(fs.readFileSync(file, "utf8"), block, text))
  spawnSync(process.execPath, [`${root}node_modules/oxfmt/bin/oxfmt`, file], { stdio: "inherit" })
}

const say = (line: string) => console.error(line)

const befall = Effect.gen(function* () {
  const rows = rowsOr(Play.ROWS)
  const wanted = scenarios.filter(({ name }) => names.length === 0 || names.includes(name))
  const results = yield* Effect.forEach(
    wanted,
    (scenario) =>
      Effect.tap(Play.play(scenario, rows, values.verbose === true ? say : undefined), (result) =>
        Effect.sync(() => {
          const { inFlight, lost, name, paused, problems, recovered, seconds, state, twice } = result
          const after = (seconds: number | undefined) => seconds?.toFixed(1) ?? "–"
          say(
            `${name}: ${lost} lost, ${twice} twice of ${inFlight} in flight, recovered after ${after(recovered)} s, ${state} after ${after(paused)} s (${Math.round(seconds)} s)`
          )
          for (const problem of problems) say(`  ✗ ${problem}`)
        })
      ),
    { concurrency: Math.max(1, Number(values.together ?? 1)) }
  )
  const text = Report.fleet(results, rows)
  console.log(text)
  if (names.length === 0 && (rows === Play.ROWS || values.write === true)) write("fleet", text)
  return results.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`))
})

const measure = Effect.gen(function* () {
  const measured = yield* Throughput.measure(rowsOr(Throughput.ROWS), say)
  const text = Report.throughput(measured)
  console.log(text)
  if (values.rows === undefined || values.write === true) write("throughput", text)
  return Throughput.violations(measured)
})

NodeRuntime.runMain(
  Effect.gen(function* () {
    const bad = yield* values.throughput === true ? measure : befall
    for (const line of bad) say(`✗ ${line}`)
    say(bad.length === 0 ? "nothing lost, nothing left running" : `${bad.length} faults`)
    yield* Effect.sync(() => {
      process.exitCode = bad.length === 0 ? 0 : 1
    })
  })
)
