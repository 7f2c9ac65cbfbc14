import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Endpoints, Policy } from "@stint/core"
import { Emulator, Scenario } from "@stint/emulator"
import { Duration, Effect, Exit, Layer, Redacted, Schedule, Scope } from "effect"
import { FetchHttpClient, HttpServerResponse } from "effect/http"
import { send } from "./fixture/text.ts"
import { call, manage, type Services, spec } from "./harness.ts"

const test = (
  name: string,
  rules: Scenario.Input["rules"],
  body: Effect.Effect<unknown, unknown, Services>,
  options: Emulator.Options = {}
) =>
  it.live(name, () =>
    body.pipe(
      Effect.provideService(Policy.CurrentPolling, Schedule.spaced("10 millis")),
      Effect.provide(
        Emulator.layerEndpoints.pipe(
          Layer.provideMerge(
            Emulator.layerServer({ boot: "20 millis", scenario: Scenario.make({ rules }), ...options })
          ),
          Layer.provideMerge(FetchHttpClient.layer)
        )
      )
    )
  )

/** Everything that comes back over a bare connection, until it ends: the bytes, and whether it was broken. */
const raw = (url: URL, request: string) =>
  Effect.callback<{ readonly received: string; readonly error: string | undefined }>((resume) => {
    let received = ""
    let error: string | undefined
    const socket = connect(Number(url.port), url.hostname, () => socket.write(request))
    socket.on("data", (bytes) => {
      received += bytes.toString()
    })
    socket.on("error", (cause) => {
      error = cause.message
    })
    socket.on("close", () => resume(Effect.succeed({ received, error })))
    return Effect.sync(() => socket.destroy())
  })

const get = (url: URL, token: string) =>
  raw(url, `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`)

describe("faults on sockets", () => {
  test(
    "a reset is a connection that ends without a byte",
    [{ on: { route: "list" }, do: { reset: "before" } }],
    Effect.gen(function* () {
      const { token, urls } = yield* Emulator.Emulator
      const { received } = yield* get(new URL("/v2/endpoint/emulator", urls.hub), Redacted.value(token))
      assert.strictEqual(received, "")
      const error = yield* Effect.flip(manage("GET", "emulator"))
      assert.strictEqual(error._tag, "HttpClientError")
      assert.strictEqual((yield* manage("GET", "emulator/a")).status, 404)
    })
  )

  test(
    "a cut body ends before the length that was promised",
    [{ on: { route: "list" }, do: { cutBody: 5 } }],
    Effect.gen(function* () {
      const { token, urls } = yield* Emulator.Emulator
      const { received } = yield* get(new URL("/v2/endpoint/emulator", urls.hub), Redacted.value(token))
      const [head = "", body] = received.split("\r\n\r\n")
      assert.match(head, /^HTTP\/1\.1 200/)
      assert.isAbove(Number(/content-length: (\d+)/i.exec(head)?.[1]), 5)
      assert.strictEqual(body, '{"ite')
      const response = yield* send("GET", `${urls.management.href}/endpoint/emulator`)
      assert.strictEqual((yield* Effect.flip(response.text))._tag, "HttpClientError")
    })
  )

  test(
    "a slow body comes in pieces and is whole in the end",
    [{ on: { route: "list" }, do: { slowBody: { bytes: 10, every: "5 millis" } } }],
    Effect.gen(function* () {
      const { body } = yield* manage("GET", "emulator")
      assert.deepStrictEqual(body, { items: [], nextCursor: null, totalItems: 0 })
    })
  )

  test(
    "silence is heard until the client gives up, and that is noticed",
    [{ on: { route: "list" }, do: { hang: "before" } }],
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const answer = yield* Effect.timeoutOption(manage("GET", "emulator"), "100 millis")
      assert.isTrue(answer._tag === "None")
      yield* emulator.counts.pipe(
        Effect.repeat({
          until: ({ byStatus }) => byStatus["management 499"] === 1,
          schedule: Schedule.spaced("10 millis")
        }),
        Effect.timeout("5 seconds")
      )
    })
  )
})

describe("the server", () => {
  test(
    "interrupts what a client no longer waits for",
    [],
    Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      const endpoints = yield* Endpoints.Endpoints
      yield* endpoints.create("a", spec)
      yield* endpoints.awaitReady("a")
      const { url } = yield* endpoints.get("a")
      const answer = yield* Effect.timeoutOption(call("POST", `${url?.href}slow`, { body: {} }), "100 millis")
      assert.isTrue(answer._tag === "None")
      yield* emulator.counts.pipe(
        Effect.repeat({
          until: ({ byStatus }) => byStatus["data 499"] === 1,
          schedule: Schedule.spaced("10 millis")
        }),
        Effect.timeout("5 seconds")
      )
    }),
    {
      engines: () => ({
        name: "slow",
        healthRoute: "/health",
        handle: (request) =>
          request.url === "/slow" ? Effect.never : Effect.succeed(HttpServerResponse.text("Ok"))
      })
    }
  )

  it.live("does not wait for what is slow when it ends", () =>
    Effect.gen(function* () {
      // The body would take nine seconds.
      const scenario = Scenario.make({
        rules: [{ on: { route: "list" }, do: { slowBody: { bytes: 1, every: "200 millis" } } }]
      })
      const begun = Effect.gen(function* () {
        const { urls } = yield* Emulator.Emulator
        assert.strictEqual((yield* send("GET", `${urls.management.href}/endpoint/emulator`)).status, 200)
      })
      const server = yield* Scope.make()
      const services = yield* Layer.buildWithScope(
        Layer.merge(Emulator.layerServer({ scenario }), FetchHttpClient.layer),
        server
      )
      yield* Effect.provide(begun, services)
      const [elapsed] = yield* Effect.timed(Scope.close(server, Exit.void))
      assert.isBelow(Duration.toSeconds(elapsed), 2)
    })
  )
})
