/** The token goes to those it is for, and into no text: a server that echoes requests included. */
import { assert, describe, it } from "@effect/vitest"
import { Batch, Inference, Job, Journal, Progress, Report, withEndpoint } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { ApiError, Endpoint, Endpoints, Secret } from "@stint/core"
import { Cause, Data, Effect, Exit, Layer, Logger, Redacted, References, Schema, Stream } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { Otlp } from "effect/observability"
import { inspect } from "node:util"
import * as http from "node:http"
import * as Guardian from "../packages/batch/src/node/guardian/api.ts"
import * as Order from "../packages/batch/src/node/guardian/order.ts"
import * as Canary from "./canary.ts"
import * as World from "./batchWorld.ts"

const { canary } = Canary

class OwnError extends Data.TaggedError("OwnError")<{ readonly message: string }> {}

/** Whatever a program writes, in all the ways that a user may look at it. */
const watched = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const collector = HttpClient.make((request) => {
      if (request.body._tag === "Uint8Array") seen.push(new TextDecoder().decode(request.body.body))
      else seen.push(inspect(request.body, { depth: 12 }))
      return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}")))
    })
    const traces = Otlp.layerJson({
      baseUrl: "http://collector.test",
      resource: { serviceName: "scan", serviceVersion: "0" }
    }).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, collector)))
    const logger = Logger.layer([
      Logger.map(Logger.formatJson, (line) => void seen.push(line)),
      Logger.make(
        ({ cause, message }) => void seen.push(inspect(message, { depth: 12 }), Cause.pretty(cause))
      )
    ])
    const exit = yield* Effect.exit(program).pipe(
      Effect.provide(Layer.mergeAll(traces, logger)),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
    seen.push(inspect(exit, { depth: 20, showHidden: true }))
    if (Exit.isFailure(exit)) {
      seen.push(Cause.pretty(exit.cause), inspect(exit.cause.reasons, { depth: 20 }))
      for (const error of Cause.prettyErrors(exit.cause)) seen.push(String(error.stack), error.message)
    }
    return { exit, text: seen.join("\n") }
  })

const encodeReport = Schema.encodeEffect(Schema.fromJsonString(Report.Report))

/** A whole run, with its journal and its report among what is written. */
const wholeRun = Effect.gen(function* () {
  const journal = yield* Journal.makeMemory
  const progress = Progress.make()
  const entries: Array<string> = []
  const noting: Journal.Journal = {
    ...journal,
    append: (group) => {
      entries.push(inspect(group, { depth: 12 }))
      return journal.append(group)
    }
  }
  const run = Batch.runOn(
    Stream.fromIterable(World.words(3)),
    { ...World.options, readyTimeout: "1 minute", releaseTimeout: "30 seconds" },
    World.job,
    { progress, requestSpans: true, itemTimeout: "2 minutes", deadline: "10 minutes" }
  ).pipe(World.withJournal(noting))
  const { exit, text } = yield* watched(World.inTime(run))
  const report = yield* Effect.flatMap(Report.fromProgress(progress, undefined), encodeReport)
  return { exit, text: [text, ...entries, report].join("\n"), lastError: inspect(progress) }
})

const spoken = Canary.forms.map(({ text }) => text).join(" and ")

/** An answer that gives the whole request back, in every spelling, and in its headers. */
const echo = (status: number) =>
  new Response(`{"error":"no: authorization was Bearer ${spoken}","message":"${spoken}"}`, {
    status,
    headers: { "x-request-id": canary, "content-type": "application/json", "retry-after": "0" }
  })

const errorStatuses = [200, 301, 400, 401, 402, 403, 404, 409, 413, 422, 424, 429, 500, 503]

const faulty = (tamper: World.Tamper) => World.world({ token: canary }, tamper)

const isData = (path: string) => path === "/" || path.startsWith("/v1") || path === "/embed"

