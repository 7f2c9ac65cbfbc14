/**
 * The service that a trial's processes call: an emulator, an engine that answers by the schedule, and a network that
 * spoils what it carries by the schedule.
 *
 * One emulator serves trial after trial, because building it takes longer than most trials: each trial has an endpoint and
 * a clock of its own.
 */
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator, type Engine, Scenario } from "@stint/emulator"
import { Context, Effect, Layer, Option, Redacted, Schema, type Scope } from "effect"
import { HttpClient, HttpClientRequest, HttpServerResponse } from "effect/http"
import * as Dice from "./Dice.ts"
import * as Machine from "./Machine.ts"
import * as Schedule from "./Schedule.ts"

/** An emulator that trials share, one after the other. */
export interface Bench {
  readonly context: Context.Context<Emulator.Emulator | Endpoints.Endpoints | HttpClient.HttpClient>
  /** What the processes call the service with. */
  readonly endpoints: Endpoints.Endpoints["Service"]
  readonly token: Redacted.Redacted
  readonly serveWith: (engine: Engine.Engine) => void
  trials: number
}

const idle: Engine.Engine = {
  name: "idle",
  healthRoute: "/health",
  handle: () => Effect.succeed(HttpServerResponse.text("Ok"))
}

export const bench: Effect.Effect<Bench, never, Scope.Scope> = Effect.gen(function* () {
  let engine = idle
  const boots = Schedule.bootSeconds.map((seconds) => ({
    on: { endpoint: `*-b${seconds}` },
    do: { bootTakes: `${seconds} seconds` as const }
  }))
  const context = yield* Layer.build(
    Emulator.layerTest(
      Scenario.make({
        rules: [...boots, { on: { plane: "data", path: "/die" }, do: { replicaDies: true } }]
      }),
      { logCapacity: 1, engines: () => ({ ...idle, handle: (request) => engine.handle(request) }) }
    )
  )
  const { namespace, token, urls } = Context.get(context, Emulator.Emulator)
  const endpoints = yield* Effect.provideService(
    Endpoints.make({ token, namespace, apiUrl: urls.management, hubUrl: urls.hub }),
    HttpClient.HttpClient,
    Machine.client
  )
  return {
    context,
    endpoints,
    token,
    serveWith: (next) => {
      engine = next
    },
    trials: 0
  }
})

/** What a call is, as far as the trial cares. */
export type Kind =
  | "infer"
  | "probe"
  | "get"
  | "create"
  | "resume"
  | "pause"
  | "scaleToZero"
  | "delete"
  | "other"

const Inputs = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Struct({ inputs: Schema.String })))

/** Asked many times of each call. */
const once = <A>(read: (call: Machine.Call) => A) => {
  const known = new WeakMap<Machine.Call, { readonly value: A }>()
  return (call: Machine.Call): A => {
    const found = known.get(call)
    if (found !== undefined) return found.value
    const value = read(call)
    known.set(call, { value })
    return value
  }
}

export const textOf = once(({ body }) =>
  body === "" ? "" : Option.match(Inputs(body), { onNone: () => "", onSome: ({ inputs }) => inputs })
)

export const kindOf = once(({ method, url }): Kind => {
  if (!url.host.startsWith("api.")) {
    if (url.host.startsWith("hub.")) return "other"
    return method === "POST" ? "infer" : url.pathname === "/health" ? "probe" : "other"
  }
  const [, , , , name, action] = url.pathname.split("/")
  if (method === "DELETE") return "delete"
  if (method === "GET") return action === undefined ? "get" : "other"
  if (name === undefined) return "create"
  return action === "resume"
    ? "resume"
    : action === "pause"
      ? "pause"
      : action === "scale-to-zero"
        ? "scaleToZero"
        : "other"
})

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  bytes: new TextEncoder().encode(JSON.stringify(body)),
  isCut: false
})

const page = (status: number): Machine.Answer => ({
  status,
  headers: { "content-type": "text/html" },
  bytes: new TextEncoder().encode("<!DOCTYPE html><html><body>It works!</body></html>"),
  isCut: false
})

const refusals: Readonly<Record<Exclude<Schedule.CallFault, "page" | "torn" | "shape">, Machine.Answer>> = {
  "429": json(429, { error: "Model is overloaded", error_type: "overloaded" }),
  "429 retry-after": json(429, { error: "slow down" }, { "retry-after": "7" }),
  "424": json(424, { error: "Request failed during generation", error_type: "generation" }),
  "500": json(500, { error: "boom" }),
  "503 cold": json(503, { error: "503 Service Unavailable", code: "SERVICE_UNAVAILABLE" }),
  "503 queue": json(503, { error: "router queue is full" }),
  "502": json(502, { error: "502 Bad Gateway", code: "BAD_GATEWAY" }),
  "504": page(504),
  "401": json(401, { error: "Unauthorized", code: "UNAUTHORIZED" })
}

