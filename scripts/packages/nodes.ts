/** The Nodes that the packages are tried on, from the package registry: nothing else is asked for one. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root, run } from "../run.ts"

/** The oldest that `engines` allows, and the newest of each line at the time of writing. */
export const nodeVersions = ["22.19.0", "24.21.0", "26.10.0"]

export interface NodeBinary {
  readonly version: string
  /** Not there: the registry has none for this machine. */
  readonly file: string | undefined
}

const windows = process.platform === "win32"

/** As in `with-toolchain.mjs`, which fetches a Node where the one at hand is too old. */
const nodePackage = (): string => {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
  return `${prefix}-${windows ? "win" : process.platform}-${process.arch}`
}

const install = async (home: string, version: string): Promise<void> => {
  const aside = `${home}.${process.pid}`
  fs.mkdirSync(aside, { recursive: true })
  fs.writeFileSync(path.join(aside, "package.json"), `{ "private": true }\n`)
  const quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
  const args = ["install", "--prefix=.", ...quiet, `${nodePackage()}@${version}`]
  const { code } = await run("npm", args, { cwd: aside })
  // A binary for another C library installs well and does not start.
  const { code: starts } = code === 0 ? await run(binaryIn(aside), ["--version"]) : { code }
  if (starts === 0 && !fs.existsSync(home)) fs.renameSync(aside, home)
  fs.rmSync(aside, { recursive: true, force: true })
}

const binaryIn = (home: string): string =>
  path.join(home, "node_modules", nodePackage(), "bin", windows ? "node.exe" : "node")

const nodeOf = async (version: string): Promise<NodeBinary> => {
  if (version === process.versions.node) return { version, file: process.execPath }
  const home = path.join(root, ".toolchain", `${nodePackage()}-${version}`)
  const file = binaryIn(home)
  if (!fs.existsSync(file)) await install(home, version).catch(() => undefined)
  return { version, file: fs.existsSync(file) ? file : undefined }
}

/** One after the other: each is 50 MB. */
export const fetchNodes = async (): Promise<ReadonlyArray<NodeBinary>> => {
  const nodes: Array<NodeBinary> = []
  for (const version of nodeVersions) nodes.push(await nodeOf(version))
  return nodes
}

/** The Node that runs this. */
export const ownNode: NodeBinary = { version: process.versions.node, file: process.execPath }
