import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { LeaseRecords } from "@stint/batch/node"
import { Endpoints, EndpointSpec, Policy } from "@stint/core"
import { Emulator, Scenario } from "@stint/emulator"
import { Clock, Duration, Effect, FileSystem, Layer, Schedule, Schema } from "effect"
import { Command } from "effect/cli"
import { catalog } from "../../packages/cli/src/commands/catalog.ts"
import { endpoints } from "../../packages/cli/src/commands/endpoints.ts"
import { hardware } from "../../packages/cli/src/commands/hardware.ts"
import { dollars } from "../../packages/cli/src/EndpointPrice.ts"
import { nearest } from "../../packages/cli/src/EndpointMissing.ts"
import * as Age from "../../packages/cli/src/ui/Age.ts"
import * as Table from "../../packages/cli/src/ui/Table.ts"
import * as CommandHere from "../../packages/cli/test/commandHere.ts"

const command = Command.make("stint").pipe(Command.withSubcommands([endpoints, hardware, catalog]))

/** An emulator without sockets whose endpoints boot at once, and the client on it. */
const world = (options: Emulator.Options = {}) =>
  Layer.provideMerge(
    Emulator.layerEndpoints,
    Layer.merge(Emulator.layerMemory({ boot: "20 millis", ...options }), NodeServices.layer)
  )

/** The command with these arguments: what it prints on both streams, and its exit code. */
const stintIn = Effect.fnUntraced(function* (more: Record<string, string>, ...args: ReadonlyArray<string>) {
  const { urls } = yield* Emulator.Emulator
  const env = {
    ...(yield* CommandHere.environment),
    STINT_CATALOG_URL: urls.catalog.href,
    // No records but those of a test.
    XDG_STATE_HOME: "/nowhere",
    ...more
  }
  const { ended } = yield* CommandHere.make(command, args, { env })
  return yield* Effect.provideService(ended, Policy.CurrentTransient, Schedule.recurs(0))
})

const stint = (...args: ReadonlyArray<string>) => stintIn({}, ...args)

const cpu = {
  repository: "stint/test",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
}

const create = Effect.fnUntraced(function* (name: string, more: Partial<EndpointSpec.Input> = {}) {
  const service = yield* Endpoints.Endpoints
  yield* service.create(name, EndpointSpec.make({ ...cpu, ...more }))
})

const running = (name: string, more?: Partial<EndpointSpec.Input>) =>
  Effect.andThen(
    create(name, more),
    Effect.flatMap(Endpoints.Endpoints, (service) => service.awaitReady(name))
  ).pipe(Effect.provideService(Policy.CurrentPolling, Schedule.spaced("10 millis")))

const states = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => Object.fromEntries(all.map(({ name, state }) => [name, state])))
)

/** The calls of the management API that change something. */
const changes = Effect.flatMap(Emulator.Emulator, ({ log }) =>
  Effect.map(log, (records) => records.filter(({ method }) => method !== "GET").length)
)

const Raw = Schema.Struct({
  name: Schema.String,
  status: Schema.Struct({ state: Schema.String }),
  stint: Schema.optionalKey(
    Schema.Struct({
      namespace: Schema.String,
      pricePerHour: Schema.NullOr(Schema.Finite),
      pricePerHourNow: Schema.NullOr(Schema.Finite)
    })
  )
})
const one = Schema.decodeEffect(Schema.fromJsonString(Raw))
const many = Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Raw)))
const outcomes = Schema.decodeEffect(
  Schema.fromJsonString(
    Schema.Array(
      Schema.Struct({ name: Schema.String, ok: Schema.Boolean, state: Schema.NullOr(Schema.String) })
    )
  )
)

