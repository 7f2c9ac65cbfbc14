/** The world of the batch package's tests: an emulator on virtual time, an engine that follows a script, a network that fails. */
import { assert } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Job, Journal, type ManagedEndpoint } from "@stint/batch"
import { Emulator, type Engine } from "@stint/emulator"
import { Clock, type Duration, Effect, Exit, Fiber, Layer, Predicate, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse, HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"

export const name = "e"

export const spec = EndpointSpec.make({
  repository: "acme/embedder",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** The endpoint that most tests hold. */
export const options: ManagedEndpoint.Options = { name, spec }

/** What the world provides. */
export type World = Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient

/** A request as the network sees it; `nth` counts the requests of this method and path from 0. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly nth: number
}

/**
 * What the network does to a request: `refused` never arrives, `lost` arrives and its answer does not, `garbled` arrives
 * and is answered with a page, `silence` is never answered; a `Response` comes from somebody on the way; an effect
 * is waited for, and without a response of its own lets the request through.
 */
export type Tampering =
  | "refused"
  | "lost"
  | "garbled"
  | "silence"
  | Response
  | Effect.Effect<Response | void>
  | undefined

export type Tamper = (seen: Seen) => Tampering

const broken = (client: HttpClient.HttpClient, tamper: Tamper) => {
  const counts = new Map<string, number>()
  return HttpClient.transform(client, (execute, request) => {
    const path = new URL(request.url).pathname
    const id = `${request.method} ${path}`
    const nth = counts.get(id) ?? 0
    counts.set(id, nth + 1)
    const lost = new HttpClientError.HttpClientError({
      reason: new HttpClientError.TransportError({ request, description: "socket hang up" })
    })
    const tampering = tamper({ method: request.method, path, nth })
    if (tampering === undefined) return execute
    if (tampering === "refused") return Effect.fail(lost)
    if (tampering === "lost") return Effect.andThen(Effect.exit(execute), Effect.fail(lost))
    if (tampering === "garbled")
      return Effect.map(execute, () =>
        HttpClientResponse.fromWeb(request, new Response("<html>welcome</html>"))
      )
    if (tampering === "silence") return Effect.never
    const answer = Effect.isEffect(tampering) ? tampering : Effect.succeed(tampering)
    return Effect.flatMap(answer, (given) =>
      given === undefined ? execute : Effect.succeed(HttpClientResponse.fromWeb(request, given))
    )
  })
}

/** An emulator in memory, and `Endpoints` on a network of which each request is shown to `tamper` first. */
export const world = (
  emulator: Emulator.Options & { readonly engine?: Engine.Engine | undefined } = {},
  tamper: Tamper = () => undefined
): Layer.Layer<World> => {
  const { engine = echo } = emulator
  return Layer.effect(
    Endpoints.Endpoints,
    Effect.flatMap(Emulator.Emulator, ({ namespace, token, urls }) =>
      Endpoints.make({
        token,
        namespace,
        apiUrl: urls.management,
        hubUrl: urls.hub,
        transformClient: (client) => broken(client, tamper)
      })
    )
  ).pipe(
    Layer.provideMerge(
      Emulator.layerMemory({ boot: "10 seconds", logCapacity: 100_000, engines: () => engine, ...emulator })
    )
  )
}

/** One call of an engine; `nth` counts the calls with this text from 0. */
export interface Call {
  readonly text: string
  readonly nth: number
}

const decodeBody = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ inputs: Schema.String })))

/** An engine that is healthy and answers each call as the script says. */
export const scripted = (
  script: (call: Call) => Effect.Effect<HttpServerResponse.HttpServerResponse>
): Engine.Engine => {
  const counts = new Map<string, number>()
  return {
    name: "scripted",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.text("Ok"))
        : request.text.pipe(
            Effect.flatMap(decodeBody),
            Effect.orDie,
            Effect.flatMap(({ inputs: text }) => {
              const nth = counts.get(text) ?? 0
              counts.set(text, nth + 1)
              return script({ text, nth })
            })
          )
  }
}

/** The right answer to a text. */
export const vectorOf = (text: string): ReadonlyArray<number> => [text.length, 1]

export const good = (text: string) => HttpServerResponse.jsonUnsafe(vectorOf(text))

export const refusal = (
  status: number,
  body: unknown = { error: "no" },
  headers: Record<string, string> = {}
) => HttpServerResponse.jsonUnsafe(body, { status, headers })

/** An answer from the way, after a time. */
export const after = (duration: Duration.Input, response: Response): Effect.Effect<Response> =>
  Effect.delay(Effect.succeed(response), duration)

/** Answers everything, and takes its time. */
export const slow = (duration: Duration.Input): Engine.Engine =>
  scripted(({ text }) => Effect.delay(Effect.succeed(good(text)), duration))