describe("the token in what a server says", () => {
  for (const status of errorStatuses) {
    it.effect(`is in nothing that is written when the endpoint answers ${status}`, () =>
      Effect.gen(function* () {
        const { text, lastError } = yield* wholeRun
        Canary.absentFrom(text, `data plane, ${status}`)
        Canary.absentFrom(lastError, `progress, ${status}`)
        // It was said, and what is left of it shows: the scan is of what the server said.
        if (status !== 200 && status !== 301) assert.include(text, "authorization was Bearer <the token>")
      }).pipe(
        Effect.provide(
          faulty(({ method, path }) => (method === "POST" && isData(path) ? echo(status) : undefined))
        )
      )
    )

    it.effect(`is in nothing that is written when the management API answers ${status}`, () =>
      Effect.gen(function* () {
        for (const method of ["GET", "POST"] as const) {
          const { text } = yield* Effect.provide(
            wholeRun,
            faulty((seen) =>
              seen.method === method && seen.path.startsWith("/v2") ? echo(status) : undefined
            )
          )
          Canary.absentFrom(text, `management ${method}, ${status}`)
        }
      })
    )

    it.effect(`is in nothing that is written when the hub or the health route answers ${status}`, () =>
      Effect.gen(function* () {
        const { text } = yield* Effect.provide(
          wholeRun,
          faulty(({ path }) => (path === "/health" ? echo(status) : undefined))
        )
        Canary.absentFrom(text, `health, ${status}`)
        const hub = yield* watched(
          Effect.gen(function* () {
            const endpoints = yield* Endpoints.make({ token: Redacted.make(canary) })
            return yield* World.inTime(endpoints.get("e"))
          }).pipe(
            Effect.provideService(
              HttpClient.HttpClient,
              HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, echo(status))))
            )
          )
        )
        assert.isTrue(Exit.isFailure(hub.exit))
        Canary.absentFrom(hub.text, `hub, ${status}`)
      })
    )
  }

  it.effect("is in no error of a job of the user's own, nor where an answer is of the wrong shape", () =>
    Effect.gen(function* () {
      const job = Job.make({
        name: "own",
        key: (word: string) => word,
        fingerprint: (word) => word,
        output: Schema.String,
        run: () => Effect.fail(new OwnError({ message: `the server said Bearer ${spoken}` }))
      })
      const journal = yield* Journal.makeMemory
      const entries: Array<string> = []
      const run = Batch.runOn(Stream.make("a"), World.options, job).pipe(
        World.withJournal({
          ...journal,
          append: (group) => {
            entries.push(inspect(group, { depth: 12 }))
            return journal.append(group)
          }
        })
      )
      const { exit } = yield* watched(World.inTime(run))
      assert.isTrue(Exit.isSuccess(exit))
      assert.include(entries.join(), "<the token>")
      Canary.absentFrom(entries.join(), "journal")
    }).pipe(Effect.provide(faulty(() => undefined)))
  )

  it("is found however it is encoded, and nothing else is", () => {
    const conceal = Secret.conceal(canary)
    for (const { name, text } of Canary.forms) assert.notInclude(conceal(`a${text}b`), text, name)
    for (const before of ["", "x", "xy", "user:", "Bearer "]) {
      const said = conceal(Buffer.from(`${before}${canary} and more`).toString("base64"))
      Canary.absentFrom(said, `base64 after "${before}"`)
    }
    assert.strictEqual(conceal("hf_other"), "hf_other")
    assert.strictEqual(Secret.conceal("")("text"), "text")
    assert.isUndefined(conceal(undefined))
  })
})

interface Served {
  readonly url: string
  readonly tokens: Array<string | undefined>
}

const served = (
  answer: (path: string) => { status: number; headers: Record<string, string>; body: string }
) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ server: http.Server; tokens: Array<string | undefined> }>((resume) => {
        const tokens: Array<string | undefined> = []
        const server = http.createServer((request, response) => {
          tokens.push(request.headers.authorization)
          const { body, headers, status } = answer(request.url ?? "/")
          request.resume()
          response.writeHead(status, headers).end(body)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, tokens })))
      }),
      ({ server }) => Effect.sync(() => (server.closeAllConnections(), server.close()))
    ),
    ({ server, tokens }): Served => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { url: `http://127.0.0.1:${port}`, tokens }
    }
  )

const running = (url: string) =>
  Endpoint.fromJson({
    name: "e",
    type: "protected",
    status: { state: "running", url, readyReplica: 1, targetReplica: 1 }
  })

const clients = [
  ["undici's dispatcher", UndiciClient.layer()],
  ["fetch", FetchHttpClient.layer]
] as const