describe("stint endpoints", () => {
  it.live("list: has all pages, what each costs now and the sum of it", () =>
    Effect.gen(function* () {
      yield* running("awake", { tags: ["stint"] })
      yield* Effect.forEach(
        Array.from({ length: 24 }, (_, i) => `asleep-${i}`),
        (name) =>
          Effect.andThen(
            create(name),
            Effect.flatMap(Endpoints.Endpoints, (_) => _.pause(name))
          )
      )
      const table = yield* stint("endpoints", "list")
      assert.strictEqual(table.code, 0, table.cause)
      assert.strictEqual(table.out.split("\n").length, 26)
      assert.match(
        table.out,
        /^awake +running +0\.033 +aws intel-spr x1 +stint\/test +\d+s +emulator +stint$/m
      )
      assert.match(table.out, /^asleep-3 +paused +0 /m)
      assert.strictEqual(table.err, "25 endpoints, 1 billed: $0.033 an hour now.")
      const json = yield* many((yield* stint("endpoints", "list", "--json")).out)
      assert.strictEqual(json.length, 25)
      const found = json.find(({ name }) => name === "awake")
      assert.deepStrictEqual(found?.stint, {
        namespace: "emulator",
        pricePerHour: 0.033,
        pricePerHourNow: 0.033
      })
      const tagged = yield* many((yield* stint("endpoints", "list", "--tag", "stint", "--json")).out)
      assert.deepStrictEqual(
        tagged.map(({ name }) => name),
        ["awake"]
      )
      const paused = yield* many((yield* stint("endpoints", "list", "--state", "paused", "--json")).out)
      assert.strictEqual(paused.length, 24)
      const none = yield* stint("endpoints", "list", "--search", "nothing")
      assert.deepStrictEqual([none.code, none.out], [0, ""])
      assert.include(none.err, "no such endpoint in emulator")
    }).pipe(Effect.provide(world()))
  )

  it.live("get: what it waits for, and the server's own JSON; a wrong name is told the right one", () =>
    Effect.gen(function* () {
      yield* create("batch-embed")
      yield* Effect.flatMap(Endpoints.Endpoints, (_) => _.pause("batch-embed"))
      const shown = yield* stint("endpoints", "get", "batch-embed")
      assert.match(shown.out, /^state +paused$/m)
      assert.match(shown.out, /^waits for +a resume/m)
      assert.match(shown.out, /^cost +nothing now; \$0\.033 an hour a replica$/m)
      assert.match(shown.out, /^scaling +0 to 1 replica, asleep after 15 minutes/m)
      const raw = yield* one((yield* stint("endpoints", "get", "batch-embed", "--json")).out)
      assert.strictEqual(raw.status.state, "paused")
      assert.isUndefined(raw.stint)
      const wrong = yield* stint("endpoints", "get", "batch-embd")
      assert.strictEqual(wrong.code, 6)
      assert.include(wrong.cause, 'Did you mean "batch-embed"?')
    }).pipe(Effect.provide(world()))
  )

  it.live("create: from flags, says the price and what stops it; --wait gives the URL", () =>
    Effect.gen(function* () {
      const flags =
        "--repository stint/test --vendor aws --region us-east-1 --instance-type intel-spr --instance-size x1"
      const more = "--max-replica 2 --env A=b=c --task feature-extraction --wait"
      const made = yield* stint("endpoints", "create", "batch", ...flags.split(" "), ...more.split(" "))
      assert.strictEqual(made.code, 0, made.cause)
      assert.include(made.err, "$0.033 an hour a replica, at most $0.066 with 2; it falls asleep by itself")
      assert.include(made.err, "To stop it: stint endpoints pause batch")
      assert.match(made.out, /^http:/)
      const { endpoints } = yield* Emulator.Emulator
      const [endpoint] = yield* endpoints
      assert.strictEqual(endpoint?.compute?.accelerator, "cpu")
      assert.deepStrictEqual(endpoint?.model?.env, { A: "b=c" })
    }).pipe(Effect.provide(world()))
  )

  it.live("create: from a file, whose fields the flags win over", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const spec = yield* fs.makeTempFileScoped()
      yield* fs.writeFileString(spec, JSON.stringify({ ...cpu, maxReplica: 3 }))
      const made = yield* stint(
        "endpoints",
        "create",
        "batch",
        "--spec",
        spec,
        "--instance-size",
        "x2",
        "--json"
      )
      assert.strictEqual(made.code, 0, made.cause)
      assert.strictEqual((yield* one(made.out)).name, "batch")
      const [endpoint] = yield* (yield* Emulator.Emulator).endpoints
      assert.strictEqual(endpoint?.compute?.instanceSize, "x2")
      assert.strictEqual(endpoint?.compute?.scaling?.maxReplica, 3)
      yield* fs.writeFileString(spec, JSON.stringify({ ...cpu, maxReplicas: 3 }))
      const misspelt = yield* stint("endpoints", "create", "other", "--spec", spec)
      assert.strictEqual(misspelt.code, 2)
      assert.include(misspelt.cause, "maxReplicas")
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("create: sends nothing where the hardware is not said or not there, and suggests what is", () =>
    Effect.gen(function* () {
      const base = ["endpoints", "create", "batch", "--repository", "stint/test"]
      const open = yield* stint(...base, "--instance-type", "nvidia-l4", "--instance-size", "x1")
      assert.strictEqual(open.code, 2)
      assert.match(open.cause, /give --vendor, --region.*gcp us-east4 nvidia-l4 x1 \(\$0\.7\/h\); aws/)
      const place = ["--vendor", "aws", "--region", "us-east-1"]
      const unknown = yield* stint(...base, ...place, "--instance-type", "nvidia-l5", "--instance-size", "x1")
      assert.strictEqual(unknown.code, 2)
      assert.match(unknown.cause, /has no instance "nvidia-l5".*Near it: aws us-east-1/)
      const never = yield* stint(...base, "--scale-to-zero-timeout", "never")
      assert.strictEqual(never.code, 2)
      assert.include(never.cause, "--min-replica 1")
      assert.strictEqual(yield* changes, 0)
    }).pipe(Effect.provide(world()))
  )

  it.live("update: changes what is given and nothing else, and never the place", () =>
    Effect.gen(function* () {
      yield* running("batch", { maxReplica: 2, scaleToZeroTimeout: Duration.minutes(20) })
      const changed = yield* stint("endpoints", "update", "batch", "--max-replica", "3", "--wait")
      assert.strictEqual(changed.code, 0, changed.cause)
      assert.include(
        changed.err,
        "changed: maxReplica. Cost: $0.033 an hour now, 1 replica; at most $0.099 with 3."
      )
      const [endpoint] = yield* (yield* Emulator.Emulator).endpoints
      const { maxReplica, minReplica, scaleToZeroTimeout } = endpoint?.compute?.scaling ?? {}
      assert.deepStrictEqual([minReplica, maxReplica, scaleToZeroTimeout], [0, 3, 20])
      const before = yield* changes
      const moved = yield* stint("endpoints", "update", "batch", "--region", "eu-west-1")
      assert.strictEqual(moved.code, 2)
      assert.include(moved.cause, 'stays in its region (us-east-1), and "eu-west-1" is another')
      assert.strictEqual((yield* stint("endpoints", "update", "batch")).code, 2)
      assert.strictEqual(yield* changes, before)
    }).pipe(Effect.provide(world()))
  )

  it.live("pause: all that are named, whatever becomes of one, and says what the server says", () =>
    Effect.gen(function* () {
      yield* running("a")
      yield* running("b")
      const paused = yield* stint("endpoints", "pause", "a", "c", "b", "a")
      assert.strictEqual(paused.code, 6)
      assert.deepStrictEqual(yield* states, { a: "paused", b: "paused" })
      assert.match(paused.out, /^a: paused, nothing is billed\. To start it: stint endpoints resume a$/m)
      assert.strictEqual(paused.out.split("\n").length, 2)
      assert.include(paused.err, 'c: There is no endpoint "c"')
      const again = yield* stint("endpoints", "pause", "a", "b", "--json")
      assert.strictEqual(again.code, 0)
      assert.deepStrictEqual(yield* outcomes(again.out), [
        { name: "a", ok: true, state: "paused" },
        { name: "b", ok: true, state: "paused" }
      ])
    }).pipe(Effect.provide(world()))
  )

  it.live("pause: one that cannot be confirmed may still be billed, which is code 5", () =>
    Effect.gen(function* () {
      yield* running("a")
      const paused = yield* stint("endpoints", "pause", "a")
      assert.strictEqual(paused.code, 5)
      assert.include(paused.err, "a: MAY STILL BE BILLED")
      assert.strictEqual(paused.out, "")
    }).pipe(Effect.provide(world({ scenario: Scenario.make({ rules: [{ do: { pauseFails: 9 } }] }) })))
  )

  it.live("resume and scale-to-zero: awake when it answers, asleep without a bill", () =>
    Effect.gen(function* () {
      yield* create("a")
      yield* stint("endpoints", "pause", "a")
      const resumed = yield* stint("endpoints", "resume", "a", "--wait")
      assert.strictEqual(
        resumed.out,
        "a: running, $0.033 an hour a replica. To stop it: stint endpoints pause a"
      )
      const asleep = yield* stint("endpoints", "scale-to-zero", "a")
      assert.strictEqual(asleep.out, "a: scaledToZero, nothing is billed until a request wakes it")
      assert.deepStrictEqual(yield* states, { a: "scaledToZero" })
    }).pipe(Effect.provide(world()))
  )

  it.live("delete: does nothing without --yes where nobody can be asked", () =>
    Effect.gen(function* () {
      yield* create("a")
      const refused = yield* stint("endpoints", "delete", "a")
      assert.strictEqual(refused.code, 2)
      assert.include(refused.cause, "--yes")
      assert.deepStrictEqual(Object.keys(yield* states), ["a"])
      const deleted = yield* stint("endpoints", "delete", "a", "--yes")
      assert.deepStrictEqual([deleted.code, deleted.out], [0, "a: deleted"])
      assert.deepStrictEqual(yield* states, {})
    }).pipe(Effect.provide(world()))
  )

  it.live("wait: prints the URL when it answers, and ends with code 6 when the time is up", () =>
    Effect.gen(function* () {
      yield* create("a")
      const ready = yield* stint("endpoints", "wait", "a")
      assert.strictEqual(ready.code, 0, ready.cause)
      assert.match(ready.out, /^http:/)
      assert.match(ready.err, /^a: running, 1 of 1 ready: Endpoint is ready$/m)
      const late = yield* stint("endpoints", "wait", "a", "--state", "paused", "--timeout", "50ms")
      assert.strictEqual(late.code, 6)
      assert.match(late.cause, /"a" is "running" after [\d.]+s, not "paused"/)
    }).pipe(Effect.provide(world()))
  )

  it.live("logs, replicas and metrics: what was written, what there is, what was measured", () =>
    Effect.gen(function* () {
      yield* running("a")
      const end = yield* stint("endpoints", "logs", "a", "--tail", "1")
      assert.strictEqual(end.out.split("\n").length, 1)
      const found = yield* stint("endpoints", "logs", "a", "--search", "STARTUP", "--json")
      assert.match(found.out, /^\{.*"line":"Application startup complete/)
      const replicas = yield* stint("endpoints", "replicas", "a")
      assert.match(replicas.out, /^\w+ +running +yes$/m)
      const metrics = yield* stint("endpoints", "metrics", "a", "--last", "10m")
      assert.strictEqual(metrics.code, 0, metrics.cause)
      assert.match(metrics.out, /^replicas +running +1 /m)
      const open = yield* stint("endpoints", "metrics", "a", "--open-metrics")
      assert.include(open.out, "# TYPE")
    }).pipe(Effect.provide(world()))
  )

  it.live("a token that is refused is told what to do", () =>
    Effect.gen(function* () {
      const refused = yield* stint("endpoints", "list", "--namespace", "somebody-else")
      assert.strictEqual(refused.code, 6)
      assert.include(refused.cause, "Set HF_TOKEN to a valid token")
    }).pipe(Effect.provide(world()))
  )
})

describe("stint hardware and catalog", () => {
  const Instances = Schema.fromJsonString(
    Schema.Array(
      Schema.Struct({
        vendor: Schema.String,
        accelerator: Schema.NullOr(Schema.String),
        acceleratorMemory: Schema.NullOr(Schema.Finite),
        pricePerHour: Schema.NullOr(Schema.Finite),
        deployable: Schema.Boolean
      })
    )
  )

  it.live("hardware: cheapest first, and only what is asked for", () =>
    Effect.gen(function* () {
      const all = yield* Schema.decodeEffect(Instances)((yield* stint("hardware", "--json")).out)
      const prices = all.map(({ pricePerHour }) => pricePerHour ?? Infinity)
      assert.deepStrictEqual(
        prices,
        prices.toSorted((a, b) => a - b)
      )
      const args = [
        "hardware",
        "--accelerator",
        "gpu",
        "--vendor",
        "aws",
        "--min-gpu-memory",
        "40",
        "--available"
      ]
      const some = yield* Schema.decodeEffect(Instances)((yield* stint(...args, "--json")).out)
      assert.isTrue(some.length > 0 && some.length < all.length)
      for (const one of some) {
        assert.isTrue(one.vendor === "aws" && one.accelerator === "gpu" && one.deployable)
        assert.isAtLeast(one.acceleratorMemory ?? 0, 40)
      }
      const table = yield* stint(...args)
      assert.strictEqual(table.out.split("\n").length, some.length + 1)
      assert.include((yield* stint("hardware", "--max-price", "0.001")).err, "None of the")
    }).pipe(Effect.provide(world()))
  )

  it.live("catalog: the names that have the query in them", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* stint("catalog", "QWEN")).out, "Qwen/Qwen2.5-7B-Instruct")
      assert.strictEqual((yield* stint("catalog", "no-such", "--json")).out, "[]")
    }).pipe(Effect.provide(world()))
  )
})

