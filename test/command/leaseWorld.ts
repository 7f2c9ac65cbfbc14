/**
 * What leases leave on a machine: records in a folder, guardians among the processes.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Emulator, Scenario } from "@stint/emulator"
import { Clock, Effect, Layer, Schedule } from "effect"
import * as fs from "node:fs"
import * as net from "node:net"
import * as path from "node:path"
import * as World from "./commandWorld.ts"

const read = (file: string) => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** A process with its command line and its environment, as the kernel has them. */
export interface Seen {
  readonly pid: number
  readonly args: string
  readonly env: string
}

/** The guardians of the runs whose home that is. */
export const guardians = (home: string): ReadonlyArray<Seen> =>
  fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      args: read(`/proc/${name}/cmdline`).replaceAll("\0", " "),
      env: read(`/proc/${name}/environ`)
    }))
    .filter(({ args, env }) => args.includes(" guardian ") && env.split("\0").includes(`HOME=${home}`))

/** The session that a process belongs to. */
export const sessionOf = (pid: number): number => {
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3])
}

/** Where the records are. */
export const folder = (home: string) => path.join(home, ".local/state/stint/leases")

/** The files beside and among the lease records, by name, with what they hold. */
export const files = (home: string): Readonly<Record<string, string>> =>
  fs.existsSync(folder(home))
    ? Object.fromEntries(
        fs.readdirSync(folder(home)).map((name) => [name, read(path.join(folder(home), name))])
      )
    : {}

/** The texts of the records. */
export const records = (home: string): ReadonlyArray<string> =>
  Object.entries(files(home)).flatMap(([name, text]) => (name.endsWith(".json") ? [text] : []))

/** The records, by where they are. */
export const recordFiles = (home: string): ReadonlyArray<string> =>
  Object.keys(files(home)).flatMap((name) => (name.endsWith(".json") ? [path.join(folder(home), name)] : []))

/** Waits until something is so. */
export const until = <E, R>(what: string, check: Effect.Effect<boolean, E, R>) =>
  check.pipe(
    Effect.repeat({ until: (isSo) => isSo, schedule: Schedule.spaced("20 millis") }),
    Effect.timeoutOrElse({ duration: "40 seconds", orElse: () => Effect.die(`waited in vain: ${what}`) })
  )

/** Waits until the endpoint is in that state; answers how many seconds it took. */
export const secondsUntil = Effect.fnUntraced(function* (state: string) {
  const from = yield* Clock.currentTimeMillis
  yield* until(
    `the endpoint is ${state}`,
    Effect.map(World.state, (now) => now === state)
  )
  return ((yield* Clock.currentTimeMillis) - from) / 1000
})

/** Waits until nobody guards and no record is left. */
export const cleared = (home: string) =>
  until(
    "no guardian and no record",
    Effect.sync(() => guardians(home).length === 0 && records(home).length === 0)
  )

/** A way to the API that can be cut. */
export const cable = Effect.fnUntraced(function* (to: URL) {
  let isCut = false
  const sockets = new Set<net.Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const server = net.createServer((near) => {
        if (isCut) return near.destroy()
        const far = net.connect(Number(to.port), to.hostname)
        for (const socket of [near, far]) {
          sockets.add(socket)
          socket
            .on("error", () => undefined)
            .on("close", () => {
              sockets.delete(socket)
              near.destroy()
              far.destroy()
            })
        }
        return near.pipe(far).pipe(near)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: new URL(to.pathname, `http://127.0.0.1:${port}`),
    set: (cut: boolean) =>
      Effect.sync(() => {
        isCut = cut
        if (cut) for (const socket of sockets) socket.destroy()
      })
  }
})

/** A run of so many rows on the endpoint `batch`, with an output folder of its own where it is a second one. */
export const make = Effect.fnUntraced(function* (rows: number) {
  const world = yield* World.make(rows)
  const home = world.env.HOME
  const args = ["run", world.input, "--endpoint", "batch", "--spec", world.spec, "--job", "embed"]
  const other = (...more: ReadonlyArray<string>) => world.stint(...args, "--out", `${world.out}-2`, ...more)
  // What a test leaves behind must not go on without it.
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { pid } of guardians(home)) process.kill(pid, "SIGKILL")
    })
  )
  return { ...world, home, args, other }
})

/** The emulator with faults. */
export const faulty = (rules: ReadonlyArray<unknown>) =>
  Layer.unwrap(
    Effect.map(Effect.orDie(Scenario.fromText(JSON.stringify({ rules }))), (scenario) =>
      Emulator.layerServer({ token: "hf_test", namespace: "tester", boot: "300 millis", scenario }).pipe(
        Layer.provideMerge(NodeServices.layer)
      )
    )
  )
