/**
 * Hugging Face Inference Endpoints in a box: the management API, the hub's `whoami`, and endpoints that boot, bill,
 * fall asleep and compute something true.
 *
 * {@link layerMemory} answers through an `HttpClient` without sockets, on the environment's `Clock`: a whole run fits
 * on a `TestClock`. {@link layerServer} listens on real sockets. Both are the same server behind another transport.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Stream from "effect/Stream"
import * as HttpClient from "effect/http/HttpClient"
import type { ServeError } from "effect/http/HttpServerError"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Endpoint from "@stint/core/Endpoint"
import { NotFound } from "@stint/core/EndpointError"
import * as Endpoints from "@stint/core/Endpoints"
import type { Dataset } from "./Dataset.ts"
import type { Engine } from "./Engine.ts"
import { stranger } from "./internal/account.ts"
import * as Access from "./internal/access.ts"
import * as Cdn from "./internal/cdn.ts"
import * as Datasets from "./internal/datasets.ts"
import * as Engines from "./internal/engines.ts"
import * as Faults from "./internal/faults.ts"
import * as Front from "./internal/front.ts"
import { type Held, toJson } from "./internal/held.ts"
import * as Identifier from "./internal/identifier.ts"
import * as Lifecycle from "./internal/lifecycle.ts"
import * as Limits from "./internal/limits.ts"
import * as Memory from "./internal/memory.ts"
import * as RateLimit from "./internal/rateLimit.ts"
import * as RequestLog from "./internal/requestLog.ts"
import * as Sockets from "./internal/sockets.ts"
import * as Store from "./internal/store.ts"
import type { App } from "./internal/wire.ts"
import type * as Meter from "./Meter.ts"
import type { Scenario } from "./Scenario.ts"

/** One request and its answer, as the emulator's log keeps it. */
export type RequestRecord = RequestLog.RequestRecord

/** What the log has counted since the start. */
export type Counts = RequestLog.Counts

/** What an endpoint is asked to serve. */
export type Served = Engines.Served

/** What a fine-grained token may be allowed to do. */
export type Permission = Access.Permission

/** How the emulator is set up. Everything has a default. */
export interface Options {
  /** The token that may do everything. Default: `hf_emulator`. */
  readonly token?: Redacted.Redacted | string | undefined
  /** More tokens of the same user, which may do less. */
  readonly tokens?:
    | ReadonlyArray<{
        readonly token: Redacted.Redacted | string
        readonly permissions: ReadonlyArray<Permission>
      }>
    | undefined
  /** The user's name. Default: `emulator`. */
  readonly namespace?: string | undefined
  /** Organisations the user belongs to, namespaces as well. Default: none. */
  readonly organizations?: ReadonlyArray<string> | undefined
  /** Whether the user has a payment method; without one, creating is refused. Default: true. */
  readonly canPay?: boolean | undefined
  /** The time from create, resume or a waking request to `running`. Default: 2 seconds; the first quarter is `pending`. */
  readonly boot?: Duration.Input | undefined
  /** The time that an update takes, during which the endpoint answers 503. Default: a quarter of `boot`. */
  readonly update?: Duration.Input | undefined
  /** How many accelerators of an instance type a namespace may use, as in `{ "nvidia-l4": 16 }`. Default: plenty of each. */
  readonly quota?: Readonly<Record<string, number>> | undefined
  /** Instance types, or single instances by their id, of which none is free now. Default: none. */
  readonly unavailable?: ReadonlyArray<string> | undefined
  /** How many management calls a token may make in a time; more are answered 429. Default: as many as one likes. */
  readonly rateLimit?: { readonly calls: number; readonly window: Duration.Input } | undefined
  /** What goes wrong, and when. Default: nothing. */
  readonly scenario?: Scenario | undefined
  /** The hub's datasets, by `OWNER/NAME`. Default: none. */
  readonly datasets?: Readonly<Record<string, Dataset>> | undefined
  /** Chooses an engine before the emulator does; `undefined` leaves the choice to it. */
  readonly engines?: ((served: Served) => Engine | undefined) | undefined
  /** How many requests `log` keeps. Default: 10,000; the counts are exact whatever it is. */
  readonly logCapacity?: number | undefined
  /** Told of every request. */
  readonly onRequest?: ((record: RequestRecord) => Effect.Effect<void>) | undefined
}

