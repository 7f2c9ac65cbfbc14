/**
 * Walks through README.md as somebody does who has just found it: `npm run walk`. Clones the repository into an empty folder,
 * with an empty home and no environment but PATH (and what npm needs to reach its registry), and runs each command of
 * README.md as it is written, from top to bottom, in one shell. What README shows of its output is compared with what it says.
 *
 * What is run: the ```sh fences, and commands in a line (`npm run demo`, `stint report out`) the first time that they appear.
 * What goes on for ever (`sh elsewhere`) runs beside the others. Left out: the test suites, and what has a placeholder in it.
 *
 * What is compared: a fence without a language, with the output of the command before it; a second one is of the same command,
 * run once more. Every number is the same as every
 * other, and so are blanks, blank lines and bars of progress, of which only the last of several lines counts; `…` on a line of its own is any lines. So words,
 * names, order and states must be as README has them, and figures may differ.
 *
 *     npm run walk            HEAD, with what is changed and not committed laid over it
 *     npm run walk -- --head  HEAD alone
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { pathToFileURL } from "node:url"
import { root, run } from "./run.ts"

interface ShellFence {
  readonly line: number
  readonly code: string
  readonly isElsewhere: boolean
}

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
const {
  shellFencesOf
}: { readonly shellFencesOf: (source: string, text: string) => ReadonlyArray<ShellFence> } = await import(
  pathToFileURL(path.join(root, "test/shellFences.ts")).href
)

interface Step {
  /** In README.md. */
  readonly line: number
  readonly code: string
  readonly isBeside: boolean
  /** Why it is not run. */
  readonly without?: string
  /** What README shows of its output. */
  readonly shown?: string
}

const suites = /^npm (?:test|run test)/

const reasonNotTo = (code: string): string | undefined =>
  suites.test(code) ? "a test suite" : /…|\b(?:FILE|URL|NAME|N)\b/.test(code) ? "a placeholder" : undefined

