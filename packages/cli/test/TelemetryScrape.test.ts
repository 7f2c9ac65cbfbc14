/** What Prometheus finds while a run lasts, and whether the page that documents it is true. */
import { assert, describe, it } from "@effect/vitest"
import { Metrics } from "@stint/batch"
import { Effect, Fiber, FileSystem, Schedule } from "effect"
import { HttpClient } from "effect/http"
import * as Canary from "../../../test/canary.ts"
import * as World from "./telemetryWorld.ts"

interface Family {
  readonly type: string
  readonly help: string
  readonly samples: Map<string, number>
}

const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`
const sample = new RegExp(
  String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{${label}(?:,${label})*\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$`
)

/**
 * The text format, strictly: each family has one HELP and one TYPE before its samples, which stand together; none is there
 * twice; buckets grow up to their count; the text ends with a line feed.
 *
 * @source https://prometheus.io/docs/instrumenting/exposition_formats/
 */
const parse = (text: string): ReadonlyMap<string, Family> => {
  assert.isTrue(text.endsWith("\n"), "ends with a line feed")
  const families = new Map<string, Family>()
  let help: { readonly name: string; readonly text: string } | undefined
  let now: { readonly name: string; readonly family: Family } | undefined
  for (const line of text.slice(0, -1).split("\n")) {
    const said = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line)
    if (said !== null) {
      const [, word, name = "", rest = ""] = said
      assert.isFalse(families.has(name), `${name} comes again`)
      if (word === "HELP") help = { name, text: rest }
      else {
        assert.match(rest, /^(counter|gauge|histogram|summary|untyped)$/)
        assert.strictEqual(help?.name, name, `${name} has its HELP before`)
        now = { name, family: { type: rest, help: help?.text ?? "", samples: new Map() } }
        families.set(name, now.family)
      }
      continue
    }
    const found = sample.exec(line)
    if (found === null || now === undefined) return assert.fail(`no sample: ${line}`)
    const [, name = "", labels = "", value = ""] = found
    const allowed = now.family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]
    assert.include(
      allowed.map((end) => `${now?.name}${end}`),
      name
    )
    const series = name + labels
    assert.isFalse(now.family.samples.has(series), `${series} comes again`)
    now.family.samples.set(series, value === "+Inf" ? Infinity : Number(value))
  }
  for (const [name, { samples, type }] of families) {
    assert.isAbove(samples.size, 0, `${name} has a sample`)
    if (type === "counter") {
      assert.match(name, /_total$/)
      for (const value of samples.values()) assert.isAtLeast(value, 0)
    }
    if (type !== "histogram") continue
    const buckets = [...samples].filter(([series]) => series.startsWith(`${name}_bucket`))
    const counts = buckets.map(([, value]) => value)
    assert.deepStrictEqual(
      counts,
      counts.toSorted((a, b) => a - b)
    )
    assert.include(buckets.at(-1)?.[0], 'le="+Inf"')
    assert.strictEqual(counts.at(-1), samples.get(`${name}_count`))
  }
  return families
}

const get = Effect.fnUntraced(function* (url: string) {
  const client = yield* HttpClient.HttpClient
  const response = yield* client.get(url)
  return { status: response.status, type: response.headers["content-type"], text: yield* response.text }
})

/** Scrapes until nobody listens any more, and gives what was scraped last. */
const lastOf = Effect.fnUntraced(function* (url: string) {
  let last = ""
  yield* get(url).pipe(
    Effect.tap(({ text }) => Effect.sync(() => (last = text))),
    Effect.repeat(Schedule.spaced("50 millis")),
    Effect.ignore,
    Effect.timeout("20 seconds")
  )
  return last
})

const at = (url: string, path: string) => new URL(path, url).href

const slowly = World.world([{ on: { plane: "data", method: "POST" }, do: { delay: "600 millis" } }])

