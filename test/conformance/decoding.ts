/** Throws garbage at everything that reads what a server says: it may refuse, in words, and nothing else. */
import { assert } from "@effect/vitest"
import {
  Account,
  Catalog,
  ControlPlane,
  Endpoint,
  EndpointMetrics,
  Endpoints,
  EndpointSpec,
  Hardware,
  Image,
  Logs,
  Policy
} from "@stint/core"
import {
  Cause,
  Context,
  Effect,
  Exit,
  Predicate,
  Redacted,
  References,
  Schedule,
  Schema,
  Stream
} from "effect"
import { HttpClient, HttpClientResponse, Headers } from "effect/http"
import { fixtures } from "../fixtures/Fixture.ts"
import { answer, dice, mutated } from "./garbage.ts"

const secret = "hf_NeverToBeSeenAnywhere"

const spec = EndpointSpec.make({
  repository: "acme/model",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const decodes = <S extends Schema.Codec<unknown, unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" })
  return (json: unknown): Effect.Effect<unknown, unknown> => decode(json)
}

const decoders: Readonly<Record<string, (json: unknown) => Effect.Effect<unknown, unknown>>> = {
  endpoint: Endpoint.fromJson,
  "spec file": EndpointSpec.fromJson,
  "create body": decodes(EndpointSpec.CreateBody),
  image: decodes(Image.FromJson),
  page: decodes(ControlPlane.Page),
  replica: decodes(ControlPlane.Replica),
  refusal: decodes(ControlPlane.BadRequest),
  "log record": decodes(Logs.LogRecord),
  graphs: decodes(EndpointMetrics.AllGraphs),
  hardware: (json) => Effect.map(Schema.decodeUnknownEffect(Hardware.Vendors)(json), Hardware.instances),
  quotas: decodes(Hardware.Quotas),
  deployment: decodes(Catalog.DeployBody),
  whoami: decodes(Account.Whoami)
}

type Call = (service: Endpoints.Service) => Effect.Effect<unknown, unknown>

const image: Image.Image = { custom: { url: "x" } }
const window = { start: "2026-10-01T00:00:00Z", stop: "2026-10-01T01:00:00Z" }

const calls: Readonly<Record<string, Call>> & { readonly get: Call } = {
  namespace: ({ namespace }) => namespace,
  account: ({ account }) => account,
  list: ({ list }) => Stream.runDrain(Stream.take(list(), 100)),
  "list of everything": ({ list }) => Stream.runDrain(Stream.take(list({ namespace: "*" }), 100)),
  get: ({ get }) =>
    Effect.map(get("e"), (endpoint) => [
      endpoint.url,
      endpoint.healthUrl,
      endpoint.hardware,
      endpoint.isAsleep,
      EndpointSpec.drift(spec, endpoint)
    ]),
  create: ({ create }) => create("e", spec),
  update: ({ update }) => update("e", { maxReplica: 2 }),
  "update of an image": ({ update }) => update("e", { image }),
  delete: (service) => service.delete("e"),
  pause: ({ pause }) => pause("e"),
  resume: ({ resume }) => resume("e"),
  scaleToZero: ({ scaleToZero }) => scaleToZero("e"),
  changes: ({ changes }) => Stream.runDrain(Stream.take(changes("e"), 1)),
  awaitReady: ({ awaitReady }) => awaitReady("e", { timeout: "1 millis", wasAwake: true }),
  replicas: ({ replicas }) => replicas("e"),
  logs: ({ logs }) => logs("e", { tail: 5 }),
  logRecords: ({ logRecords }) => logRecords("e"),
  followLogs: ({ followLogs }) => Stream.runDrain(followLogs("e")),
  metrics: ({ metrics }) => metrics("e", window),
  openMetrics: ({ openMetrics }) => openMetrics("e"),
  hardware: ({ hardware }) => hardware,
  quotas: ({ quotas }) => quotas,
  catalog: ({ catalog }) => catalog,
  deploy: ({ deploy }) => deploy("acme/model")
}

/** What is wrong with how something ended, if anything: it must succeed, or fail with a typed error that says why. */
const fault = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  if (Cause.hasDies(exit.cause) || Cause.hasInterrupts(exit.cause)) return Cause.pretty(exit.cause)
  const error = Cause.squash(exit.cause)
  if (!Predicate.hasProperty(error, "_tag") || !Predicate.isString(error._tag))
    return `not typed: ${String(error)}`
  if (
    !Predicate.hasProperty(error, "message") ||
    !Predicate.isString(error.message) ||
    error.message.trim() === ""
  )
    return `${error._tag} has no message`
  const said = `${error.message} ${String(error)} ${JSON.stringify(error)}`
  return said.includes(secret) ? `${error._tag} shows the token` : undefined
}

