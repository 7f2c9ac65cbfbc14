// Runs a command with the Node and the pnpm this repository asks for, whatever Node started it:
//
//   node scripts/with-toolchain.mjs [--here] COMMAND ARGS...
//
// Needs Node >= 18 and npm, nothing else. The command runs at the root of the repository; with --here it
// runs where the user stands, and a program named relative to the root (`packages/cli/src/bin.ts`) is made
// absolute. "node" and "pnpm" as COMMAND are started directly, without a shell or a shim between.
//
// A Node that is too old is replaced, for the command only, by the registry's platform package, which
// holds the binary itself: it has no install script that npm 12 or --ignore-scripts could leave out.
// A stamp in node_modules says what was installed; while it fits, no package manager is started.
// Standard output belongs to the command alone.
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { constants } from "node:os"
import * as path from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isatty } from "node:tty"
import { fileURLToPath } from "node:url"

const NODE = "24.21.0"
const LOCK_PATIENCE = 10 * 60_000

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const tools = path.join(root, ".toolchain")
const stampFile = path.join(root, "node_modules", ".stint-stamp")
const windows = process.platform === "win32"

const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf8"))
const PNPM = readJson(path.join(root, "package.json"))
  .packageManager.replace(/^pnpm@/, "")
  .split("+")[0]

class Failure extends Error {
  constructor(message, code = 1) {
    super(message)
    this.code = code
  }
}

// --- Signals and children ---------------------------------------------------------------------------

const exitCode = (status, signal) => (signal ? 128 + constants.signals[signal] : (status ?? 1))
// process.stdin is left alone: to touch it is to open it, and it belongs to the command
const onTerminal = [0, 1, 2].some((fd) => isatty(fd))

let child
let received

const forward = (signal) => {
  received ??= signal
  // A terminal sends these to the whole process group, and npm passes Ctrl-C on to us once more.
  // Forwarding would make one press look like two, and the second press means "hurry".
  if (signal !== "SIGTERM" && onTerminal) return
  child?.kill(signal)
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => forward(signal))

const stopIfAsked = () => {
  if (received) throw new Failure("", 128 + constants.signals[received])
}

const start = (command, args, options) =>
  new Promise((resolve, reject) => {
    let output = ""
    const add = (chunk) => (output += chunk)
    child = spawn(command, args, options)
    child.stdout?.setEncoding("utf8").on("data", add)
    child.stderr?.setEncoding("utf8").on("data", add)
    child.on("error", (error) => {
      if (error.code !== "ENOENT") return reject(error)
      reject(new Failure(`${command}: command not found`, 127))
    })
    child.on("close", (status, signal) => {
      child = undefined
      resolve({ code: exitCode(status, signal), output })
    })
  })

const capture = async (command, args, options) => {
  stopIfAsked()
  const result = await start(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options })
  stopIfAsked()
  return result
}

// --- Which Node, which pnpm -------------------------------------------------------------------------

/** Runs TypeScript as it is, and is what effect asks for. */
const fits = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major === 22) return minor >= 19
  if (major === 23) return minor >= 6
  return major > 23
}

const nodePackage = () => {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node"
  return `${prefix}-${windows ? "win" : process.platform}-${process.arch}`
}
const toolHome = (name, version) => path.join(tools, `${name}-${version}`)
const toolPackage = (name, version) => path.join(toolHome(name, version), "node_modules", name)

const ownNode = () => ({ file: process.execPath, version: process.versions.node })
const fetchedNode = () => ({
  file: path.join(toolPackage(nodePackage(), NODE), "bin", windows ? "node.exe" : "node"),
  version: NODE
})

const onPath = (name) =>
  (process.env.PATH ?? "")
    .split(path.delimiter)
    .map((dir) => path.join(dir, name))
    .find((file) => fs.existsSync(file))

/** A pnpm found on PATH is trusted by its package.json: asking it for its version costs half a second. */
const pnpmOnPath = () => {
  const shim = windows ? undefined : onPath("pnpm")
  if (shim === undefined) return undefined
  const home = path.resolve(fs.realpathSync(shim), "../..")
  try {
    const { name, version } = readJson(path.join(home, "package.json"))
    return name === "pnpm" && version === PNPM ? { home, dir: path.dirname(shim) } : undefined
  } catch {
    return undefined
  }
}
const fetchedPnpm = () => ({
  home: toolPackage("pnpm", PNPM),
  dir: path.join(toolHome("pnpm", PNPM), "node_modules", ".bin")
})

const findTools = () => {
  const node = fits() ? ownNode() : fetchedNode()
  const pnpm = pnpmOnPath() ?? fetchedPnpm()
  return { node, pnpm }
}
const pnpmEntry = ({ pnpm }) => path.join(pnpm.home, readJson(path.join(pnpm.home, "package.json")).bin.pnpm)