describe("the Prometheus endpoint", () => {
  it.live("serves what the run counts while it lasts, to this machine alone, and is gone after it", () =>
    Effect.gen(function* () {
      const { run } = yield* World.make(6)
      const stint = yield* run({}, "--metrics-port", "0", "--concurrency", "1", "--pack", "off")
      const running = yield* Effect.forkChild(stint.ended, { startImmediately: true })
      const url = yield* stint.says(/Metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)/)

      const early = parse((yield* get(url)).text)
      assert.strictEqual(early.get("stint_items_total")?.samples.size, 3, "there from the start")
      assert.strictEqual(early.get("stint_limit")?.type, "gauge")

      yield* stint.says(/Ready after/)
      const busy = yield* Effect.repeat(
        Effect.map(get(url), ({ text }) => parse(text)),
        {
          until: (all) => (all.get("stint_in_flight")?.samples.get("stint_in_flight") ?? 0) > 0,
          schedule: Schedule.spaced("100 millis")
        }
      )
      assert.strictEqual(
        busy
          .get("stint_billed_replicas")
          ?.samples.get('stint_billed_replicas{namespace="tester",endpoint="batch"}'),
        1
      )
      assert.strictEqual(busy.get("stint_ready_seconds")?.samples.get("stint_ready_seconds_count"), 1)
      assert.strictEqual(busy.get("stint_limit")?.samples.get("stint_limit"), 1)

      const page = yield* get(url)
      assert.strictEqual(page.type, "text/plain; version=0.0.4; charset=utf-8")
      Canary.absentFrom(page.text, "the metrics")
      assert.strictEqual((yield* get(at(url, "/healthz"))).text, "ok\n")
      assert.strictEqual((yield* get(at(url, "/"))).status, 404)
      const client = yield* HttpClient.HttpClient
      assert.strictEqual((yield* client.post(url)).status, 405)

      assert.strictEqual((yield* Fiber.join(running)).code, 0)
      assert.isTrue((yield* Effect.exit(get(url)))._tag === "Failure", "nobody listens any more")
    }).pipe(Effect.scoped, Effect.provide(slowly))
  )

  it.live("a port that is taken is refused before anything is woken", () =>
    Effect.gen(function* () {
      const { url } = yield* World.collector()
      const { run } = yield* World.make(2)
      const { ended } = yield* run({}, "--metrics-port", new URL(url).port)
      const { code, why } = yield* ended
      assert.strictEqual(code, 2)
      assert.include(why, "Choose another --metrics-port")
      assert.isUndefined(yield* World.state)
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )

  it.live("waits for one more scrape where that is asked for, and no longer than that", () =>
    Effect.gen(function* () {
      const { run } = yield* World.make(2)
      const stint = yield* run({}, "--metrics-port", "0", "--metrics-linger", "1m")
      const running = yield* Effect.forkChild(stint.ended, { startImmediately: true })
      const url = yield* stint.says(/Metrics at (\S+)/)
      yield* stint.says(/endpoint {8}paused/)
      // Until one is answered after the end, which closes the port.
      const last = parse(yield* lastOf(url))
      assert.strictEqual(
        last
          .get("stint_billed_replicas")
          ?.samples.get('stint_billed_replicas{namespace="tester",endpoint="batch"}'),
        0
      )
      assert.strictEqual((yield* Fiber.join(running)).code, 0)

      const other = yield* World.make(2)
      const brief = yield* other.run({}, "--metrics-port", "0", "--metrics-linger", "300ms")
      assert.strictEqual((yield* brief.ended).code, 0)
      // Ctrl-C ends the waiting.
      const third = yield* World.make(2)
      const stopped = yield* third.run({}, "--metrics-port", "0", "--metrics-linger", "1h")
      const waiting = yield* Effect.forkChild(stopped.ended, { startImmediately: true })
      yield* stopped.says(/endpoint {8}paused/)
      stopped.signals.raise("SIGINT")
      assert.strictEqual((yield* Fiber.join(waiting)).code, 0)
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )
})

/** The first cells of the rows of the table below a heading. */
const documented = (page: string, heading: string): ReadonlyArray<string> => {
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? ""
  return Array.from(section.matchAll(/^\| `([^`]+)`/gm), ([, name = ""]) => name).toSorted()
}

describe("docs/telemetry.md", () => {
  it.live("names just the metrics and the spans that there are, with their types and labels", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const page = yield* fs.readFileString("docs/telemetry.md")
      const { received, url } = yield* World.collector()
      const { run } = yield* World.make(8)
      const flags = [
        "--metrics-port",
        "0",
        "--metrics-linger",
        "1m",
        "--request-spans",
        "1",
        "--backstop",
        "set"
      ]
      const stint = yield* run(
        { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
        ...flags
      )
      const running = yield* Effect.forkChild(stint.ended, { startImmediately: true })
      const scrape = yield* stint.says(/Metrics at (\S+)/)
      yield* stint.says(/endpoint {8}paused/)
      const families = parse((yield* get(scrape)).text)
      yield* lastOf(scrape)
      yield* Fiber.join(running)

      const names = [...families.keys()].toSorted()
      assert.deepStrictEqual(documented(page, "Metrics"), names)
      assert.deepStrictEqual(Object.keys(Metrics.units).toSorted(), names)
      const { units } = yield* World.metricsOf(received)
      assert.deepStrictEqual([...units.keys()].toSorted(), names)
      for (const [name, { samples, type }] of families) {
        const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\``)) ?? ""
        assert.include(row, `| ${type} `, name)
        const labels = new Set(
          [...samples.keys()].flatMap((series) => Array.from(series.matchAll(/(\w+)="/g), ([, key]) => key))
        )
        for (const key of labels) if (key !== "le") assert.include(row, `\`${key}\``, name)
      }

      const { spans } = yield* World.spansOf(received)
      const found = [...new Set(spans.map((span) => span.name))]
      const told = documented(page, "Spans")
      for (const name of found) assert.include(told, name)
      // These are of other endpoints, flags and programs.
      const elsewhere = ["Batch.runOn", "Endpoints.resume", "Endpoints.delete", "Endpoints.scaleToZero"]
      const more = ["Endpoints.update", "Endpoints.replicas", "PUT", "DELETE"]
      for (const name of told) assert.include([...found, ...elsewhere, ...more], name)
      for (const { attributes, name } of spans) {
        for (const key of Object.keys(attributes)) assert.include(page, `\`${key}\``, name)
      }
    }).pipe(Effect.scoped, Effect.provide(World.world()))
  )
})