/** A Hugging Face that answers whatever comes up: each round brings dice of its own. */
const makeServer = Effect.fnUntraced(function* (documents: ReadonlyArray<Schema.Json>) {
  const server = { roll: dice(0) }
  const client = HttpClient.make((request) =>
    Effect.sync(() => HttpClientResponse.fromWeb(request, answer(server.roll, documents)))
  )
  const make = (namespace: string | undefined) =>
    Endpoints.make({ token: Redacted.make(secret), namespace }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    )
  return { server, named: yield* make("me"), nameless: yield* make(undefined) }
})

const attempt = (name: string, effect: Effect.Effect<unknown, unknown>): Effect.Effect<string | undefined> =>
  Effect.map(Effect.exit(effect), (exit) => {
    const found = fault(exit)
    return found === undefined ? undefined : `${name}: ${found.slice(0, 2000)}`
  })

const callNames = Object.keys(calls)

const round = Effect.fnUntraced(function* (
  seed: number,
  documents: ReadonlyArray<Schema.Json>,
  { named, nameless, server }: Effect.Success<ReturnType<typeof makeServer>>
) {
  const roll = dice(seed)
  server.roll = roll
  const json = mutated(roll, documents)
  for (const [name, decode] of Object.entries(decoders)) {
    const found = yield* attempt(`decoding ${name}`, decode(json))
    if (found !== undefined) return found
  }
  const name = callNames[Math.floor(roll() * callNames.length)] ?? ""
  const call = calls[name] ?? calls.get
  const found = yield* attempt(`calling ${name}`, call(roll() < 0.9 ? named : nameless))
  if (found !== undefined) return found
  const { headers } = answer(roll, documents)
  return yield* attempt(
    "Retry-After",
    Effect.sync(() => Policy.retryAfterOf(Headers.fromInput(headers)))
  )
})

const settings = Context.make(Policy.CurrentTransient, Schedule.recurs(0)).pipe(
  Context.add(Policy.CurrentPolling, Schedule.recurs(0)),
  Context.add(References.MinimumLogLevel, "None")
)

/** Plays so many rounds, and asserts that none went wrong. A round can be played again by its own seed. */
export const throwGarbage = Effect.fnUntraced(function* (options: {
  readonly seed: number
  readonly rounds: number
}) {
  const all = yield* fixtures
  const documents = all.flatMap(([, { exchanges }]) =>
    exchanges.flatMap(({ request, response }) =>
      [request.body, response.body].filter(Predicate.isNotUndefined)
    )
  )
  const faults: Array<string> = []
  let world = yield* makeServer(documents)
  for (let count = 0; count < options.rounds && faults.length < 5; count++) {
    // What a server knows of itself is remembered, so it is a new one now and then.
    if (count % 200 === 0) world = yield* makeServer(documents)
    const seed = options.seed + count
    const found = yield* round(seed, documents, world)
    if (found !== undefined) faults.push(`seed ${seed}: ${found}`)
  }
  assert.deepStrictEqual(faults, [])
}, Effect.provideContext(settings))