/** {@link Options}, and where to listen. */
export interface ServerOptions extends Options {
  /** Of the management API. Default: 0, a free one. Each endpoint has another, free one. */
  readonly port?: number | undefined
  /** The address to listen on. Default: `127.0.0.1`. Requests for other host names are refused unless it is `0.0.0.0` or `::`. */
  readonly host?: string | undefined
}

/**
 * A running emulator.
 *
 * @example
 * ```ts
 * import { Endpoints, EndpointSpec } from "@stint/core"
 * import { Emulator } from "@stint/emulator"
 * import { Effect, Layer } from "effect"
 *
 * const spec = EndpointSpec.make({
 *   repository: "sentence-transformers/all-MiniLM-L6-v2",
 *   accelerator: "cpu",
 *   vendor: "aws",
 *   region: "us-east-1",
 *   instanceType: "intel-spr",
 *   instanceSize: "x1"
 * })
 *
 * export const program = Effect.gen(function* () {
 *   const endpoints = yield* Endpoints.Endpoints
 *   yield* endpoints.create("batch", spec)
 *   const endpoint = yield* endpoints.awaitReady("batch")
 *   yield* endpoints.pause("batch")
 *   const emulator = yield* Emulator.Emulator
 *   const { billedMinutes } = yield* emulator.bill("batch")
 *   return [endpoint.state, billedMinutes] // running, 1
 * }).pipe(Effect.provide(Emulator.layerEndpoints.pipe(Layer.provideMerge(Emulator.layerMemory()))))
 * ```
 */
export class Emulator extends Context.Service<
  Emulator,
  {
    /** Where it is: the management API with its version, the hub, the catalog. */
    readonly urls: { readonly management: URL; readonly hub: URL; readonly catalog: URL }
    /** The token that may do everything. */
    readonly token: Redacted.Redacted
    /** The user's name. */
    readonly namespace: string
    /** What the server holds now, in all namespaces, the oldest first. */
    readonly endpoints: Effect.Effect<ReadonlyArray<Endpoint.Endpoint>>
    /** What an endpoint has cost until now; a deleted one keeps its bill, and a successor of its name adds to it. */
    readonly bill: (name: string, namespace?: string) => Effect.Effect<Meter.Bill, NotFound>
    /** The latest requests, the oldest first. */
    readonly log: Effect.Effect<ReadonlyArray<RequestRecord>>
    /** Exact counts of all requests. */
    readonly counts: Effect.Effect<Counts>
    /** Requests as they are answered. A reader that is 1,024 behind loses the oldest. */
    readonly requests: Stream.Stream<RequestRecord>
    /**
     * Puts an endpoint into a state, as a fault or somebody else would: `failed` with an error message, `paused` by
     * another user, `pending` for ever. Nothing follows from it by itself, but that a running endpoint may fall idle.
     */
    readonly setState: (
      name: string,
      state: Endpoint.State,
      options?: { readonly message?: string | undefined; readonly namespace?: string | undefined }
    ) => Effect.Effect<void, NotFound>
    /** Puts a dataset on the hub, as the next commit of what stood under its name. */
    readonly setDataset: (id: string, dataset: Dataset) => Effect.Effect<void>
  }
>()("@stint/emulator/Emulator") {}

const redacted = (token: Redacted.Redacted | string) =>
  typeof token === "string" ? Redacted.make(token, { label: "HF_TOKEN" }) : token