describe("what the tables are made of", () => {
  it("a table fits into its width: cut where it may be, then without its least columns", () => {
    const headings = ["name", "model", "by"]
    const rows = [
      ["a", "meta-llama/Llama-3.1-8B-Instruct", "somebody"],
      ["bcd", "x", "y"]
    ]
    const format = (width: number | undefined) =>
      Table.fit(headings, rows, { width, cut: { model: 6 }, drop: ["by"], keepEnd: ["model"], right: ["by"] })
    assert.include(format(undefined), "meta-llama/Llama-3.1-8B-Instruct  somebody")
    for (const width of [12, 20, 24, 30, 40]) {
      for (const line of format(width).split("\n")) assert.isAtMost(line.length, width)
    }
    assert.include(format(24), "…nstruct")
    assert.notInclude(format(12), "somebody")
    assert.match(format(undefined), /x +y$/m)
  })

  it("names near a name are a few letters off or a part of it", () => {
    const names = ["batch-embed", "batch-chat", "x"]
    assert.deepStrictEqual(nearest("batch-embd", names), ["batch-embed"])
    assert.deepStrictEqual(nearest("chat", names), ["batch-chat"])
    assert.deepStrictEqual(nearest("quite-another", names), [])
  })

  it.effect("ages and amounts are short and exact enough", () =>
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      assert.strictEqual(Age.format(undefined, now), "-")
      const at = Date.UTC(2026, 0, 10)
      assert.strictEqual(Age.format("2026-01-07T00:00:00.123456789Z", at), "2d")
      assert.strictEqual(Age.format("2026-01-09T23:59:15Z", at), "45s")
      assert.deepStrictEqual([0.033, 0.8, 20, 1.6, 0.067 * 3].map(dollars), [
        "0.033",
        "0.80",
        "20.00",
        "1.60",
        "0.201"
      ])
    })
  )
})