describe("the token and other hosts", () => {
  for (const [name, client] of clients) {
    for (const status of [301, 302, 307, 308]) {
      it.live(`a ${status} to another host does not take it along, on any plane (${name})`, () =>
        Effect.gen(function* () {
          const other = yield* served(() => ({ status: 200, headers: {}, body: "{}" }))
          const away = yield* served((path) => ({
            status,
            headers: { location: `${other.url}${path}` },
            body: ""
          }))
          const endpoints = yield* Endpoints.make({
            token: Redacted.make(canary),
            apiUrl: new URL(`${away.url}/v2`),
            hubUrl: new URL(away.url),
            catalogUrl: new URL(`${away.url}/catalog`)
          })
          const { text } = yield* watched(
            Effect.gen(function* () {
              const there = endpoints.in("tester")
              yield* Effect.exit(endpoints.account)
              yield* Effect.exit(there.get("e"))
              yield* Effect.exit(there.pause("e"))
              yield* Effect.exit(there.catalog)
              const data = there.clientFor(yield* running(away.url))
              yield* Effect.exit(data.execute(HttpClientRequest.post("/v1/embeddings")))
              yield* Effect.exit(data.get("/health"))
            })
          )
          yield* Effect.promise(() =>
            Guardian.call(
              { apiUrl: `${away.url}/v2`, namespace: "n", name: "e", token: canary },
              "POST",
              "/pause",
              { timeoutMillis: 5000 }
            )
          )
          assert.isAtLeast(away.tokens.length, 7)
          assert.deepStrictEqual([...new Set(away.tokens)], [`Bearer ${canary}`])
          assert.deepStrictEqual(
            other.tokens.filter((token) => token !== undefined),
            []
          )
          if (name !== "fetch") assert.deepStrictEqual(other.tokens, [], "not followed at all")
          Canary.absentFrom(text, "redirect")
        }).pipe(Effect.scoped, Effect.provide(client))
      )
    }
  }

  it.effect("it is not sent to another origin, however the address is spelt", () =>
    Effect.gen(function* () {
      const sent: Array<readonly [string, string | undefined]> = []
      const http = HttpClient.make((request, url) => {
        sent.push([url.host, request.headers["authorization"]])
        return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}")))
      })
      const endpoints = yield* Effect.provideService(
        Endpoints.make({ token: Redacted.make(canary), namespace: "n" }),
        HttpClient.HttpClient,
        http
      )
      const client = endpoints.clientFor(yield* running("https://own.test"))
      for (const url of Canary.foreign) yield* Effect.exit(client.get(url))
      assert.isAbove(sent.length, 3)
      for (const [host, token] of sent) if (host !== "own.test") assert.isUndefined(token, host)
      yield* client.get("https://own.test/v1/models")
      assert.deepStrictEqual(sent.at(-1), ["own.test", `Bearer ${canary}`])
    })
  )
})

describe("what an address holds of names and passwords", () => {
  it.effect("is neither sent nor printed nor recorded", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const http = HttpClient.make((request, url) => {
        asked.push(url.href)
        return Effect.succeed(HttpClientResponse.fromWeb(request, new Response("no", { status: 418 })))
      })
      const secret = "https://user:hunter2@api.test"
      const endpoints = yield* Effect.provideService(
        Endpoints.make({
          token: Redacted.make(canary),
          apiUrl: new URL(`${secret}/v2`),
          hubUrl: new URL(secret),
          catalogUrl: new URL(secret)
        }),
        HttpClient.HttpClient,
        http
      )
      const there = endpoints.in("n")
      const { text } = yield* watched(
        Effect.all([Effect.exit(endpoints.account), Effect.exit(there.get("e")), Effect.exit(there.catalog)])
      )
      assert.strictEqual(asked.length, 3)
      for (const place of [text, asked.join(), endpoints.apiUrl.href]) assert.notInclude(place, "hunter2")
    })
  )

  it("an order that is cut short is not quoted", () => {
    try {
      Order.parse(`{"token":"${canary}","apiUrl"`)
      assert.fail("it was parsed")
    } catch (error) {
      Canary.absentFrom(String(error), "order")
    }
  })

  it.effect("a token that no header can hold is not quoted either", () =>
    Effect.gen(function* () {
      const odd = `${canary}\u2026`
      const endpoints = yield* Endpoints.make({ token: Redacted.make(odd), namespace: "n" })
      const { exit, text } = yield* watched(World.inTime(endpoints.get("e")))
      assert.isTrue(Exit.isFailure(exit))
      Canary.absentFrom(text, "header")
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )
})

it.effect("an answer of a request of the user's own is concealed where it fails", () =>
  Effect.gen(function* () {
    const use = withEndpoint(World.options, () => Inference.request({ path: "/", body: {} }))
    const { exit, text } = yield* watched(World.inTime(use))
    assert.isTrue(Exit.isFailure(exit))
    Canary.absentFrom(text, "Inference.request")
    assert.notInstanceOf(exit, ApiError)
  }).pipe(Effect.provide(faulty(({ path }) => (path === "/" ? echo(400) : undefined))))
)