const fated: Readonly<Record<Exclude<Schedule.Fate, "fine">, Machine.Answer>> = {
  invalid: json(422, { error: "Input validation error: too long", error_type: "Validation" }),
  tooLarge: json(413, { error: "too large", error_type: "Validation" }),
  outOfShape: json(200, { hello: "world" })
}

const answerTo = (
  schedule: Schedule.Schedule,
  text: string,
  nth: number,
  isCalm: boolean,
  onFault: Schedule.OnFault
): Machine.Answer => {
  const fate = schedule.fates.get(text) ?? "fine"
  const fault = isCalm ? undefined : Schedule.callFault(schedule, text, nth, onFault)
  const right = fate === "fine" ? json(200, Schedule.answerOf(text)) : fated[fate]
  if (fault === undefined) return right
  if (fault === "page") return page(200)
  if (fault === "shape") return json(200, { hello: "world" })
  if (fault === "torn") return { ...right, status: 200, bytes: new TextEncoder().encode("[[0.1,") }
  return refusals[fault]
}

/** The states in which an endpoint costs nothing. */
export const asleep: ReadonlyArray<string> = ["paused", "scaledToZero", "failed", "gone"]

/** What a trial has done to the endpoint, beside its processes. */
export interface Done {
  readonly deed: Schedule.Deed
  readonly at: number
  readonly process: number
}

const spec = (trial: number) =>
  EndpointSpec.make({
    repository: `acme/trial-${trial}`,
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1"
  })

