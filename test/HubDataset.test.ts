/** Datasets of the hub, by their names. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { HubDataset } from "@stint/batch/parquet"
import { UndiciClient } from "@stint/batch/node"
import { Emulator, Scenario } from "@stint/emulator"
import { Effect, Fiber, Layer, Redacted, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as World from "./hubWorld.ts"

const Review = Schema.Struct({ id: Schema.String, text: Schema.String })

const open = (name: string, hasToken = true) =>
  Effect.flatMap(hasToken ? World.hub : World.anonymous, (options) =>
    HubDataset.open(`hf://datasets/${name}`, options)
  )

const idsOf = (dataset: HubDataset.Dataset) =>
  Stream.runCollect(HubDataset.source(dataset, Review)).pipe(Effect.map((rows) => rows.map(({ id }) => id)))

const read = (name: string, hasToken = true) => Effect.flatMap(open(name, hasToken), idsOf)

const refusal = (name: string, hasToken = true) => Effect.flip(open(name, hasToken))

const inMemory = (options?: Emulator.Options) =>
  Effect.provide(Layer.merge(World.memory(options), NodeServices.layer))

describe("a dataset of the hub", () => {
  for (const [client, layer] of [
    ["fetch", FetchHttpClient.layer],
    ["undici", UndiciClient.layer()]
  ] as const) {
    it.live(`is read on sockets by ${client}, its files in order, and its token stays with the hub`, () =>
      Effect.gen(function* () {
        const { client, sent } = World.watched(yield* HttpClient.HttpClient)
        const rows = yield* Effect.provideService(
          read("acme/asked/default/train"),
          HttpClient.HttpClient,
          client
        )
        assert.deepStrictEqual(rows, World.ids(0, 120))
        const { urls } = yield* Emulator.Emulator
        const others = sent.filter(({ url }) => url.origin !== urls.hub.origin)
        assert.isTrue(
          sent.filter(({ url }) => url.origin === urls.hub.origin).every(({ hasToken }) => hasToken)
        )
        assert.isFalse(others.some(({ hasToken }) => hasToken))
        // The host of the files refuses whoever sends one; `fetch` follows out of sight.
        const log = yield* Effect.flatMap(Emulator.Emulator, ({ log }) => log)
        const files = log.filter(({ path }) => path.startsWith("/xet-bridge/"))
        assert.isAbove(files.length, 3)
        assert.deepStrictEqual(new Set(files.map(({ status }) => status)), new Set([206]))
      }).pipe(Effect.provide([World.sockets(), layer, NodeServices.layer]))
    )
  }

  it.effect("sends a token to no host that the hub redirects to, nor one that a page of a list names", () =>
    Effect.gen(function* () {
      const { client, sent } = World.watched(yield* HttpClient.HttpClient)
      yield* Effect.provideService(read("acme/reviews"), HttpClient.HttpClient, client)
      const hosts = Map.groupBy(sent, ({ url }) => url.host)
      assert.strictEqual(hosts.size, 2)
      assert.isTrue(hosts.get("hub.endpoints.emulator")?.every(({ hasToken }) => hasToken))
      assert.isFalse(hosts.get("cdn.endpoints.emulator")?.some(({ hasToken }) => hasToken))

      const elsewhere = World.watched(
        HttpClient.transform(yield* HttpClient.HttpClient, (execute, request) =>
          request.url.includes("/tree/")
            ? Effect.map(execute, () =>
                HttpServerResponse.toClientResponse(
                  HttpServerResponse.jsonUnsafe([], {
                    headers: { link: '<http://elsewhere.example/api>; rel="next"' }
                  }),
                  { request }
                )
              )
            : execute
        )
      )
      const error = yield* Effect.provideService(
        refusal("acme/reviews"),
        HttpClient.HttpClient,
        elsewhere.client
      )
      assert.strictEqual(error.reason, "unreachable")
      assert.isFalse(elsewhere.sent.some(({ url }) => url.hostname === "elsewhere.example"))
    }).pipe(inMemory())
  )

  it.effect("is found by each way to write its name", () =>
    Effect.gen(function* () {
      const all = World.ids(0, 120)
      for (const name of [
        "acme/reviews",
        "acme/reviews/",
        "acme/reviews/default",
        "acme/reviews/default/train",
        "acme/reviews@~parquet",
        "acme/reviews@~parquet/default/train",
        "acme/reviews@~parquet/**/*.parquet",
        "acme/reviews@~parquet/default/train/*.parquet",
        "acme/reviews@refs/convert/parquet/default/train/000?.parquet",
        "acme/reviews@refs%2Fconvert%2Fparquet/default/train/000[0-2].parquet",
        "acme/reviews@refs/convert/parquet",
        "acme/reviews/data/train-*.parquet",
        "acme/reviews@main/data/train-*-of-00002.parquet"
      ]) {
        assert.deepStrictEqual(yield* read(name, false), all, name)
      }
      assert.deepStrictEqual(yield* read("acme/reviews@main/data"), [...World.ids(200, 205), ...all])
      assert.deepStrictEqual(yield* read("acme/reviews/data/*.parquet"), all)
      assert.deepStrictEqual(
        yield* read("acme/reviews/data/train-00001-of-00002.parquet"),
        World.ids(70, 120)
      )
      assert.deepStrictEqual(yield* read("acme/several/en.20220301"), World.ids(0, 3))
      assert.deepStrictEqual(yield* read("acme/large/default/partial-train"), World.ids(0, 10))
    }).pipe(inMemory())
  )

  it.effect("is called by its commit, and its files have their sizes and addresses", () =>
    Effect.gen(function* () {
      const dataset = yield* open("acme/reviews/data/*.parquet")
      const { urls } = yield* Emulator.Emulator
      assert.match(dataset.commit, /^[0-9a-f]{40}$/)
      assert.strictEqual(
        dataset.name,
        `hf://datasets/acme/reviews@${dataset.commit.slice(0, 7)}/data/*.parquet`
      )
      const [first] = dataset.files
      assert.strictEqual(dataset.files.length, 2)
      assert.strictEqual(first?.size, World.parquet(0, 70).length)
      assert.strictEqual(
        first?.url.href,
        `${urls.hub.origin}/datasets/acme/reviews/resolve/${dataset.commit}/data/train-00000-of-00002.parquet`
      )
      assert.notInclude(JSON.stringify(dataset), "hf_emulator")
    }).pipe(inMemory())
  )

  it.effect("that has several configs or splits is refused with all of them", () =>
    Effect.gen(function* () {
      const whole = yield* refusal("acme/several")
      assert.strictEqual(whole.reason, "ambiguous")
      assert.deepStrictEqual(whole.choices, [
        "hf://datasets/acme/several/de/test",
        "hf://datasets/acme/several/de/train",
        "hf://datasets/acme/several/en.20220301/train"
      ])
      const german = yield* refusal("acme/several/de")
      assert.strictEqual(german.reason, "ambiguous")
      assert.strictEqual(german.choices.length, 2)
      assert.include(german.message, "hf://datasets/acme/several/de/test")
      const french = yield* refusal("acme/several/fr")
      assert.deepStrictEqual([french.reason, french.choices.length], ["file", 3])
      const dev = yield* refusal("acme/several/de/dev")
      assert.deepStrictEqual([dev.reason, dev.choices.length], ["file", 2])
      // Each can be given as it is told.
      for (const choice of whole.choices) yield* HubDataset.open(choice, yield* World.hub)
    }).pipe(inMemory())
  )

  it.effect("that is not all there in Parquet says so, and what to name instead", () =>
    Effect.gen(function* () {
      for (const name of ["acme/large", "acme/large/default/train"]) {
        const large = yield* refusal(name)
        assert.strictEqual(large.reason, "partial")
        assert.deepStrictEqual(large.choices, ["hf://datasets/acme/large/default/partial-train"])
      }
      const raw = yield* refusal("acme/raw")
      assert.deepStrictEqual(
        [raw.reason, raw.choices],
        ["unconverted", ["hf://datasets/acme/raw/own/a.parquet"]]
      )
      assert.deepStrictEqual(yield* read("acme/raw/own/a.parquet"), World.ids(0, 4))
      const empty = yield* refusal("acme/empty")
      assert.deepStrictEqual([empty.reason, empty.choices], ["unconverted", []])
      const whole = yield* refusal("acme/reviews@main")
      assert.deepStrictEqual([whole.reason, whole.choices.length], ["ambiguous", 3])
      for (const choice of whole.choices) yield* HubDataset.open(choice, yield* World.hub)
      assert.strictEqual((yield* refusal("acme/reviews/data/nothing.parquet")).reason, "file")
      assert.strictEqual((yield* refusal("acme/reviews@v9/data/*.parquet")).reason, "revision")
    }).pipe(inMemory())
  )

  it.effect("that may not be read says why, and what to do", () =>
    Effect.gen(function* () {
      const { urls } = yield* Emulator.Emulator
      for (const [name, hasToken, reason, said] of [
        ["acme/nothing", true, "missing", "Check the name"],
        ["acme/nothing", false, "missing", "for a private dataset set HF_TOKEN"],
        ["acme/ours", false, "missing", "for a private dataset set HF_TOKEN"],
        ["acme/theirs", true, "missing", "that this token may read"],
        ["acme/asked", false, "gated", "set HF_TOKEN"],
        ["acme/refused", true, "gated", `Ask for it at ${urls.hub.origin}/datasets/acme/refused`]
      ] as const) {
        const error = yield* refusal(name, hasToken)
        assert.deepStrictEqual([name, error.reason], [name, reason])
        assert.include(error.message, said)
        assert.notInclude(error.message, "hf_emulator")
      }
      assert.strictEqual((yield* read("acme/ours")).length, 120)
      const stale = yield* Effect.flip(
        HubDataset.open("hf://datasets/acme/reviews", { hubUrl: urls.hub, token: Redacted.make("hf_stale") })
      )
      assert.strictEqual(stale.reason, "token")
      assert.include(stale.message, "Check HF_TOKEN")
      assert.notInclude(stale.message, "hf_stale")
    }).pipe(inMemory())
  )

  it.effect("is refused by a name that is none, before anything is asked", () =>
    Effect.gen(function* () {
      for (const name of [
        "hf://datasets/acme",
        "hf://datasets//reviews",
        "hf://acme/reviews",
        "hf://spaces/acme/reviews",
        "hf://datasets/acme/reviews@",
        "hf://datasets/acme/reviews/a/../b.parquet",
        "hf://datasets/acme/reviews/data.csv",
        "hf://datasets/acme/reviews/a/b/c"
      ]) {
        const error = yield* Effect.flip(HubDataset.open(name, yield* World.hub))
        assert.strictEqual(error.reason, "name", name)
      }
      const log = yield* Effect.flatMap(Emulator.Emulator, ({ log }) => log)
      assert.deepStrictEqual(log, [])
    }).pipe(inMemory())
  )

  it.effect("stays the one that was found when another one is pushed", () =>
    Effect.gen(function* () {
      const dataset = yield* open("acme/reviews")
      const { items } = HubDataset.checked(dataset, Review, { key: ({ id }) => id })
      assert.strictEqual((yield* Stream.runCollect(items)).length, 120)
      const { setDataset } = yield* Emulator.Emulator
      yield* setDataset("acme/reviews", {
        converted: { "default/train/0000.parquet": World.parquet(900, 3) }
      })
      assert.deepStrictEqual(
        (yield* Stream.runCollect(items)).map(({ id }) => id),
        World.ids(0, 120)
      )
      const now = yield* open("acme/reviews")
      assert.notStrictEqual(now.commit, dataset.commit)
      assert.deepStrictEqual(yield* idsOf(now), World.ids(900, 903))
      assert.deepStrictEqual(
        yield* read(`acme/reviews@${dataset.commit}/default/train/*.parquet`),
        World.ids(0, 120)
      )
    }).pipe(inMemory())
  )

  it.effect("whose list comes in pages is whole", () =>
    Effect.gen(function* () {
      const count = 1100
      const file = World.parquet(0, 1)
      const { setDataset } = yield* Emulator.Emulator
      yield* setDataset("acme/many", {
        converted: Object.fromEntries(
          Array.from({ length: count }, (_, at) => [
            `default/train/${String(at).padStart(4, "0")}.parquet`,
            file
          ])
        )
      })
      const { files } = yield* open("acme/many")
      assert.strictEqual(files.length, count)
      assert.strictEqual(files.at(-1)?.path, "default/train/1099.parquet")
    }).pipe(inMemory())
  )

  it.effect("counts its rows through all files, and names the file that lacks a column", () =>
    Effect.gen(function* () {
      const short = Schema.Struct({ id: Schema.String.check(Schema.isMaxLength(5)) })
      const dataset = yield* open("acme/reviews/data/train-*.parquet")
      const long = yield* Effect.flip(Stream.runDrain(HubDataset.checked(dataset, short).items))
      assert.strictEqual(long._tag, "InvalidInput")
      assert.include(long.message, `${dataset.name}: row 11: id`)
      if (long._tag === "InvalidInput") assert.strictEqual(long.problems.at(-1)?.line, 120)
      const uneven = yield* Effect.flip(read("acme/uneven"))
      assert.include(uneven.message, "default/train/0001.parquet")
      assert.include(uneven.message, "text")
    }).pipe(inMemory())
  )

  const later = { on: { route: "file", from: 7 } } as const

  it.effect("is read to its end when requests for its files fail now and then", () =>
    Effect.gen(function* () {
      const reading = yield* Effect.forkChild(read("acme/reviews"), { startImmediately: true })
      for (let second = 0; second < 300 && reading.pollUnsafe() === undefined; second++) {
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(yield* Fiber.join(reading), World.ids(0, 120))
    }).pipe(
      inMemory({
        scenario: Scenario.make({
          rules: [
            { on: { route: "file", from: 3, to: 4 }, do: { status: 503 } },
            { on: { route: "file", from: 8, to: 8 }, do: { reset: "before" } },
            { on: { route: "file", from: 10, to: 10 }, do: { cutBody: 3 } },
            { on: { route: "dataset", from: 2, to: 3 }, do: { status: 502 } },
            { on: { route: "dataset", from: 5, to: 5 }, do: { cutBody: 5 } }
          ]
        })
      })
    )
  )

  it.effect("that breaks off in the middle is an error that names the file, after the rows before it", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const dataset = yield* open("acme/reviews")
      const reading = yield* Effect.forkChild(
        Effect.flip(
          Stream.runForEach(HubDataset.source(dataset, Review), ({ id }) => Effect.sync(() => seen.push(id)))
        ),
        { startImmediately: true }
      )
      for (let second = 0; second < 300 && reading.pollUnsafe() === undefined; second++) {
        yield* TestClock.adjust("1 second")
      }
      const error = yield* Fiber.join(reading)
      assert.match(error.message, /its file default\/train\/0001\.parquet .*HTTP 503/)
      assert.deepStrictEqual(seen, World.ids(0, 50))
    }).pipe(
      inMemory({
        scenario: Scenario.make({ rules: [{ on: { ...later.on, from: 10 }, do: { status: 503 } }] })
      })
    )
  )

  const Files = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 45 }))).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(5)
  )

  it.effect.prop(
    "gives the same rows in the same order however they lie in its files",
    [Files],
    ([sizes]) =>
      Effect.gen(function* () {
        const { setDataset } = yield* Emulator.Emulator
        let from = 0
        const files = sizes.map((size, nth) => {
          const file = World.parquet(from, size)
          from += size
          return [`default/train/${String(nth).padStart(4, "0")}.parquet`, file] as const
        })
        yield* setDataset("acme/any", { converted: Object.fromEntries(files) })
        const { check, items } = HubDataset.checked(yield* open("acme/any"), Review, { key: ({ id }) => id })
        const first = (yield* Stream.runCollect(items)).map(({ id }) => id)
        assert.deepStrictEqual(first, World.ids(0, from))
        assert.deepStrictEqual(
          (yield* Stream.runCollect(items)).map(({ id }) => id),
          first
        )
        assert.deepStrictEqual(yield* check, { lines: from, items: from, invalid: 0, problems: [] })
      }).pipe(inMemory({ datasets: {} })),
    { arbitrary: { runs: 20 } }
  )
})
