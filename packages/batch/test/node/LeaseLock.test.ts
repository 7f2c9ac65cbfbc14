import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path } from "effect"
import { spawn } from "node:child_process"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { fileURLToPath } from "node:url"
import * as File from "../../src/node/internal/leaseFile.ts"
import * as Lock from "../../src/node/internal/leaseLock.ts"
import * as Process from "../../src/node/internal/leaseProcess.ts"

const worker = fileURLToPath(new URL("leaseWorker.ts", import.meta.url))

/** A process that is gone: no system counts that far. */
const dead: Process.Identity = { ...Process.self(), pid: 999_999_999, startedAt: "1" }

const record = (generation: number): File.LeaseRecord => ({
  version: 1,
  id: "one",
  generation,
  apiUrl: "http://127.0.0.1/v2",
  namespace: "a",
  name: "b",
  policy: "pause",
  since: "2026-01-01T00:00:00.000Z",
  holders: [],
  facts: {},
  unconfirmed: undefined,
  history: []
})

class PowerCut extends Error {}

const touching = [
  "readFileSync",
  "writeFileSync",
  "linkSync",
  "renameSync",
  "rmSync",
  "statSync",
  "readdirSync",
  "openSync",
  "fsyncSync"
] as const

/** Runs until the file system is asked for the nth time; from then on nothing is done any more, as after a kill. */
const cutAt = (n: number, run: () => void): "finished" | "cut" => {
  const real = Object.fromEntries(touching.map((name) => [name, fs[name]]))
  let calls = 0
  for (const name of touching) {
    Object.assign(fs, {
      [name]: (...args: ReadonlyArray<unknown>) => {
        if (++calls >= n) throw new PowerCut()
        return Reflect.apply(real[name] ?? assert.fail, fs, args)
      }
    })
  }
  syncBuiltinESMExports()
  try {
    run()
    return calls >= n ? "cut" : "finished"
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
    return "cut"
  } finally {
    Object.assign(fs, real)
    syncBuiltinESMExports()
  }
}

const now = () => new Date().getTime()

/** What a process that dies somewhere in it does. */
const update = (file: string) => {
  const attempt = Lock.attempt(file, now(), dead)
  if (attempt._tag !== "Held") throw new Error("the lock of a dead process was not taken")
  File.write(file, record(2))
  attempt.release()
}

const inFolder = <A, E>(use: (file: string) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const directory = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    return yield* use((yield* Path.Path).join(directory, "a.json"))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

describe("the lock of a lease record", () => {
  it.live("is held by one at a time, and free after", () =>
    inFolder((file) =>
      Effect.sync(() => {
        const first = Lock.attempt(file, now())
        assert.strictEqual(first._tag, "Held")
        const second = Lock.attempt(file, now())
        assert.strictEqual(second._tag, "Busy")
        if (second._tag === "Busy") assert.strictEqual(second.holder?.pid, process.pid)
        if (first._tag === "Held") first.release()
        assert.strictEqual(Lock.attempt(file, now())._tag, "Held")
      })
    )
  )

  // One that is killed anywhere, after any number that were killed before it.
  for (const before of [0, 1, 2]) {
    it.live(`is not kept by a process that dies at any step, after ${before} that died holding it`, () =>
      inFolder((file) =>
        Effect.sync(() => {
          let steps = 0
          for (let n = 1, end: string = "cut"; end === "cut"; n++) {
            fs.rmSync(file, { recursive: true, force: true })
            for (const name of fs.readdirSync(file.slice(0, -7))) fs.rmSync(file.slice(0, -6) + name)
            File.write(file, record(1))
            // Each dies at the step that leaves most behind: between its claim to follow and the lock's place.
            for (let i = 0; i < before; i++) cutAt(i === 0 ? 4 : 7 + 2 * i, () => update(file))
            end = cutAt(n, () => update(file))
            const after = Lock.attempt(file, now())
            assert.strictEqual(after._tag, "Held", `step ${n}`)
            const reading = File.read(file)
            assert.strictEqual(reading._tag, "Found", `step ${n}`)
            if (after._tag === "Held") after.release()
            steps++
          }
          assert.isAbove(steps, 8)
        })
      )
    )
  }

  it.live(
    "counts right when many processes count at once and some are killed",
    () =>
      inFolder((file) =>
        Effect.gen(function* () {
          fs.writeFileSync(file, "0")
          const work = (times: number, killAfter: number | undefined) =>
            Effect.callback<{ readonly dots: number; readonly isKilled: boolean }>((resume) => {
              const child = spawn(process.execPath, [worker, file, String(times)], {
                stdio: ["ignore", "pipe", "inherit"]
              })
              let dots = 0
              child.stdout.on("data", (data: Buffer) => {
                dots += data.length
                if (killAfter !== undefined && dots >= killAfter) child.kill("SIGKILL")
              })
              child.on("close", (_, signal) => resume(Effect.succeed({ dots, isKilled: signal !== null })))
            })
          const all = yield* Effect.all(
            [work(30, undefined), work(30, undefined), work(1000, 5), work(1000, 11)],
            {
              concurrency: "unbounded"
            }
          )
          const said = all.reduce((sum, { dots }) => sum + dots, 0)
          const killed = all.filter(({ isKilled }) => isKilled).length
          const counted = Number(fs.readFileSync(file, "utf8"))
          assert.strictEqual(killed, 2)
          assert.isAtLeast(counted, said)
          assert.isAtMost(counted, said + killed)
        })
      ),
    60_000
  )
})
