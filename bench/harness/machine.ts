/** Where and of what the figures are: no names of hosts, no paths. */
import * as os from "node:os"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"

const home = `${import.meta.dirname}/../..`

const packages = [
  "effect",
  "undici",
  "openai",
  "@huggingface/inference",
  "p-limit",
  "ai",
  "@ai-sdk/openai-compatible"
]

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** The packages that the benches compare, and Node. */
export const versions = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.forEach(packages, (name) =>
    fs.readFileString(`${home}/node_modules/${name}/package.json`).pipe(
      Effect.flatMap(Schema.decodeEffect(Package)),
      Effect.map(({ version }) => [name, version] as const)
    )
  )
  return { node: process.versions.node, ...Object.fromEntries(found) }
})

const git = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { stdout } = yield* ChildProcess.make("git", ["-C", home, ...args], { stderr: "ignore" })
    return (yield* Stream.mkString(Stream.decodeText(stdout))).trim()
  }).pipe(Effect.scoped)

/** The commit, and whether there are changes beside it; nothing where there is no repository. */
export const commit = Effect.gen(function* () {
  const hash = yield* git("rev-parse", "--short", "HEAD")
  if (hash === "") return undefined
  const changes = yield* git("status", "--porcelain", "--", "packages")
  return changes === "" ? hash : `${hash}, with changes`
}).pipe(Effect.orElseSucceed(() => undefined))

export const load = (): number => Math.round((os.loadavg()[0] ?? 0) * 10) / 10

export const machine = () => ({
  processor: os.cpus()[0]?.model ?? "unknown",
  cores: os.cpus().length,
  memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
  system: `${os.type()} ${os.machine()}`
})
