/** Projects that have nothing but what a user installs: the tarballs, their peers, and a program. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root, run } from "../run.ts"
import { type Check, check, must, objections } from "./check.ts"
import { type Fence, firstProgram } from "./fences.ts"
import { neededPeers, optionalPeers, versionsIn } from "./manifest.ts"
import type { NodeBinary } from "./nodes.ts"
import { type Tarball, entryPoints } from "./tarball.ts"

type Versions = Readonly<Record<string, string>>

const referTo = (tarballs: ReadonlyArray<Tarball>): Versions =>
  Object.fromEntries(tarballs.map(({ file, manifest }) => [manifest.name, `file:${file}`]))

const install = async (home: string, dependencies: Versions, all: ReadonlyArray<Tarball>): Promise<void> => {
  fs.mkdirSync(home, { recursive: true })
  const manifest = { name: "packed", private: true, type: "module", dependencies }
  fs.writeFileSync(path.join(home, "package.json"), JSON.stringify(manifest))
  // JSON is YAML. The packages depend on each other by version, which no registry has yet.
  const workspace = { packages: ["."], autoInstallPeers: false, overrides: referTo(all) }
  fs.writeFileSync(path.join(home, "pnpm-workspace.yaml"), JSON.stringify(workspace))
  await must("pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile"], { cwd: home })
}

/** A project with all packages and all peers, and Node's types. */
export const installAll = async (home: string, tarballs: ReadonlyArray<Tarball>): Promise<void> => {
  const peers = tarballs.map(({ source }) =>
    versionsIn(source.dir, [...neededPeers(source), ...optionalPeers(source)])
  )
  const types = versionsIn(root, ["@types/node"])
  await install(home, Object.assign({}, types, ...peers, referTo(tarballs)), tarballs)
}

/**
 * `program.js WITHOUT ENTRY...` prints what could not be imported, as JSON: `[entry, module that is missing,
 * stack]`. To Stint's own modules the package WITHOUT is not there.
 */
const importEach = `
import { registerHooks } from "node:module"
const [without, ...names] = process.argv.slice(2)
if (without !== "") {
  registerHooks({
    resolve(name, context, next) {
      const withheld = name === without || name.startsWith(without + "/")
      if (withheld && context.parentURL?.includes("/@stint/")) {
        throw new Error("Cannot find package '" + without + "'")
      }
      return next(name, context)
    }
  })
}
const failures = []
for (const name of names) {
  try {
    const file = import.meta.resolve(name)
    if (!file.endsWith(".js")) failures.push([name, "", name + " is " + file])
    await import(name)
  } catch (error) {
    const missing = /Cannot find package '([^']+)'/.exec(error.message)?.[1] ?? ""
    failures.push([name, missing, error.stack])
  }
}
console.log(JSON.stringify(failures))
process.exit(0)
`

let written = 0

/** Several Nodes use one project at once. */
const fresh = (home: string, extension: string): string => path.join(home, `program${written++}${extension}`)

type Failure = readonly [entry: string, missing: string, stack: string]

const importThem = async (
  home: string,
  node: string,
  names: ReadonlyArray<string>,
  without = ""
): Promise<ReadonlyArray<Failure>> => {
  const program = fresh(home, ".js")
  fs.writeFileSync(program, importEach)
  const output = await must(node, [program, without, ...names], { cwd: home })
  return JSON.parse(output.trim().split("\n").at(-1) ?? "[]")
}

/** In a project of its own, without the optional peers: what needs one may fail, but not the package itself. */
export const tryAlone = async (
  home: string,
  tarball: Tarball,
  all: ReadonlyArray<Tarball>
): Promise<Check> => {
  const { manifest, source } = tarball
  const dependencies = { ...versionsIn(source.dir, neededPeers(source)), ...referTo([tarball]) }
  await install(home, dependencies, all)
  const optional = new Set(optionalPeers(source))
  const failures = await importThem(home, process.execPath, entryPoints(tarball))
  return check(
    `${manifest.name}: alone in an empty project`,
    failures
      .filter(([name, missing]) => name === manifest.name || !optional.has(missing))
      .map(([, , stack]) => stack)
  )
}

/** The entry points that cannot be imported without an optional peer, by the peer. */
export const needsOf = async (
  together: string,
  tarball: Tarball
): Promise<ReadonlyMap<string, ReadonlyArray<string>>> => {
  const needs = new Map<string, ReadonlyArray<string>>()
  for (const peer of optionalPeers(tarball.source)) {
    const failures = await importThem(together, process.execPath, entryPoints(tarball), peer)
    needs.set(
      peer,
      failures.map(([name]) => name)
    )
  }
  return needs
}

const importAll = async (home: string, node: string, tarballs: ReadonlyArray<Tarball>) => {
  const names = tarballs.flatMap(entryPoints)
  const failures = await importThem(home, node, names)
  return check(
    `${names.length} modules of ${tarballs.length} packages are imported`,
    failures.map(([, , stack]) => stack)
  )
}

const runProgram = async (home: string, node: string, { code, prints }: Fence): Promise<Check> => {
  const name = "README's program prints what it says"
  const file = fresh(home, ".ts")
  fs.writeFileSync(file, code)
  const result = await run(node, [file], { cwd: home })
  const expected = prints.join("\n")
  if (result.code === 0 && result.output.trim() === expected) return check(name, [])
  return check(name, [`ended with ${result.code} and printed\n${result.output}\ninstead of\n${expected}`])
}

const runCommand = async (home: string, node: string): Promise<Check> => {
  const program = path.join(import.meta.dirname, "tryCommand.ts")
  const found = await objections(node, [program, home], { cwd: home })
  return check("stint runs three rows on stint emulate", found)
}

/** The installed packages on one Node. */
export const tryOn = async (
  home: string,
  { file, version }: NodeBinary,
  tarballs: ReadonlyArray<Tarball>
): Promise<ReadonlyArray<Check>> => {
  if (file === undefined) return []
  const checks = [
    await importAll(home, file, tarballs),
    await runProgram(home, file, firstProgram()),
    await runCommand(home, file)
  ]
  return checks.map(({ complaints, name }) => check(`Node ${version}: ${name}`, complaints))
}
