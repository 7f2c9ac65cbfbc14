import { assert, describe, it } from "@effect/vitest"
import { LeaseRecords } from "@stint/batch/node"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import * as fs from "node:fs"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const { faulty, guardians, make, records, secondsUntil } = LeaseWorld

const seconds = (what: string, took: number) => {
  assert.isBelow(took, 10, what)
  return Effect.sync(() => void process.stderr.write(`${what}: paused after ${took.toFixed(2)} s\n`))
}

const booting = World.emulator({ boot: "long", millis: 0 })
const working = World.emulator({ boot: "short", millis: 40 })

describe.concurrent("a guardian", () => {
  it.live("pauses the endpoint when its run is killed while it boots", () =>
    Effect.gen(function* () {
      const world = yield* make(10)
      const stint = yield* world.run()
      yield* stint.says("pending")
      yield* stint.kill("SIGKILL")
      yield* seconds("killed while booting", yield* secondsUntil("paused"))
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(booting))
  )

  it.live("pauses it when its run is killed in the middle, and never lets the token out", () =>
    Effect.gen(function* () {
      const world = yield* make(5000)
      const stint = yield* world.run()
      yield* World.started(100)
      const [guardian, ...more] = guardians(world.home)
      assert.deepStrictEqual(more, [])
      assert.include(guardian?.args, " guardian tester/batch")
      assert.notInclude(guardian?.args, "hf_test")
      assert.notInclude(guardian?.env, "hf_test")
      assert.notInclude(records(world.home).join(), "hf_test")
      yield* stint.kill("SIGKILL")
      yield* seconds("killed in the middle", yield* secondsUntil("paused"))
      yield* LeaseWorld.cleared(world.home)
      const log = LeaseWorld.files(world.home)["guardian.log"] ?? ""
      assert.include(log, "released: paused, read back from the API")
      assert.notInclude(log, "hf_test")
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("goes on with a release that its run did not live to see confirmed", () =>
    Effect.gen(function* () {
      const world = yield* make(5)
      const stint = yield* world.run()
      yield* stint.says("Pausing")
      yield* stint.kill("SIGKILL")
      yield* seconds("killed while releasing", yield* secondsUntil("paused"))
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(faulty([{ do: { pauseFails: 3 } }])))
  )

  it.live("leaves no process and no file after a clean release", () =>
    Effect.gen(function* () {
      const world = yield* make(20)
      const stint = yield* world.run()
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.deepStrictEqual(guardians(world.home), [])
      assert.deepStrictEqual(LeaseWorld.files(world.home), {})
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("never pauses a run that has taken the lease over, even in the middle of a call", () =>
    Effect.gen(function* () {
      const world = yield* make(40)
      const first = yield* world.run()
      yield* first.says("Ready after")
      yield* first.kill("SIGKILL")
      // The guardian's pause takes 3 seconds; the second run comes in the middle of them.
      const second = yield* world.other()
      assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
      assert.include(second.stderr(), "Ready after")
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(
      Effect.scoped,
      Effect.provide(faulty([{ on: { route: "pause", to: 1 }, do: { delay: "3 seconds" } }]))
    )
  )

  it.live("lets a run that waited go on, whenever its run is killed", () =>
    Effect.gen(function* () {
      const world = yield* make(400)
      const first = yield* world.run("--concurrency", "1")
      yield* World.started(5)
      const second = yield* world.other("--on-leased", "wait", "--concurrency", "256")
      yield* second.says("is leased by process")
      yield* Effect.sleep(Math.trunc(performance.now() % 500))
      yield* first.kill("SIGKILL")
      assert.deepStrictEqual(yield* second.end, { code: 0, signal: null })
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("only counts down while another run holds the endpoint; the last one out releases it", () =>
    Effect.gen(function* () {
      const world = yield* make(2000)
      const first = yield* world.run("--concurrency", "1")
      yield* World.started(5)
      const refused = yield* world.other()
      assert.deepStrictEqual(yield* refused.end, { code: 8, signal: null })
      assert.include(refused.stderr(), "is leased by process")
      const second = yield* world.other("--on-leased", "join", "--concurrency", "16")
      yield* second.says("Ready after")
      assert.strictEqual(guardians(world.home).length, 2)
      yield* first.kill("SIGKILL")
      yield* LeaseWorld.until(
        "one guardian is left",
        Effect.sync(() => guardians(world.home).length === 1)
      )
      assert.strictEqual(yield* World.state, "running")
      yield* second.kill("SIGINT")
      assert.deepStrictEqual(yield* second.end, { code: 130, signal: null })
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  for (const [what, harm] of [
    ["deleted with its folder", (home: string) => fs.rmSync(LeaseWorld.folder(home), { recursive: true })],
    ["damaged", (home: string) => LeaseWorld.recordFiles(home).forEach((file) => fs.truncateSync(file, 100))]
  ] as const) {
    it.live(`pauses it though its record was ${what} before its run was killed`, () =>
      Effect.gen(function* () {
        const world = yield* make(5000)
        const stint = yield* world.run()
        yield* World.started(50)
        harm(world.home)
        yield* stint.kill("SIGKILL")
        yield* secondsUntil("paused")
        yield* LeaseWorld.cleared(world.home)
        const log = LeaseWorld.files(world.home)["guardian.log"] ?? ""
        assert.include(log, `the record was ${what.split(" ")[0] === "deleted" ? "missing" : "damaged"}`)
        assert.include(log, "released: paused, read back from the API")
      }).pipe(Effect.scoped, Effect.provide(working))
    )
  }

  it.live("leaves an endpoint alone that its run had not touched, whatever became of the record", () =>
    Effect.gen(function* () {
      const world = yield* make(50)
      const { namespace, token, urls } = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
      yield* endpoints.create("batch", EndpointSpec.make(World.specJson))
      yield* endpoints.awaitReady("batch")
      const directory = LeaseWorld.folder(world.home)
      const leases = yield* LeaseRecords.make({ directory, guardian: { token } })
      const hold = yield* leases.claim({
        apiUrl: urls.management.href,
        namespace,
        name: "batch",
        policy: "pause",
        pricePerHour: undefined,
        whenLeased: "refuse"
      })
      fs.rmSync(directory, { recursive: true })
      assert.strictEqual(yield* hold.leave, "last")
      yield* hold.ended("it was not reached")
      yield* LeaseWorld.until(
        "the guardian said what it found",
        Effect.sync(() =>
          (LeaseWorld.files(world.home)["guardian.log"] ?? "").includes(
            "nothing had been done to the endpoint"
          )
        )
      )
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide([working, FetchHttpClient.layer]))
  )

  it.live("leaves an endpoint running that was to be kept", () =>
    Effect.gen(function* () {
      const world = yield* make(3000)
      const stint = yield* world.run("--on-release", "keep")
      yield* World.started(20)
      yield* stint.kill("SIGKILL")
      yield* LeaseWorld.cleared(world.home)
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  for (const found of ["running", "scaledToZero"] as const) {
    it.live(`restores an endpoint that was found ${found}`, () =>
      Effect.gen(function* () {
        const world = yield* make(3000)
        const { namespace, token, urls } = yield* Emulator.Emulator
        const endpoints = yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
        yield* endpoints.create("batch", EndpointSpec.make(World.specJson))
        yield* endpoints.awaitReady("batch")
        if (found === "scaledToZero") yield* endpoints.scaleToZero("batch")
        const stint = yield* world.run("--on-release", "restore")
        yield* World.started(20)
        yield* stint.kill("SIGKILL")
        yield* LeaseWorld.cleared(world.home)
        assert.strictEqual(yield* World.state, found)
      }).pipe(Effect.scoped, Effect.provide([working, FetchHttpClient.layer]))
    )
  }

  it.live("leaves a frozen run alone, which then goes on", () =>
    Effect.gen(function* () {
      const world = yield* make(200)
      const stint = yield* world.run("--concurrency", "8")
      yield* World.started(20)
      yield* stint.kill("SIGSTOP")
      yield* Effect.sleep("3 seconds")
      assert.strictEqual(yield* World.state, "running")
      yield* stint.kill("SIGCONT")
      assert.deepStrictEqual(yield* stint.end, { code: 0, signal: null })
      assert.strictEqual(yield* World.state, "paused")
    }).pipe(Effect.scoped, Effect.provide(working))
  )

  it.live("outlives what ends a terminal, and acts after it", () =>
    Effect.gen(function* () {
      const world = yield* make(3000)
      const stint = yield* world.run()
      yield* World.started(20)
      const [guardian] = guardians(world.home)
      assert.isDefined(guardian)
      // In a session of its own: what is sent to the run's group does not reach it at all.
      assert.strictEqual(LeaseWorld.sessionOf(guardian?.pid ?? 0), guardian?.pid)
      for (const signal of ["SIGHUP", "SIGINT"] as const) process.kill(guardian?.pid ?? 0, signal)
      yield* Effect.sleep("200 millis")
      yield* stint.kill("SIGKILL")
      yield* secondsUntil("paused")
    }).pipe(Effect.scoped, Effect.provide(working))
  )
})
