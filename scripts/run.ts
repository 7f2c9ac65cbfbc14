/** Child processes for the scripts beside this file. */
import { type ChildProcess, spawn } from "node:child_process"
import { constants } from "node:os"
import * as path from "node:path"

export const root = path.resolve(import.meta.dirname, "..")

export const bin = (name: string): string => path.join(root, "node_modules", ".bin", name)

export interface Options {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** The child writes to our own output, and `output` stays empty. */
  readonly show?: boolean
}

export interface Result {
  readonly code: number
  readonly output: string
}

const children = new Set<ChildProcess>()

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    for (const child of children) child.kill(signal)
    process.exit(128 + constants.signals[signal])
  })
}

export const run = (command: string, args: ReadonlyArray<string>, options: Options = {}): Promise<Result> =>
  new Promise((resolve, reject) => {
    let output = ""
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: options.show === true ? "inherit" : ["ignore", "pipe", "pipe"]
    })
    children.add(child)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk
      })
    }
    child.on("error", reject)
    child.on("close", (status) => {
      children.delete(child)
      resolve({ code: status ?? 1, output })
    })
  })