const Held = Schema.Struct({ pid: Schema.Int, host: Schema.String, folder: Schema.NullOr(Schema.String) })
const stopped = Schema.decodeEffect(
  Schema.fromJsonString(Schema.Array(Schema.Struct({ ok: Schema.Boolean, heldBy: Schema.Array(Held) })))
)
const changed = Schema.decodeEffect(
  Schema.fromJsonString(Schema.Struct({ stint: Schema.Struct({ heldBy: Schema.Array(Held) }) }))
)

/** An endpoint that this process holds as a run does, with the journal of its folder open. */
const held = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const { namespace, urls } = yield* Emulator.Emulator
  const home = yield* fs.makeTempDirectoryScoped()
  yield* running(name)
  yield* fs.open(`${home}/journal.jsonl`, { flag: "a" })
  const leases = yield* LeaseRecords.make({ directory: `${home}/stint/leases` })
  const claim = (apiUrl: string) =>
    leases.claim({
      apiUrl,
      namespace,
      name,
      policy: "pause",
      pricePerHour: undefined,
      whenLeased: "refuse"
    })
  return { home, claim: claim(urls.management.href), claimElsewhere: claim("http://127.0.0.1:9/v2") }
})

describe("an endpoint that a run uses", () => {
  it.live("is paused and scaled to zero all the same, with a word on who uses it", () =>
    Effect.gen(function* () {
      const { claim, home } = yield* held("a")
      yield* claim
      const paused = yield* stintIn({ XDG_STATE_HOME: home }, "endpoints", "pause", "a")
      assert.strictEqual(paused.code, 0)
      assert.match(paused.out, /^a: paused/)
      assert.match(
        paused.err,
        new RegExp(
          `^a: a run uses it now \\(process ${process.pid} on \\S+ since \\S+, writing to ${home}\\)\\. `
        )
      )
      assert.match(paused.err, /exit code 7/)
      const zero = yield* stintIn({ XDG_STATE_HOME: home }, "endpoints", "scale-to-zero", "a", "--json")
      assert.match(zero.err, /next request of that run wakes it/)
      const [one] = yield* stopped(zero.out)
      assert.deepStrictEqual(
        one?.heldBy.map(({ folder, pid }) => ({ folder, pid })),
        [{ folder: home, pid: process.pid }]
      )
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("is updated only with --yes where nobody can be asked", () =>
    Effect.gen(function* () {
      const { claim, home } = yield* held("a")
      yield* claim
      const before = yield* changes
      const update = ["endpoints", "update", "a", "--max-replica", "2", "--json"]
      const refused = yield* stintIn({ XDG_STATE_HOME: home }, ...update)
      assert.strictEqual(refused.code, 2)
      assert.match(refused.cause, /a run uses it now \(process \d+ .*--yes/s)
      assert.strictEqual(yield* changes, before)
      const done = yield* stintIn({ XDG_STATE_HOME: home }, ...update, "--yes")
      assert.strictEqual(done.code, 0)
      assert.match(done.err, /a run uses it now/)
      assert.strictEqual((yield* changed(done.out)).stint.heldBy.length, 1)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("is deleted with --yes, and a word on who used it", () =>
    Effect.gen(function* () {
      const { claim, home } = yield* held("a")
      yield* claim
      const asked = yield* stintIn({ XDG_STATE_HOME: home }, "endpoints", "delete", "a")
      assert.strictEqual(asked.code, 2)
      const done = yield* stintIn({ XDG_STATE_HOME: home }, "endpoints", "delete", "a", "--yes")
      assert.strictEqual(done.code, 0)
      assert.match(done.err, /a run uses it now .*takes that run with it/)
    }).pipe(Effect.scoped, Effect.provide(world()))
  )

  it.live("is none that is held under another API, or whose records cannot be read", () =>
    Effect.gen(function* () {
      const { claimElsewhere, home } = yield* held("a")
      yield* claimElsewhere
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(`${home}/file`, "")
      for (const state of [home, `${home}/file`]) {
        const paused = yield* stintIn({ XDG_STATE_HOME: state }, "endpoints", "pause", "a", "--json")
        assert.strictEqual(paused.code, 0, paused.cause)
        assert.strictEqual(paused.err, "")
        assert.deepStrictEqual((yield* stopped(paused.out))[0]?.heldBy, [])
      }
    }).pipe(Effect.scoped, Effect.provide(world()))
  )
})
