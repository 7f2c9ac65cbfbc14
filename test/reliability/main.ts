/**
 * Plays the matrix and writes it into docs/reliability.md: `npm run reliability`. With names, as in
 * `npm run reliability -- SIGKILL "disk full"`, plays those rows alone and writes nothing.
 */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import type { Result } from "./Cell.ts"
import { ends } from "./Ends.ts"
import * as Matrix from "./Matrix.ts"
import * as Report from "./Report.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const file = `${root}docs/reliability.md`

const say = (result: Result) => {
  const { end, lost, phase, problems, seconds, state, status, twice } = result
  console.error(`${phase} × ${end}: ${state}, ${seconds ?? "–"} s, ${lost} lost, ${twice} twice, ${status}`)
  for (const problem of problems) console.error(`  ✗ ${problem}`)
}

const wanted = process.argv.slice(2)
const from = performance.now()
const results = (
  await Effect.runPromise(
    Effect.forEach(
      // The long ones first.
      ends.toReversed().filter((end) => {
        if (wanted.length > 0 && !wanted.includes(end.name)) return false
        const isPossible = Matrix.isPossible(end)
        if (!isPossible) console.error(`SKIPPED, this machine cannot: ${end.name}`)
        return isPossible
      }),
      (end) => Effect.tap(Matrix.row(end), (row) => Effect.sync(() => row.forEach(say))),
      { concurrency: "unbounded" }
    )
  )
).flat()

if (wanted.length === 0) {
  fs.writeFileSync(file, Report.write(fs.readFileSync(file, "utf8"), results))
  spawnSync(process.execPath, [`${root}node_modules/oxfmt/bin/oxfmt`, file], { stdio: "inherit" })
}
const claims = Report.read(fs.readFileSync(file, "utf8"))
const bad = results.flatMap((result) => Report.violations(result, claims))
for (const line of bad) console.error(`✗ ${line}`)
console.error(
  `${results.length} cells, ${bad.length} faults, ${Math.round((performance.now() - from) / 1000)} s`
)
process.exit(bad.length === 0 ? 0 : 1)