/** The service of one trial. */
export const make = (
  bench: Bench,
  schedule: Schedule.Schedule,
  now: () => number,
  watch: {
    readonly onFault: Schedule.OnFault
    /** The service takes longer over something, or says what is not so. */
    readonly onDelay: () => void
    /** Does something in the world, whatever becomes of who asked for it. */
    readonly inWorld: (effect: Effect.Effect<unknown>) => void
  }
) => {
  const { onFault } = watch
  const emulator = Context.get(bench.context, Emulator.Emulator)
  const http = Context.get(bench.context, HttpClient.HttpClient)
  const endpoints = Context.get(bench.context, Endpoints.Endpoints)
  const trial = bench.trials++
  const name = `t${trial}-b${schedule.bootSeconds}`
  const calls = new Map<string, number>()
  const done: Array<Done> = []
  let isCalm = false
  let failedPauses = schedule.failedPauses
  let lies = schedule.lyingPauses
  /** Where the API says that the endpoint is. */
  const hosts = new Set<string>()
  let failedBoots = schedule.failedBoots
  let inEngine = 0
  const latency = Dice.named(schedule.seed, "latency")

  const nthOf = (key: string) => {
    const nth = calls.get(key) ?? 0
    calls.set(key, nth + 1)
    return nth
  }

  bench.serveWith({
    name: "scripted",
    healthRoute: "/health",
    handle: (request) =>
      request.method === "GET"
        ? Effect.succeed(HttpServerResponse.text("Ok"))
        : Effect.gen(function* () {
            const text = Option.match(Inputs(yield* Effect.orDie(request.text)), {
              onNone: () => "",
              onSome: ({ inputs }) => inputs
            })
            const nth = nthOf(`engine ${text}`)
            const [low, high] = schedule.serviceMillis
            inEngine++
            yield* Effect.sleep(Dice.named(schedule.seed, `time ${nth} ${text}`).between(low, high)).pipe(
              Effect.ensuring(Effect.sync(() => inEngine--))
            )
            const answer = answerTo(schedule, text, nth, isCalm, onFault)
            return HttpServerResponse.uint8Array(answer.bytes, {
              status: answer.status,
              headers: answer.headers
            })
          })
  })

  const forward = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<Machine.Answer | undefined> =>
    http.execute(request).pipe(
      Effect.flatMap((response) =>
        Effect.map(response.arrayBuffer, (buffer) => {
          const bytes = new Uint8Array(buffer)
          if (new URL(request.url).host.startsWith("api.")) {
            const [, host] = /"url":"https?:\/\/([^/"]+)/.exec(new TextDecoder().decode(bytes)) ?? []
            if (host !== undefined) hosts.add(host)
          }
          return { status: response.status, headers: { ...response.headers }, bytes, isCut: false }
        })
      ),
      Effect.orElseSucceed(() => undefined)
    )

  const carried = Effect.fnUntraced(function* (
    request: HttpClientRequest.HttpClientRequest,
    fault: Schedule.WireFault | undefined
  ) {
    if (fault === "refused") return undefined
    if (fault === "hang") return yield* Effect.never
    if (fault === "late") yield* Effect.sleep("12 seconds")
    const answer = yield* forward(request)
    if (fault === "lost") return undefined
    if (fault === "hang after") return yield* Effect.never
    if (fault === "slow") yield* Effect.sleep("4 seconds")
    if (fault !== "cut" || answer === undefined) return answer
    return { ...answer, bytes: answer.bytes.subarray(0, answer.bytes.length >> 1), isCut: true }
  })

  /** The boot that is under way goes wrong. */
  const failBoot = Effect.suspend(() =>
    Effect.flatMap(state, (found) => {
      if (isCalm || asleep.includes(found) || found === "running") return Effect.void
      done.push({ deed: "fail", at: now(), process: -1 })
      return Effect.exit(emulator.setState(name, "failed", { message: "out of luck" }))
    })
  )

  const managed = Effect.fnUntraced(function* (
    request: HttpClientRequest.HttpClientRequest,
    kind: Kind
  ): Effect.fn.Return<Machine.Answer | undefined> {
    if (kind === "pause" && !isCalm) {
      if (failedPauses > 0) {
        failedPauses--
        return refusals["500"]
      }
      if (lies > 0) {
        lies--
        watch.onDelay()
        const url = request.url.replace(/\/pause$/, "")
        return yield* forward(HttpClientRequest.get(url, { headers: request.headers }))
      }
    }
    if (failedBoots > 0 && !isCalm && (kind === "resume" || kind === "create")) {
      failedBoots--
      watch.inWorld(Effect.andThen(Effect.sleep("400 millis"), failBoot))
    }
    const fault = isCalm ? undefined : Schedule.managementFault(schedule, kind, nthOf(kind), onFault)
    switch (fault) {
      case undefined:
        return yield* forward(request)
      case "429":
        return json(429, { error: "Too Many Requests" }, { "retry-after": "3" })
      case "500":
        return refusals["500"]
      case "503":
        return refusals["503 cold"]
      case "page":
        watch.onDelay()
        return page(200)
      case "lands":
        // A release that came when nobody waits for it any more could end the next run: no lease can know of that.
        if (kind !== "resume" && kind !== "create") return undefined
        watch.inWorld(Effect.andThen(Effect.sleep(3000), forward(request)))
        return undefined
      default:
        if (fault !== "refused" && fault !== "lost") watch.onDelay()
        return yield* carried(request, fault)
    }
  })

  const serve: Machine.Serve = (request, call) =>
    Effect.gen(function* () {
      yield* Effect.sleep(latency.between(0, 2))
      const kind = kindOf(call)
      if (kind !== "infer") return yield* managed(request, kind)
      const text = textOf(call)
      const fault = isCalm ? undefined : Schedule.wireFault(schedule, text, nthOf(`wire ${text}`), onFault)
      return yield* carried(request, fault)
    })

  const state: Effect.Effect<string> = Effect.map(
    emulator.endpoints,
    (all) => all.find((endpoint) => endpoint.name === name)?.state ?? "gone"
  )

  /** Somebody else does something to the endpoint, if it is there to be done to. */
  const strike = Effect.fnUntraced(function* (deed: Schedule.Deed, process: number) {
    if ((yield* state) !== "running") return
    if (deed === "killReplica") {
      const found = yield* Effect.option(endpoints.get(name))
      if (Option.isNone(found) || found.value.url === undefined) return
      done.push({ deed, at: now(), process })
      const { href } = found.value.url
      const request = HttpClientRequest.post(new URL("/die", href)).pipe(
        HttpClientRequest.setHeader("authorization", `Bearer ${Redacted.value(emulator.token)}`),
        HttpClientRequest.bodyText("{}", "application/json")
      )
      yield* forward(request)
      return
    }
    done.push({ deed, at: now(), process })
    if (deed === "delete") yield* Effect.exit(endpoints.delete(name))
    else {
      const next = { pause: "paused", scaleToZero: "scaledToZero", fail: "failed" }[deed]
      yield* Effect.exit(emulator.setState(name, next, { message: "out of luck" }))
    }
  })

  /** The endpoint as the schedule wants it found. */
  const prepare = Effect.gen(function* () {
    if (schedule.found === "nothing") return
    yield* Effect.orDie(endpoints.create(name, spec(trial)))
    yield* Effect.sleep(`${schedule.bootSeconds + 1} seconds`)
    if (schedule.found !== "running") yield* Effect.orDie(emulator.setState(name, schedule.found))
  })

  const minutes = emulator.bill(name).pipe(
    Effect.map((bill) => bill.billedMinutes),
    Effect.orElseSucceed(() => 0)
  )

  return {
    name,
    token: emulator.token,
    namespace: emulator.namespace,
    spec: spec(trial),
    endpoints: bench.endpoints,
    serve,
    state,
    strike,
    prepare,
    minutes,
    remove: Effect.exit(endpoints.delete(name)),
    done: (): ReadonlyArray<Done> => done,
    calm: () => {
      isCalm = true
    },
    /** Whether an address is the endpoint's own. */
    isHost: (url: URL) => hosts.has(url.host),
    inEngine: () => inEngine
  }
}

export type Service = ReturnType<typeof make>