/** Everything but the transport. */
const make = Effect.fnUntraced(function* (options: Options, transport: Store.Transport) {
  let answered = 0
  const identified = (app: App): App =>
    Effect.map(app, (response) =>
      HttpServerResponse.setHeader(response, "x-request-id", Identifier.request(answered++))
    )
  const token = redacted(options.token ?? "hf_emulator")
  const account = {
    namespace: options.namespace ?? "emulator",
    organizations: options.organizations ?? [],
    canPay: options.canPay ?? true
  }
  const access = Access.make([
    { token, permissions: ["inference.endpoints.write", "inference.endpoints.infer.write"] },
    ...(options.tokens ?? []).map((grant) => ({ ...grant, token: redacted(grant.token) }))
  ])
  const log = yield* RequestLog.make({ capacity: options.logCapacity ?? 10_000, sink: options.onRequest })
  const faults = yield* Faults.make(options.scenario)
  const boot = Duration.fromInputUnsafe(options.boot ?? "2 seconds")
  const lifecycle = yield* Lifecycle.make({
    boot,
    update:
      options.update === undefined ? Duration.times(boot, 0.25) : Duration.fromInputUnsafe(options.update),
    bootFault: ({ name }) => faults.boot(name)
  })
  const rateLimit = RateLimit.make(
    {
      calls: options.rateLimit?.calls ?? 1000,
      window: Duration.fromInputUnsafe(options.rateLimit?.window ?? "5 minutes")
    },
    options.rateLimit !== undefined
  )
  const ours = yield* Engines.make
  const choose: Engines.Choose = (served) => options.engines?.(served) ?? ours(served)
  const limits = (all: () => Iterable<Held>) =>
    Limits.make({
      all,
      canPay: account.canPay,
      quota: options.quota ?? {},
      unavailable: options.unavailable ?? []
    })
  const store = yield* Store.make({
    transport: {
      open: (id, provider, app) => transport.open(id, provider, identified(app))
    },
    lifecycle,
    access,
    choose,
    log,
    faults,
    limits
  })
  const datasets = Datasets.make(options.datasets ?? {})
  // Known once they listen, which is before anybody can ask.
  let found: Memory.Origins = Memory.origins
  const origins = () => found
  const front = identified(
    yield* Front.make({
      account,
      access,
      choose,
      datasets,
      faults,
      lifecycle,
      origins,
      rateLimit,
      store,
      log
    })
  )
  const cdn = identified(Cdn.make({ datasets, faults, log }))

  const find = (name: string, namespace: string) =>
    Effect.mapError(store.get(namespace, name), () => new NotFound({ namespace, name }))

  const service = (origins: Memory.Origins): Emulator["Service"] => ({
    setDataset: (id, dataset) => Effect.sync(() => datasets.set(id, dataset)),
    urls: {
      management: new URL("/v2", origins.management),
      hub: new URL(origins.hub),
      catalog: new URL("/api/catalog", origins.catalog)
    },
    token,
    namespace: account.namespace,
    endpoints: Effect.suspend(() =>
      Effect.forEach(store.all(), (held) => Effect.orDie(Endpoint.fromJson(toJson(held))))
    ),
    bill: Effect.fn("Emulator.bill")(function* (name, namespace = account.namespace) {
      return (yield* store.bill(namespace, name)) ?? (yield* new NotFound({ namespace, name }))
    }),
    log: log.latest,
    counts: log.counts,
    requests: log.stream,
    setState: Effect.fn("Emulator.setState")(function* (name, state, more) {
      const held = yield* find(name, more?.namespace ?? account.namespace)
      yield* lifecycle.force(held, stranger, { state, message: more?.message })
    })
  })
  const at = (origins: Memory.Origins) => {
    found = origins
    return service(origins)
  }
  return { front, cdn, at }
}, Effect.provide(NodeHttpServer.layerHttpServices))

/**
 * The emulator without sockets. The `HttpClient` beside it reaches the emulator's own hosts and no other: any other
 * is refused like a connection. Time is the environment's `Clock`.
 *
 * @example
 * ```ts
 * import { Emulator } from "@stint/emulator"
 * import { Effect } from "effect"
 * import { HttpClient } from "effect/http"
 *
 * export const program = Effect.gen(function* () {
 *   const { urls } = yield* Emulator.Emulator
 *   const response = yield* HttpClient.get(new URL("/api/whoami-v2", urls.hub))
 *   return response.status // 401: no token was sent
 * }).pipe(Effect.provide(Emulator.layerMemory({ boot: "1 minute" })))
 * ```
 */
