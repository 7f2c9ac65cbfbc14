import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Sweep } from "@stint/batch/node"
import { Emulator } from "@stint/emulator"
import { Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const emulator = Layer.merge(World.emulator({ boot: "short", millis: 40 }), FetchHttpClient.layer)

const client = Effect.gen(function* () {
  const { namespace, token, urls } = yield* Emulator.Emulator
  return yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
})

/** A run that was killed, its guardian off: an endpoint that bills for nobody. */
const orphaned = Effect.fnUntraced(function* (...more: ReadonlyArray<string>) {
  const world = yield* World.make(3000)
  const run = yield* world.run("--no-guardian", ...more)
  yield* World.started(20)
  yield* run.kill("SIGKILL")
  yield* run.end
  return world
})

describe.concurrent("stint sweep", () => {
  it.live("releases what a killed run left, once it may, and clears its record away", () =>
    Effect.gen(function* () {
      const world = yield* orphaned()
      const dry = yield* world.stint("sweep", "--dry-run")
      assert.strictEqual((yield* dry.end).code, 0)
      assert.match(dry.stdout(), /tester\/batch {2}running {2}found by record .* to be released \(pause\)/)

      const lines = yield* world.stint("sweep", "--dry-run", "--json")
      assert.strictEqual((yield* lines.end).code, 0)
      assert.match(
        lines.stdout(),
        /^\{"endpoint":"tester\/batch","outcome":"toRelease",.*"state":"running","foundBy":"record","policy":"pause","since":".*\}\n$/
      )

      const asked = yield* world.stint("sweep")
      assert.strictEqual((yield* asked.end).code, 2)
      assert.include(asked.stdout(), "tester/batch")
      assert.include(asked.stderr(), "--yes")
      assert.strictEqual(yield* World.state, "running")

      const sweep = yield* world.stint("sweep", "--yes", "--quiet")
      assert.strictEqual((yield* sweep.end).code, 0)
      assert.match(sweep.stdout(), /^tester\/batch .* released: paused, read back from the API\n$/)
      assert.strictEqual(yield* World.state, "paused")
      assert.deepStrictEqual(LeaseWorld.records(world.env.HOME), [])

      const again = yield* world.stint("sweep", "--yes", "--quiet")
      assert.strictEqual((yield* again.end).code, 0)
      assert.strictEqual(again.stdout(), "")
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live(
    "leaves alone what was changed since, but says so aloud and ends with 5, until --force says to release it",
    () =>
      Effect.gen(function* () {
        const world = yield* orphaned()
        const { setState } = yield* Emulator.Emulator
        const endpoints = yield* client
        yield* setState("batch", "paused")
        yield* endpoints.resume("batch")
        yield* endpoints.awaitReady("batch")
        const sweep = yield* world.stint("sweep", "--yes", "--quiet")
        assert.strictEqual((yield* sweep.end).code, 5)
        assert.match(
          sweep.stdout(),
          /^tester\/batch {2}running .* LEFT AWAKE.*: changed .*stint sweep --force\n$/
        )
        assert.strictEqual(yield* World.state, "running")
        const forced = yield* world.stint("sweep", "--yes", "--force")
        assert.strictEqual((yield* forced.end).code, 0)
        assert.include(forced.stdout(), "released: paused, read back from the API")
        assert.strictEqual(yield* World.state, "paused")
        assert.deepStrictEqual(LeaseWorld.records(world.env.HOME), [])
      }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("ends with 5 while a record is damaged, and says what to do about it; so does stint leases", () =>
    Effect.gen(function* () {
      const world = yield* orphaned()
      const names = Object.keys(LeaseWorld.files(world.env.HOME))
      const name = names.find((one) => one.endsWith(".json")) ?? ""
      yield* world.write(`${LeaseWorld.folder(world.env.HOME)}/${name}`, "{")
      for (const args of [["sweep", "--yes", "--quiet"], ["leases"], ["leases", "--json"]]) {
        const stint = yield* world.stint(...args)
        assert.strictEqual((yield* stint.end).code, 5, args.join(" "))
        assert.include(stint.stderr(), name)
        assert.match(
          stint.stderr(),
          /DAMAGED.*MAY STILL BE BILLING.*pause what runs for nobody, then delete the file/
        )
      }
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("brings a release to its end when a signal comes, and says nothing that is not so", () =>
    Effect.gen(function* () {
      const world = yield* LeaseWorld.make(3000)
      const run = yield* world.run("--no-guardian")
      yield* run.says("Ready after")
      yield* run.kill("SIGKILL")
      yield* run.end
      const sweep = yield* world.stint("sweep", "--yes")
      yield* sweep.says("not confirmed yet")
      yield* sweep.kill("SIGINT")
      yield* sweep.says("SIGINT: the release that has begun is brought to its end")
      assert.deepStrictEqual(yield* sweep.end, { code: 130, signal: null })
      assert.notInclude(sweep.stderr(), "nothing was woken")
      assert.include(sweep.stdout(), "released: paused, read back from the API")
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(
      Effect.scoped,
      Effect.provide(LeaseWorld.faulty([{ on: { route: "pause", to: 3 }, do: { status: 500, body: {} } }]))
    )
  )

  it.live(
    "that is left with the third signal says what may go on billing, ends with 5, and leaves a guardian",
    () =>
      Effect.gen(function* () {
        const world = yield* LeaseWorld.make(3000)
        const run = yield* world.run("--no-guardian")
        yield* run.says("Ready after")
        yield* run.kill("SIGKILL")
        yield* run.end
        const sweep = yield* world.stint("sweep", "--yes")
        yield* sweep.says("not confirmed yet")
        yield* sweep.kill("SIGINT")
        yield* sweep.says("SIGINT: ")
        yield* sweep.kill("SIGTERM")
        yield* sweep.says("SIGTERM: ")
        yield* sweep.kill("SIGHUP")
        assert.deepStrictEqual(yield* sweep.end, { code: 5, signal: null })
        assert.notInclude(sweep.stderr(), "No endpoint is awake")
        assert.match(
          sweep.stderr(),
          /batch MAY STILL BE BILLING.*stint endpoints pause batch --namespace tester/
        )
        yield* LeaseWorld.secondsUntil("paused")
        yield* LeaseWorld.cleared(world.home)
      }).pipe(
        Effect.scoped,
        Effect.provide(LeaseWorld.faulty([{ on: { route: "pause", to: 8 }, do: { status: 500, body: {} } }]))
      )
  )

  it.live("leaves alone what a living process holds", () =>
    Effect.gen(function* () {
      const world = yield* World.make(30_000)
      const run = yield* world.run()
      yield* World.started(20)
      const sweep = yield* world.stint("sweep", "--yes", "--idle", "0s")
      assert.strictEqual((yield* sweep.end).code, 0)
      assert.match(sweep.stdout(), /not looked at .*left alone: held by process \d+/)
      assert.strictEqual(yield* World.state, "running")
      yield* run.kill("SIGINT")
      assert.strictEqual((yield* run.end).code, 130)
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("finds by its tag what a machine created that is gone, unless it was used of late", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const endpoints = yield* client
      const spec = EndpointSpec.make(World.specJson)
      yield* endpoints.create("batch", { ...spec, tags: ["stint"] })
      yield* endpoints.create("other", spec)
      yield* endpoints.awaitReady("batch")
      yield* endpoints.awaitReady("other")
      const early = yield* world.stint("sweep", "--yes")
      assert.strictEqual((yield* early.end).code, 0)
      assert.include(early.stdout(), "a run on another machine may hold it")
      assert.strictEqual(yield* World.state, "running")
      const sweep = yield* world.stint("sweep", "--yes", "--idle", "0s")
      assert.strictEqual((yield* sweep.end).code, 0)
      assert.match(
        sweep.stdout(),
        /tester\/batch {2}running {2}found by tag .*\$0\.033\/h {2}released: paused/
      )
      assert.strictEqual(yield* World.state, "paused")
      assert.strictEqual((yield* endpoints.get("other")).state, "running")
      assert.deepStrictEqual(LeaseWorld.records(world.env.HOME), [])
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("leaves alone by its tag what boots, however short a time --idle says", () =>
    Effect.gen(function* () {
      const world = yield* World.make(0)
      const endpoints = yield* client
      yield* endpoints.create("batch", { ...EndpointSpec.make(World.specJson), tags: ["stint"] })
      const sweep = yield* world.stint("sweep", "--yes", "--idle", "0s")
      assert.strictEqual((yield* sweep.end).code, 0)
      assert.match(sweep.stdout(), /(pending|initializing) .*found by tag .*left alone: /)
      assert.notStrictEqual(yield* World.state, "paused")
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(World.emulator({ boot: "long", millis: 0 }), FetchHttpClient.layer))
    )
  )

  it.live("clears the record of an orphan that was to be kept, and leaves it running", () =>
    Effect.gen(function* () {
      const world = yield* orphaned("--on-release", "keep")
      const sweep = yield* world.stint("sweep", "--yes")
      assert.strictEqual((yield* sweep.end).code, 0)
      assert.include(sweep.stdout(), "record cleared: left as it is: its policy was keep")
      assert.strictEqual(yield* World.state, "running")
      assert.deepStrictEqual(LeaseWorld.records(world.env.HOME), [])
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("keeps the record of what could not be confirmed, and says what stands in the way", () =>
    Effect.gen(function* () {
      const world = yield* LeaseWorld.make(3000)
      const run = yield* world.run("--no-guardian")
      yield* run.says("Ready after")
      yield* run.kill("SIGKILL")
      yield* run.end
      const directory = LeaseWorld.folder(world.home)
      const result = yield* Effect.gen(function* () {
        const { candidates } = yield* Sweep.plan({ directory })
        assert.strictEqual(candidates.length, 1)
        const [candidate] = candidates
        return candidate && (yield* Sweep.sweep(candidate, { directory, releaseTimeout: "1 second" }))
      }).pipe(Effect.provideServiceEffect(Endpoints.Endpoints, client))
      assert.strictEqual(result?._tag, "Unconfirmed")
      const listed = yield* world.stint("leases")
      assert.strictEqual((yield* listed.end).code, 0)
      assert.match(listed.stdout(), /^tester\/batch +unconfirmed +none /m)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(LeaseWorld.faulty([{ do: { pauseFails: 1000 } }]), FetchHttpClient.layer))
    )
  )
})
