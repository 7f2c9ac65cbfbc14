/**
 * `node tryCommand.ts PROJECT`: runs the `stint` installed there on an emulator of the same installation.
 * A program of its own, so that every process is of the Node that is tried.
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { createInterface } from "node:readline"

const project = path.resolve(process.argv[2] ?? ".")
const installed = path.join(project, "node_modules/@stint/cli")
const manifest: { readonly version: string; readonly bin: { readonly stint: string } } = JSON.parse(
  fs.readFileSync(path.join(installed, "package.json"), "utf8")
)
const home = fs.mkdtempSync(path.join(project, "command-"))

const clean = (extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  SystemRoot: process.env.SystemRoot,
  HOME: home,
  XDG_STATE_HOME: path.join(home, "state"),
  XDG_CONFIG_HOME: path.join(home, "config"),
  ...extra
})

const stint = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}): ChildProcess =>
  spawn(process.execPath, [path.join(installed, manifest.bin.stint), ...args], {
    cwd: home,
    env: clean(env),
    stdio: ["ignore", "pipe", "pipe"]
  })

const ended = (child: ChildProcess): Promise<{ readonly code: number | null; readonly output: string }> => {
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk))
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, output }))
  })
}

const must = async (name: string, child: ChildProcess): Promise<string> => {
  const { code, output } = await ended(child)
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${output}`)
  return output
}

const spec = {
  repository: "intfloat/e5-small",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
}
const rows = ["the sea at night", "a small boat", "the price of fish"]

interface Ready {
  readonly management: string
  readonly hub: string
  readonly catalog: string
  readonly token: string
  readonly namespace: string
}

const readyFrom = async (emulator: ChildProcess): Promise<Ready> => {
  if (emulator.stdout === null) throw new Error("the emulator has no output")
  for await (const line of createInterface(emulator.stdout)) return JSON.parse(line)
  throw new Error("stint emulate ended before it listened")
}

const runOn = async ({ catalog, hub, management, namespace, token }: Ready): Promise<void> => {
  fs.writeFileSync(path.join(home, "endpoint.json"), JSON.stringify(spec))
  const lines = rows.map((input, index) => JSON.stringify({ id: `${index}`, input }))
  fs.writeFileSync(path.join(home, "rows.jsonl"), lines.join("\n"))
  const args = ["run", "rows.jsonl", "--endpoint", "tried", "--spec", "endpoint.json"]
  const env = {
    STINT_API_URL: management,
    STINT_CATALOG_URL: catalog,
    HF_ENDPOINT: hub,
    HF_TOKEN: token,
    HF_ENDPOINTS_NAMESPACE: namespace
  }
  await must("stint run", stint([...args, "--job", "embed", "--out", "out"], env))
  const results = fs.readFileSync(path.join(home, "out/results.jsonl"), "utf8").trim().split("\n")
  if (results.length !== rows.length) throw new Error(`results.jsonl has ${results.length} lines`)
}

const version = await must("stint --version", stint(["--version"]))
if (!version.includes(manifest.version)) throw new Error(`stint --version printed ${version}`)

const emulator = stint(["emulate", "--port", "0", "--boot", "100ms"])
const gone = new Promise<void>((resolve) => emulator.on("close", () => resolve()))
emulator.stderr?.pipe(process.stderr)
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => emulator.kill(signal))
try {
  await runOn(await readyFrom(emulator))
} finally {
  emulator.kill("SIGTERM")
  await gone
}
