/**
 * The system that a simulated process finds around it: the real lease records and the real guardian's release run on it
 * unchanged.
 *
 * They call Node's own functions at once: files, processes, the clock, the guardian's requests. In the context of a
 * simulated process those functions are the simulation's; everybody else meets them as they are.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import childProcess from "node:child_process"
import crypto from "node:crypto"
import fs from "node:fs"
import http from "node:http"
import https from "node:https"
import { syncBuiltinESMExports } from "node:module"
import NodeProcess from "node:process"
import timers from "node:timers/promises"
import type * as Disk from "./Disk.ts"

/** A process as its own code meets it. */
export interface Os {
  readonly pid: number
  readonly now: () => number
  readonly disk: Disk.Sync
  /** When a living process started, in the system's words. */
  readonly startedAt: (pid: number) => string | undefined
  readonly spawn: (argv: ReadonlyArray<string>, env: object) => unknown
  readonly request: (url: URL, settings: object, onResponse: (response: unknown) => void) => unknown
  readonly sleep: (millis: number) => Promise<void>
  readonly abortAfter: (millis: number) => AbortSignal
  readonly uuid: () => string
}

const storage = new AsyncLocalStorage<Os>()
let running: Os | undefined

/** Runs a step of a process of the simulation. */
export const within = <A>(os: Os | undefined, step: () => A): A => {
  const before = running
  running = os
  try {
    return step()
  } finally {
    running = before
  }
}

/** Runs a program of promises as a process: what it awaits goes on in it. */
export const program = <A>(os: Os, main: () => Promise<A>): Promise<A> =>
  within(undefined, () => storage.run(os, main))

const current = () => running ?? storage.getStore()

type Arguments = ReadonlyArray<unknown>

const replace = (target: object, name: string, use: (os: Os, args: Arguments) => unknown) => {
  const original: unknown = Reflect.get(target, name)
  if (typeof original !== "function") throw new Error(`there is no ${name}`)
  Reflect.set(target, name, (...args: Array<unknown>): unknown => {
    const os = current()
    return os === undefined ? Reflect.apply(original, target, args) : use(os, args)
  })
}

const optionOf = (options: unknown, name: string): unknown =>
  typeof options === "object" && options !== null ? Reflect.get(options, name) : undefined

const missing = (path: string) =>
  Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" })

const zeros = "0 ".repeat(18)

/** `/proc/<pid>/stat`, as far as it is read. */
const statOf = (os: Os, path: string): string => {
  const startedAt = os.startedAt(Number(path.split("/")[2]))
  if (startedAt === undefined) throw missing(path)
  return `0 (node) S ${zeros}${startedAt}`
}

const descriptors = new Map<number, string>()

const files: Readonly<Record<string, (os: Os, args: Arguments) => unknown>> = {
  existsSync: (os, [path]) => os.disk.exists(String(path)),
  mkdirSync: () => undefined,
  chmodSync: () => undefined,
  readFileSync: (os, [path, options]) => {
    const name = String(path)
    if (name.startsWith("/proc/")) return statOf(os, name)
    const bytes = os.disk.read(name)
    return options === undefined ? bytes : new TextDecoder().decode(bytes)
  },
  writeFileSync: (os, [path, text, options]) =>
    os.disk.write(String(path), new TextEncoder().encode(String(text)), {
      isNew: String(optionOf(options, "flag") ?? "").includes("x"),
      isSynced: optionOf(options, "flush") === true
    }),
  renameSync: (os, [from, to]) => os.disk.rename(String(from), String(to)),
  rmSync: (os, [path, options]) => os.disk.remove(String(path), optionOf(options, "force") === true),
  linkSync: (os, [from, to]) => os.disk.link(String(from), String(to)),
  statSync: (os, [path]) => ({ mtimeMs: os.disk.changedAt(String(path)) }),
  readdirSync: (os, [path]) => os.disk.list(String(path)),
  openSync: (_, [path]) => {
    descriptors.set(7, String(path))
    return 7
  },
  fsyncSync: (os) => os.disk.syncNames(),
  closeSync: () => undefined
}

let isInstalled = false

/** Puts the simulation's functions in front of Node's, once. */
export const install = (): void => {
  if (isInstalled) return
  isInstalled = true
  for (const [name, use] of Object.entries(files)) replace(fs, name, use)
  replace(childProcess, "spawn", (os, [, argv, options]) => {
    const env = optionOf(options, "env")
    return os.spawn(
      Array.isArray(argv) ? argv.map(String) : [],
      typeof env === "object" && env !== null ? env : {}
    )
  })
  for (const client of [http, https])
    replace(client, "request", (os, [url, settings, onResponse]) =>
      os.request(
        new URL(String(url)),
        typeof settings === "object" && settings !== null ? settings : {},
        (response) => {
          if (typeof onResponse === "function") onResponse(response)
        }
      )
    )
  replace(timers, "setTimeout", (os, [millis]) => os.sleep(Number(millis)))
  replace(crypto, "randomUUID", (os) => os.uuid())
  replace(performance, "now", (os) => os.now())
  replace(AbortSignal, "timeout", (os, [millis]) => os.abortAfter(Number(millis)))
  replace(NodeProcess, "kill", (os, [pid]) => {
    if (os.startedAt(Number(pid)) === undefined)
      throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" })
    return true
  })
  const { pid } = NodeProcess
  Object.defineProperty(NodeProcess, "pid", {
    configurable: true,
    enumerable: true,
    get: () => current()?.pid ?? pid
  })
  const RealDate = Date
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: Array<unknown>, newTarget) => {
      const os = args.length === 0 ? current() : undefined
      return Reflect.construct(
        target,
        os === undefined ? args : [os.now()],
        newTarget === globalThis.Date ? target : newTarget
      )
    }
  })
  syncBuiltinESMExports()
}
