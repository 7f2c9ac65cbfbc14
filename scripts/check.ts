/**
 * Checks the repository: `node scripts/check.ts` what every change must pass, `--full` what takes long.
 *
 * Every step runs, whatever the ones before it said. Output is shown where a step fails (the tests' always).
 * The last line is `N passed, N failed`: each step counts as one, except the tests and the checks
 * of the packages, which count themselves.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { build as buildPackages } from "./packages/build.ts"
import { bin, root, run } from "./run.ts"

interface Verdict {
  readonly passed: number
  readonly failed: number
  /** Said on the step's line. */
  readonly note?: string
  /** Said below it. */
  readonly details?: string
}

interface Step {
  readonly name: string
  readonly check: () => Promise<Verdict>
}

const verdict = (ok: boolean, details: string): Verdict => ({
  passed: ok ? 1 : 0,
  failed: ok ? 0 : 1,
  ...(ok ? {} : { details })
})

const tool = (name: string, command: string, args: ReadonlyArray<string>): Step => ({
  name,
  check: async () => {
    const { code, output } = await run(command, args)
    return verdict(code === 0, output)
  }
})

const diagnose = async (project: string) => {
  const flags = ["--strict", "--severity", "error,warning", "--list-files"]
  const { code, output } = await run(bin("effect-tsgo"), ["diagnostics", "--project", project, ...flags])
  const lines = output.split("\n")
  const listed = (line: string) => /^\s+(\S.*\.ts): detected=/.exec(line)?.[1]
  return {
    project,
    code,
    output: lines.filter((line) => listed(line) === undefined).join("\n"),
    files: new Set(lines.flatMap((line) => listed(line) ?? []))
  }
}

/**
 * The tests' project takes in nearly all sources of the packages; a package is checked by itself where it has others.
 * scripts/ is left out: plain Node programs that may depend on nothing.
 */
const effect: Step = {
  name: "effect",
  check: async () => {
    const whole = await diagnose("tsconfig.json")
    const others = fs
      .globSync("packages/*/src/**/*.ts", { cwd: root })
      .filter((file) => !whole.files.has(path.join(root, file)))
      .map((file) => path.join(...file.split(path.sep).slice(0, 2), "tsconfig.json"))
    const alone = await Promise.all([...new Set(others)].toSorted().map(diagnose))
    const bad = [whole, ...alone].filter(({ code }) => code !== 0)
    return verdict(bad.length === 0, bad.map(({ output, project }) => `${project}\n${output}`).join("\n"))
  }
}

interface Counts {
  readonly passed: number
  readonly failed: number
  /** Files that could not even say which tests they hold. */
  readonly broken: number
}

const field = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined

const count = (value: unknown, key: string): number => {
  const found = field(value, key)
  return typeof found === "number" ? found : 0
}

const readCounts = (file: string): Counts | undefined => {
  if (!fs.existsSync(file)) return undefined
  const report: unknown = JSON.parse(fs.readFileSync(file, "utf8"))
  const suites = field(report, "testResults")
  const isBroken = (suite: unknown): boolean => {
    const tests = field(suite, "assertionResults")
    return field(suite, "status") === "failed" && Array.isArray(tests) && tests.length === 0
  }
  return {
    passed: count(report, "numPassedTests"),
    failed: count(report, "numFailedTests"),
    broken: Array.isArray(suites) ? suites.filter(isBroken).length : 0
  }
}

const noTests = "no test was executed"

const vitest = (config: string, mayBeEmpty: boolean): Step => ({
  name: "tests",
  check: async () => {
    const file = path.join(root, ".build", `${config}.json`)
    fs.rmSync(file, { force: true })
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`]
    const { code } = await run(bin("vitest"), ["run", `--config=${config}`, ...reporters], { show: true })
    const counts = readCounts(file)
    if (counts === undefined) return { passed: 0, failed: 1, note: "vitest left no report" }
    const { broken, passed } = counts
    const executed = passed + counts.failed
    const empty = executed === 0 && !mayBeEmpty
    // An error outside of every test fails the run and no test.
    const silent = (code !== 0 || empty) && counts.failed + broken === 0
    return {
      passed,
      failed: counts.failed + broken + (silent ? 1 : 0),
      note: executed === 0 ? noTests : `${executed} executed`
    }
  }
})

const build: Step = {
  name: "build",
  check: async () => {
    const { code, output } = await buildPackages()
    return verdict(code === 0, output)
  }
}

/** Each check counts. Loaded late: the other steps need nothing that is installed to begin. */
const packing: Step = {
  name: "packing",
  check: async () => {
    const { checkPackages } = await import("./pack.ts")
    const { fetchNodes } = await import("./packages/nodes.ts")
    const { checkPage } = await import("./packages/page.ts")
    const { checks, page, unchecked } = await checkPackages(await fetchNodes())
    const all = [...checks, checkPage(page)]
    const bad = all.filter(({ complaints }) => complaints.length > 0)
    const missing = unchecked.map((version) => `, Node ${version} not checked here`).join("")
    return {
      passed: all.length - bad.length,
      failed: bad.length,
      note: `${all.length} checks${missing}`,
      details: bad.map(({ complaints, name }) => [name, ...complaints].join("\n")).join("\n\n")
    }
  }
}

const quick: ReadonlyArray<Step> = [
  tool("types", bin("tsc"), ["-b"]),
  tool("lint", bin("oxlint"), []),
  tool("format", bin("oxfmt"), ["--check"]),
  effect,
  vitest("vitest.config.ts", false)
]
const full: ReadonlyArray<Step> = [vitest("vitest.full.config.ts", true), build, packing]

const perform = async ({ check, name }: Step): Promise<Verdict> => {
  const start = performance.now()
  const result = await check().catch((error: unknown): Verdict => verdict(false, String(error)))
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const note = result.note === undefined ? "" : `  ${result.note}`
  console.log(`${result.failed === 0 ? "✓" : "✗"} ${name.padEnd(8)} ${seconds.padStart(6)} s${note}`)
  if (result.details) console.log(result.details.trimEnd())
  return result
}

let passed = 0
let failed = 0
for (const step of process.argv.includes("--full") ? full : quick) {
  const result = await perform(step)
  passed += result.passed
  failed += result.failed
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