export const layerMemory = (options: Options = {}): Layer.Layer<Emulator | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const network = Memory.make()
      const { at, cdn, front } = yield* make(options, network.transport)
      for (const origin of Object.values(Memory.origins)) network.serve(origin, front)
      network.serve(Memory.origins.cdn, cdn)
      return Context.make(Emulator, at(Memory.origins)).pipe(
        Context.add(HttpClient.HttpClient, network.client)
      )
    })
  )

/**
 * The emulator on real sockets: management API and hub on one port, the files of datasets on another, and each endpoint on a port of its own from its
 * creation to its deletion, so that `status.url` is an origin without a path, as in reality.
 *
 * @example
 * ```ts
 * import { Emulator } from "@stint/emulator"
 * import { Console, Effect, Layer } from "effect"
 *
 * const announce = Layer.effectDiscard(
 *   Effect.flatMap(Emulator.Emulator, ({ urls }) => Console.log(`export STINT_API_URL=${urls.management}`))
 * )
 * export const main = Layer.launch(Layer.provide(announce, Emulator.layerServer({ port: 8377 })))
 * ```
 */
export const layerServer = (options: ServerOptions = {}): Layer.Layer<Emulator, ServeError> =>
  Layer.effect(
    Emulator,
    Effect.gen(function* () {
      const host = options.host ?? "127.0.0.1"
      const { at, cdn, front } = yield* make(options, {
        // An endpoint that cannot listen on any free port is a broken machine.
        open: (_id, _provider, app) => Effect.orDie(Sockets.listen(app, { host, port: 0 }))
      })
      const origin = yield* Sockets.listen(front, { host, port: options.port ?? 0 })
      // Another origin, so that what is for the hub alone does not reach it.
      const files = yield* Sockets.listen(cdn, { host, port: 0 })
      return at({ management: origin, hub: origin, catalog: origin, cdn: files })
    })
  )

/**
 * The client of `@stint/core`, pointed at the emulator in the environment with its token and namespace.
 *
 * @example
 * ```ts
 * import { Endpoints } from "@stint/core"
 * import { Emulator } from "@stint/emulator"
 * import { Effect, Layer, Stream } from "effect"
 *
 * const Test = Emulator.layerEndpoints.pipe(Layer.provideMerge(Emulator.layerMemory()))
 * export const count = Endpoints.Endpoints.use(({ list }) => Stream.runCount(list())).pipe(Effect.provide(Test))
 * ```
 */
export const layerEndpoints: Layer.Layer<Endpoints.Endpoints, never, Emulator | HttpClient.HttpClient> =
  Layer.effect(
    Endpoints.Endpoints,
    Effect.flatMap(Emulator, ({ namespace, token, urls }) =>
      Endpoints.make({ token, namespace, apiUrl: urls.management, hubUrl: urls.hub })
    )
  )

/**
 * Everything a test of one's own needs: the emulator without sockets, with a scenario of faults, and the client of
 * `@stint/core` on it. Time is the environment's `Clock`: on a `TestClock` a cold start takes no time at all.
 *
 * @example
 * ```ts
 * import { Endpoints } from "@stint/core"
 * import { Emulator, Scenario } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * const scenario = Scenario.make({ rules: [{ do: { pauseFails: 2 } }] })
 *
 * export const test = Effect.gen(function* () {
 *   const endpoints = yield* Endpoints.Endpoints
 *   return yield* endpoints.pause("batch") // answered 500 twice; the client tries again
 * }).pipe(Effect.provide(Emulator.layerTest(scenario, { boot: "5 minutes" })))
 * ```
 */
export const layerTest = (
  scenario?: Scenario,
  options?: Omit<Options, "scenario">
): Layer.Layer<Emulator | Endpoints.Endpoints | HttpClient.HttpClient> =>
  Layer.provideMerge(layerEndpoints, layerMemory({ ...options, scenario }))