/** Commands in a line of prose, and what is shown below them. */
const stepsOf = (text: string): ReadonlyArray<Step> => {
  const lineAt = (at: number) => text.slice(0, at).split("\n").length
  const fences = shellFencesOf("README.md", text).map(({ code, isElsewhere, line }) => ({
    line,
    code: code.trim(),
    isBeside: isElsewhere
  }))
  const isFenced = new Set<number>()
  const shown: Array<{ readonly line: number; readonly what: string }> = []
  let open: { readonly line: number; readonly isPlain: boolean; readonly lines: Array<string> } | undefined
  for (const [at, line] of text.split("\n").entries()) {
    if (open !== undefined) isFenced.add(at + 1)
    if (open === undefined && line.startsWith("```"))
      open = { line: at + 1, isPlain: line === "```", lines: [] }
    else if (open !== undefined && line === "```") {
      if (open.isPlain) shown.push({ line: open.line, what: open.lines.join("\n") })
      open = undefined
    } else open?.lines.push(line)
  }
  const inLine = [...text.matchAll(/`((?:npm (?:run|test)|stint [a-z])[^`]*)`/g)]
    .map(({ 1: code = "", index }) => ({ line: lineAt(index), code, isBeside: false }))
    .filter(({ code, line }, at, all) => {
      const isFirst = all.findIndex((one) => one.code === code) === at
      return isFirst && !isFenced.has(line) && code !== "npm run -s stint --"
    })
  const steps = [...fences, ...inLine].toSorted((a, b) => a.line - b.line)
  return steps.flatMap((step, at): ReadonlyArray<Step> => {
    const next = steps[at + 1]?.line ?? Infinity
    const found = shown.filter(({ line }) => line > step.line && line < next)
    const without = reasonNotTo(step.code)
    const whole = without === undefined ? step : { ...step, without }
    return found.length === 0 ? [whole] : found.map(({ what }) => ({ ...whole, shown: what }))
  })
}

/** What is the same on every machine and every day. */
const normalised = (text: string): ReadonlyArray<string> => {
  const lines = text
    .split("\n")
    .map((line) =>
      line
        .replace(/[█░]+/g, "▒")
        .replace(/\d[\d.,]*/g, "0")
        .replace(/\s+/g, " ")
        .trim()
    )
    .filter((line) => line !== "")
  // On a terminal each is drawn over the one before it.
  return lines.filter((line, at) => !(line.includes("▒") && lines[at + 1]?.includes("▒") === true))
}

/** The first line that README has and the output has not in its place; nothing where all are there. */
const missing = (shown: string, said: string): string | undefined => {
  const lines = normalised(said)
  let [at, isAnywhere] = [0, true]
  for (const line of normalised(shown)) {
    if (line === "…") {
      isAnywhere = true
      continue
    }
    const found = lines.indexOf(line, at)
    if (found < 0 || (!isAnywhere && found !== at)) return line
    at = found + 1
    isAnywhere = false
  }
  return undefined
}

/** Nothing of ours but the way to the programs and to the registry. */
const cleanEnv = (home: string): NodeJS.ProcessEnv => {
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(?:PATH|LANG|NODE_EXTRA_CA_CERTS|npm_config_(?:registry|cafile|userconfig))$/i.test(name)
  )
  return { ...Object.fromEntries(kept), HOME: home }
}

const clone = async (to: string, isHead: boolean): Promise<number> => {
  const git = async (...args: ReadonlyArray<string>) => {
    const { code, output } = await run("git", args)
    if (code !== 0) throw new Error(`git ${args.join(" ")}\n${output}`)
    return output
  }
  await git("clone", "--quiet", "--no-local", root, to)
  if (isHead) return 0
  const changed = (await git("ls-files", "-mo", "--exclude-standard"))
    .split("\n")
    .filter((name) => name !== "")
  for (const name of changed) {
    const [from, target] = [path.join(root, name), path.join(to, name)]
    if (fs.existsSync(from)) fs.cpSync(from, target)
    else fs.rmSync(target, { force: true })
  }
  return changed.length
}

interface Done {
  readonly code: number | "runs" | "-"
  readonly seconds: number
  readonly said: string
}

/** A shell that goes on where it stopped: its variables and its folder. */
const shell = (folder: string, env: NodeJS.ProcessEnv, state: string) => {
  const beside: Array<ChildProcess> = []
  fs.writeFileSync(state, "")
  const script = (code: string) =>
    [
      `. '${state}'`,
      'stint() { npm run -s stint -- "$@"; }',
      "set -e",
      code,
      `export -p | grep -v -e ' HOME=' -e ' PWD=' -e ' OLDPWD=' -e ' SHLVL=' > '${state}'`
    ].join("\n")
  const start = (code: string) =>
    spawn("bash", ["--norc", "-c", `exec 2>&1\n${script(code)}`], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true
    })
  const heard = (child: ChildProcess, onText: (text: string) => void) =>
    child.stdout?.setEncoding("utf8").on("data", onText)
  return {
    run: (code: string) =>
      new Promise<Done>((resolve) => {
        const from = Date.now()
        let said = ""
        const child = start(code)
        heard(child, (text) => (said += text))
        child.once("close", (status) =>
          resolve({ code: status ?? 1, seconds: (Date.now() - from) / 1000, said })
        )
      }),
    /** What never ends: until it has said something, and the others after it. */
    beside: async (code: string): Promise<Done> => {
      const from = Date.now()
      let said = ""
      const child = start(code)
      beside.push(child)
      heard(child, (text) => (said += text))
      while (!said.includes("\n") && child.exitCode === null && Date.now() - from < 60_000) await sleep(100)
      return { code: child.exitCode ?? "runs", seconds: (Date.now() - from) / 1000, said }
    },
    stop: () => {
      for (const { exitCode, pid } of beside)
        if (pid !== undefined && exitCode === null) process.kill(-pid, "SIGTERM")
    }
  }
}

const firstLine = (code: string) => {
  const [line = "", ...rest] = code.split("\n")
  const text = rest.length === 0 ? line : `${line} …`
  return text.length > 56 ? `${text.slice(0, 55)}…` : text
}

const cell = (value: number | string, width: number) =>
  typeof value === "number" ? String(value).padStart(width) : value.padStart(width)

const isHead = process.argv.includes("--head")
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stint-walk-"))
const place = path.join(folder, "stint")
const home = path.join(folder, "home")
fs.mkdirSync(home)
let failures = 0
try {
  const changed = await clone(place, isHead)
  console.log(
    `A fresh clone${changed === 0 ? "" : `, with ${changed} files that are not committed`}; an empty home.\n`
  )
  const steps = stepsOf(fs.readFileSync(path.join(place, "README.md"), "utf8"))
  const shown = shell(place, cleanEnv(home), path.join(folder, "state"))
  console.log(`line  ${"command".padEnd(56)}  exit  seconds  same`)
  try {
    for (const step of steps) {
      const none: Done = { code: "-", seconds: 0, said: "" }
      const done =
        step.without === undefined
          ? await (step.isBeside ? shown.beside(step.code) : shown.run(step.code))
          : none
      const lacks =
        step.shown === undefined || step.without !== undefined ? undefined : missing(step.shown, done.said)
      const same =
        step.without === undefined
          ? step.shown === undefined
            ? "shows none"
            : lacks === undefined
              ? "yes"
              : "NO"
          : `left out: ${step.without}`
      console.log(
        `${cell(step.line, 4)}  ${firstLine(step.code).padEnd(56)}  ${cell(done.code, 4)}  ${cell(done.seconds.toFixed(1), 7)}  ${same}`
      )
      const isBad = (typeof done.code === "number" && done.code !== 0) || lacks !== undefined
      if (!isBad) continue
      failures++
      if (lacks !== undefined) console.log(`      README shows: ${lacks}`)
      console.log(done.said.trimEnd().replace(/^/gm, "      | "))
    }
  } finally {
    shown.stop()
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
console.log(
  failures === 0 ? "\nREADME.md does what it says." : `\n${failures} commands do not do what README.md says.`
)
process.exitCode = failures === 0 ? 0 : 1