const environment = ({ node, pnpm }) => {
  const env = { ...process.env }
  for (const key of Object.keys(env)) {
    // What npm says about its own run must not be taken by pnpm for its own; INIT_CWD has been read.
    if (/^npm_(package|lifecycle|command|execpath|node_execpath|config_user_agent)/.test(key)) delete env[key]
    if (/^(INIT_CWD|NODE)$/.test(key)) delete env[key]
  }
  // pnpm reads neither from npm's environment, and a company's registry may need both.
  if (env.npm_config_cafile) env.NODE_EXTRA_CA_CERTS ??= env.npm_config_cafile
  if (env.npm_config_registry) env.pnpm_config_registry ??= env.npm_config_registry
  const found = onPath("node")
  const first = found !== undefined && fs.realpathSync(found) === fs.realpathSync(node.file)
  const dirs = [
    first ? [] : path.dirname(node.file),
    path.join(root, "node_modules", ".bin"),
    pnpm.dir
  ].flat()
  const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH"
  env[key] = [...dirs, env[key] ?? ""].join(path.delimiter)
  return env
}

// --- What is installed ------------------------------------------------------------------------------

/** The directories that pnpm-workspace.yaml names, of which it uses only `dir` and `dir/*`. */
const workspaceDirs = () => {
  const text = fs.readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8")
  const list = /^packages:\n((?:[ \t]+- .*\n)+)/m.exec(text)?.[1] ?? ""
  const patterns = list.split("\n").map((line) =>
    line
      .replace(/^\s*-\s*/, "")
      .replace(/["']/g, "")
      .trim()
  )
  const expand = (pattern) => {
    if (!pattern.endsWith("/*")) return [pattern]
    const parent = pattern.slice(0, -2)
    const absolute = path.join(root, parent)
    return fs.existsSync(absolute)
      ? fs
          .readdirSync(absolute)
          .sort()
          .map((name) => `${parent}/${name}`)
      : []
  }
  return [".", ...patterns.filter(Boolean).flatMap(expand)].filter((dir) =>
    fs.existsSync(path.join(root, dir, "package.json"))
  )
}

const stampFor = ({ node }) => {
  const files = [
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...workspaceDirs().map((dir) => `${dir}/package.json`)
  ]
  const hash = createHash("sha256").update(`node ${node.version} pnpm ${PNPM}\n`)
  for (const file of files) hash.update(`${file}\n`).update(fs.readFileSync(path.join(root, file)))
  return hash.digest("hex")
}

const hasModules = (dir) => {
  const { dependencies, devDependencies } = readJson(path.join(root, dir, "package.json"))
  const none = Object.keys({ ...dependencies, ...devDependencies }).length === 0
  return none || fs.existsSync(path.join(root, dir, "node_modules"))
}

const isInstalled = (found) =>
  fs.existsSync(found.node.file) &&
  fs.existsSync(found.pnpm.home) &&
  fs.existsSync(stampFile) &&
  fs.readFileSync(stampFile, "utf8") === stampFor(found) &&
  workspaceDirs().every(hasModules)

// --- Installing -------------------------------------------------------------------------------------

const noNode = () =>
  new Failure(
    `Stint needs Node 22.19 or newer. This is Node ${process.versions.node} (${process.execPath}), and no ` +
      `Node ${NODE} that runs on ${process.platform}-${process.arch} could be had from the npm registry ` +
      `(package ${nodePackage()}). Please install Node 22.19 or newer, put it first on your PATH, and run ` +
      `the command again.`
  )

const npmInstall = [
  "install",
  "--prefix=.",
  "--no-save",
  "--no-package-lock",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--loglevel=error"
]

/** Installs aside and moves into place, so that a tool that is there is whole. */
const installTool = async (name, version) => {
  const home = toolHome(name, version)
  const leftOver = (entry) => entry.startsWith(`${path.basename(home)}.`)
  for (const entry of fs.readdirSync(tools).filter(leftOver))
    fs.rmSync(path.join(tools, entry), { recursive: true })
  const aside = `${home}.${process.pid}`
  fs.mkdirSync(aside)
  fs.writeFileSync(path.join(aside, "package.json"), `{ "private": true }\n`)
  const { code, output } = await capture("npm", [...npmInstall, `${name}@${version}`], {
    cwd: aside,
    shell: windows
  })
  if (code !== 0) {
    fs.rmSync(aside, { recursive: true })
    const missing = /E404|ETARGET|EBADPLATFORM/.test(output)
    if (missing && name === nodePackage()) throw noNode()
    throw new Failure(`${output}\nnpm could not install ${name}@${version}.`, code)
  }
  fs.renameSync(aside, home)
}

const installNode = async ({ node }) => {
  if (fs.existsSync(node.file)) return
  await installTool(nodePackage(), NODE)
  // A binary for another C library installs well and does not start.
  const { code } = await capture(node.file, ["--version"]).catch(() => ({ code: 1 }))
  stopIfAsked()
  if (code === 0) return
  fs.rmSync(toolHome(nodePackage(), NODE), { recursive: true })
  throw noNode()
}

const installPackages = async (found) => {
  const env = environment(found)
  const args = ["install", "--frozen-lockfile", "--prefer-offline", "--config.confirm-modules-purge=false"]
  const { code, output } = await capture(found.node.file, [pnpmEntry(found), ...args], { cwd: root, env })
  if (code !== 0) throw new Failure(`${output}\npnpm install --frozen-lockfile failed.`, code)
}

const install = async (found) => {
  if (isatty(2)) process.stderr.write(`Setting up Node, pnpm and the packages; this is done once ...\n`)
  fs.rmSync(stampFile, { force: true })
  const stamp = stampFor(found)
  await installNode(found)
  if (!fs.existsSync(found.pnpm.home)) await installTool("pnpm", PNPM)
  await installPackages(found)
  fs.writeFileSync(stampFile, stamp)
}

// --- One at a time ----------------------------------------------------------------------------------
//
// The lock is a directory that holds one file named by its owner's pid. Taking it is renaming a prepared
// directory onto it, which succeeds only where there is none or an empty one; so what a dead owner left
// can be removed by name without ever removing what a live one has just taken.

const lock = path.join(tools, "lock")

const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === "EPERM"
  }
}
const attempt = (action) => {
  try {
    action()
    return true
  } catch {
    return false
  }
}
const lockOwners = () => {
  try {
    return fs.readdirSync(lock)
  } catch {
    return []
  }
}
const unlock = (pid) => {
  attempt(() => fs.unlinkSync(path.join(lock, String(pid))))
  attempt(() => fs.rmdirSync(lock))
}

