import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Fake from "./fakeHub.ts"

const events = (...datas: ReadonlyArray<string>) =>
  Fake.text(datas.map((data) => `data: ${data}\n\n`).join(""), 200, { "content-type": "text/event-stream" })

describe("what can be watched of an endpoint", () => {
  it.effect("the log is text, asked for as the API spells it", () => {
    const fake = Fake.inOrder(Fake.text("one\ntwo\n", 200, { "content-type": "text/plain" }))
    return Effect.gen(function* () {
      const log = yield* Fake.use(fake, ({ logs }) => logs("e", { tail: 2, lineMaxLength: 80 }))
      assert.strictEqual(log, "one\ntwo\n")
      assert.strictEqual(fake.asked[0]?.url.pathname, "/v2/endpoint/me/e/logs")
      assert.strictEqual(fake.asked[0]?.url.search, "?tail=2&line_max_length=80")
    })
  })

  it.effect("structured logs keep what they know of each line", () => {
    const fake = Fake.inOrder(
      Fake.json([{ timestamp: "2026-10-01T09:41:53.263078506Z", line: "up", level: "notice", extra: 1 }])
    )
    return Effect.gen(function* () {
      const options = { level: "notice", search: "up", since: "2026-10-01T00:00:00Z", limit: 5 }
      const [record] = yield* Fake.use(fake, ({ logRecords }) => logRecords("e", options))
      assert.deepStrictEqual(record, {
        timestamp: "2026-10-01T09:41:53.263078506Z",
        line: "up",
        level: "notice"
      })
      assert.strictEqual(fake.asked[0]?.url.pathname, "/v3/endpoint/me/e/logs")
      assert.strictEqual(fake.asked[0]?.url.searchParams.get("since"), "2026-10-01T00:00:00Z")
    })
  })

  it.effect("a followed log is a stream of records; a line that is none is a line all the same", () => {
    const fake = Fake.inOrder(events('{"line":"loading","level":"info"}', "plain words"))
    return Effect.gen(function* () {
      const records = yield* Fake.use(fake, ({ followLogs }) =>
        Stream.runCollect(followLogs("e", { tail: 10 }))
      )
      assert.deepStrictEqual(records, [{ line: "loading", level: "info" }, { line: "plain words" }])
      assert.strictEqual(fake.asked[0]?.url.pathname, "/v3/endpoint/me/e/logs/sse")
    })
  })

  it.effect("a deployment without structured logs says so", () => {
    const fake = Fake.inOrder(Fake.refusal(501, "log search not available on this deployment"))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Fake.inTime(Fake.use(fake, ({ logRecords }) => logRecords("e"))))
      assert.include(error.message, "not available on this deployment")
    })
  })

  it.effect("metrics are asked for with a POST of a stretch of time", () => {
    const series = [{ statusCode: 200, data: [{ x: "2026-10-01T00:00:00Z", y: 3 }] }]
    const fake = Fake.inOrder(Fake.json({ responseStatusCodeGrouped: { series }, inference: null }))
    const window = { start: "2026-10-01T00:00:00Z", stop: "2026-10-01T01:00:00Z" }
    return Effect.gen(function* () {
      const graphs = yield* Fake.use(fake, ({ metrics }) => metrics("e", window))
      assert.deepStrictEqual(graphs.responseStatusCodeGrouped?.series, series)
      assert.strictEqual(fake.asked[0]?.method, "POST")
      assert.strictEqual(fake.asked[0]?.body, JSON.stringify(window))
    })
  })

  it.effect("replicas may be described in words nobody knows yet", () => {
    const fake = Fake.inOrder(
      Fake.json({ items: [{ id: "z7ghx", status: { stage: "warping", live: true } }] })
    )
    return Effect.gen(function* () {
      const replicas = yield* Fake.use(fake, ({ replicas }) => replicas("e"))
      assert.deepStrictEqual(replicas, [{ id: "z7ghx", status: { stage: "warping", live: true } }])
    })
  })

  it.effect("open metrics are text", () => {
    const fake = Fake.inOrder(Fake.text("http_requests 1\n", 200, { "content-type": "text/plain" }))
    return Effect.gen(function* () {
      assert.strictEqual(yield* Fake.use(fake, ({ openMetrics }) => openMetrics("e")), "http_requests 1\n")
    })
  })
})