/** Takes a second over each call, and counts the most that it had at once. */
export const crowd = () => {
  let inFlight = 0
  let most = 0
  const engine = scripted(({ text }) =>
    Effect.gen(function* () {
      most = Math.max(most, ++inFlight)
      yield* Effect.sleep("1 second")
      inFlight--
      return good(text)
    })
  )
  return {
    engine,
    most: () => most,
    forget: () => {
      most = 0
    }
  }
}

/** Answers everything at once. */
export const echo: Engine.Engine = scripted(({ text }) => Effect.succeed(good(text)))

/** A second of virtual time, after everything that needs none has happened: bodies are read by promises. */
const tick = Effect.andThen(Effect.repeat(Effect.yieldNow, { times: 12 }), TestClock.adjust("1 second"))

/** Lets virtual time pass, second by second, until a program ends: two hours at most. */
export const inTime = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(program, { startImmediately: true })
    for (let second = 0; second < 7200 && fiber.pollUnsafe() === undefined; second++) yield* tick
    return yield* Effect.flatten(
      Effect.sync(() => fiber.pollUnsafe() ?? Exit.die("it did not end within two hours"))
    )
  })

/** The error that a program fails with in time. */
export const failure = <A, E, R>(program: Effect.Effect<A, E, R>) => Effect.flip(inTime(program))

/** Lets so many seconds pass; from when to when they were. */
export const secondsPass = Effect.fnUntraced(function* (seconds: number) {
  const from = yield* Clock.currentTimeMillis
  for (let second = 0; second < seconds; second++) yield* tick
  return { from, to: yield* Clock.currentTimeMillis }
})

/** Starts a program and lets so many seconds pass. */
export const during = <A, E, R>(program: Effect.Effect<A, E, R>, seconds: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(program, { startImmediately: true })
    yield* secondsPass(seconds)
    return fiber
  })

/** Interrupts a fiber and lets the time pass that its finalizers take. */
export const interrupted = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function* () {
    yield* inTime(Fiber.interrupt(fiber))
    return yield* Fiber.await(fiber)
  })

/** The state of the endpoint, or `gone`. */
export const state = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => all.find((endpoint) => endpoint.name === name)?.state ?? "gone")
)

/** What was done to the endpoint, in order, as `create`, `resume`, `pause`, `scale-to-zero`, `delete`. */
export const changes = Effect.flatMap(Emulator.Emulator, ({ log }) =>
  Effect.map(log, (records) =>
    records
      .filter(({ method, plane }) => plane === "management" && method !== "GET")
      .map(({ method, path }) => (method === "DELETE" ? "delete" : (path.split("/")[5] ?? "create")))
  )
)

/** The requests that reached the endpoint's own host, health checks left out. */
export const inferences = Effect.flatMap(Emulator.Emulator, ({ log }) =>
  Effect.map(log, (records) => records.filter(({ method, plane }) => plane === "data" && method === "POST"))
)

/** Whether the bill of the endpoint stands still. */
export const isFree = Effect.gen(function* () {
  const { bill } = yield* Emulator.Emulator
  const before = yield* bill(name)
  yield* TestClock.adjust("14 minutes")
  const after = yield* bill(name)
  return before.billedMinutes === after.billedMinutes
})

/** The promise that most tests end with: it is paused, and costs nothing more. */
export const isPausedAndFree = Effect.gen(function* () {
  assert.strictEqual(yield* state, "paused")
  assert.isTrue(yield* isFree)
})

/** The same, after these changes and no others. */
export const theEnd = (does: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* changes, does)
    yield* isPausedAndFree
  })

/** Creates the endpoint behind the back of the program under test, and leaves it in a state. */
export const existing = (found: string, created: EndpointSpec.EndpointSpec = spec) =>
  Effect.gen(function* () {
    const endpoints = yield* Endpoints.Endpoints
    const emulator = yield* Emulator.Emulator
    yield* inTime(Effect.orDie(endpoints.create(name, created)))
    yield* secondsPass(65)
    if (found !== "running") yield* Effect.orDie(emulator.setState(name, found))
  })

/** Starts the endpoint behind the back of the program under test. */
export const starting = Effect.gen(function* () {
  const endpoints = yield* Endpoints.Endpoints
  yield* Effect.orDie(endpoints.create(name, spec))
  yield* secondsPass(5)
})

/** Deletes the endpoint behind the back of the program under test. */
export const removed = Effect.flatMap(Endpoints.Endpoints, (endpoints) =>
  Effect.orDie(endpoints.delete(name))
)

/** The work of most tests: a vector for each word, which is its own key. */
export const job = Job.embed({ key: (word: string) => word, text: (word) => word })

/** So many different words. */
export const words = (count: number, prefix = "w"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** A journal in memory, for more than one run. */
export const withJournal =
  (journal: Journal.Journal) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(program, Journal.Journal, journal)

/** The tag of an error or of a defect. */
export const tagOf = (error: unknown): unknown =>
  Predicate.hasProperty(error, "_tag") ? error._tag : undefined