const takeLock = async (mine) => {
  const deadline = Date.now() + LOCK_PATIENCE
  while (!attempt(() => fs.renameSync(mine, lock))) {
    stopIfAsked()
    const owners = lockOwners()
    for (const pid of owners) if (!isAlive(Number(pid))) unlock(pid)
    if (owners.length === 0) attempt(() => fs.rmdirSync(lock)) // Windows does not rename onto an empty one
    if (Date.now() > deadline) {
      throw new Failure(
        `Process ${owners.join()} has been setting up for too long. If it is not, remove ${lock}.`
      )
    }
    await sleep(100)
  }
}

const locked = async (use) => {
  const mine = `${lock}.${process.pid}`
  fs.mkdirSync(mine, { recursive: true })
  fs.writeFileSync(path.join(mine, String(process.pid)), "")
  try {
    await takeLock(mine)
    await use()
  } finally {
    fs.rmSync(mine, { recursive: true, force: true })
    unlock(process.pid)
  }
}

const prepare = async () => {
  const found = findTools()
  if (isInstalled(found)) return found
  await locked(async () => {
    if (!isInstalled(found)) await install(found)
  })
  return found
}

// --- The command ------------------------------------------------------------------------------------

const absoluteProgram = (args) => {
  const index = args.findIndex((arg) => !arg.startsWith("-"))
  const file = index < 0 ? "" : path.join(root, args[index])
  return file && fs.existsSync(file) ? [...args.slice(0, index), file, ...args.slice(index + 1)] : args
}

const resolveCommand = (found, command, args) => {
  if (command === "node") return [found.node.file, args]
  if (command === "pnpm") return [found.node.file, [pnpmEntry(found), ...args]]
  return [command, args]
}

const main = async (argv) => {
  const here = argv[0] === "--here"
  const [command, ...given] = here ? argv.slice(1) : argv
  if (command === undefined) throw new Failure("usage: with-toolchain.mjs [--here] COMMAND ARGS...", 2)
  const found = await prepare()
  stopIfAsked()
  const [file, args] = resolveCommand(found, command, here ? absoluteProgram(given) : given)
  const cwd = here ? (process.env.INIT_CWD ?? process.cwd()) : root
  const { code } = await start(file, args, {
    cwd,
    env: environment(found),
    stdio: "inherit",
    shell: windows && file === command
  })
  return code
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    const message = error instanceof Failure ? error.message : error.stack
    if (message) process.stderr.write(`${message.trim()}\n`)
    process.exit(error.code > 0 ? error.code : 1)
  }
)
