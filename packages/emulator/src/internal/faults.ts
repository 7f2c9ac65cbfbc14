/** A scenario at work: which of its faults strike which request and which boot. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Plane, Rule, Scenario } from "../Scenario.ts"
import type { BootFault } from "./lifecycle.ts"
import * as Refusal from "./refusal.ts"
import type { Name } from "./route.ts"
import * as Wire from "./wire.ts"

/** What a rule is matched against. */
export interface Subject {
  readonly plane: typeof Plane.Type
  readonly route: Name
  readonly method: string
  readonly path: string
  readonly endpoint: string | undefined
}

/** What befalls an endpoint when a request comes. */
export interface Blows {
  readonly setState: (state: string, message: string | undefined) => Effect.Effect<void>
}

/** Whether a pause is answered as if it had happened. Read by its handler. */
export const PauseLies = Context.Reference<boolean>("@stint/emulator/internal/faults/PauseLies", {
  defaultValue: () => false
})

/** Whether the replica that takes the request dies of it. Read by the data plane. */
export const ReplicaDies = Context.Reference<boolean>("@stint/emulator/internal/faults/ReplicaDies", {
  defaultValue: () => false
})

/** A scenario at work. */
export interface Faults {
  /** Lets the faults that are due befall an answer. */
  readonly around: (subject: Subject, blows: Blows) => (app: Wire.App) => Wire.App
  /** What is wrong with a boot of an endpoint. */
  readonly boot: (endpoint: string) => Effect.Effect<BootFault>
  /** Whether replicas may die, so that requests have to be ready for it. */
  readonly canKill: boolean
}

const bootKeys = new Set(["bootTakes", "stuck", "bootFails"])

const isBoot = (rule: Rule) => Object.keys(rule.do).some((key) => bootKeys.has(key))

/** A pause that fails a few times is a rule for a few pauses. */
const normalised = (rule: Rule): Rule => {
  const { pauseFails, ...fault } = rule.do
  if (fault.pauseLies === true) return { ...rule, on: { ...rule.on, route: "pause" } }
  if (pauseFails === undefined) return rule
  const first = rule.on?.from ?? 1
  return {
    on: { ...rule.on, route: "pause", from: first, to: first + pauseFails - 1 },
    do: { status: 500, ...fault }
  }
}

const glob = (pattern: string) => {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
  const expression = new RegExp(`^${parts.join(".*")}$`)
  return (text: string) => expression.test(text)
}

/** Counts the matches of one rule, and says which of them it is for. */
const counted = ({ do: fault, on = {} }: Rule) => {
  const path = on.path === undefined ? undefined : glob(on.path)
  const endpoint = on.endpoint === undefined ? undefined : glob(on.endpoint)
  let count = 0
  const strikes = (age: number, subject: Partial<Subject>): boolean => {
    if (on.plane !== undefined && on.plane !== subject.plane) return false
    if (on.route !== undefined && on.route !== subject.route) return false
    if (on.method !== undefined && on.method.toUpperCase() !== subject.method) return false
    if (path !== undefined && !path(subject.path ?? "")) return false
    if (endpoint !== undefined && !endpoint(subject.endpoint ?? "")) return false
    if (on.after !== undefined && age < Duration.toMillis(on.after)) return false
    if (on.before !== undefined && age >= Duration.toMillis(on.before)) return false
    count += 1
    return count >= (on.from ?? 1) && count <= (on.to ?? Infinity)
  }
  return { fault, strikes }
}

const page = "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"

const words: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  408: "Request Timeout",
  409: "Conflict",
  413: "Payload Too Large",
  422: "Unprocessable Entity",
  424: "Failed Dependency",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
}

const instead = ({ body, headers = {}, status = 500 }: Rule["do"]): HttpServerResponse.HttpServerResponse => {
  const text = words[status] ?? "Error"
  const response =
    body === undefined
      ? Refusal.refusal(status, `${status} ${text}`, text.toUpperCase().replaceAll(" ", "_"))
      : typeof body === "string"
        ? HttpServerResponse.text(body, { status })
        : HttpServerResponse.jsonUnsafe(body, { status })
  return HttpServerResponse.setHeaders(response, headers)
}

/** What the answer becomes on its way out. */
const spoil = (fault: Rule["do"]) => (response: HttpServerResponse.HttpServerResponse) => {
  const said = fault.garbage === true ? HttpServerResponse.text(page, { contentType: "text/html" }) : response
  const slow =
    fault.slowBody === undefined
      ? said
      : Wire.slowed(said, fault.slowBody.bytes, Effect.sleep(fault.slowBody.every))
  return fault.cutBody === undefined ? slow : Wire.cutAfter(slow, fault.cutBody)
}

const befall = (fault: Rule["do"], blows: Blows) =>
  Effect.fnUntraced(function* (
    app: Wire.App
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, Wire.Cut, Effect.Services<Wire.App>> {
    if (fault.delay !== undefined) yield* Effect.sleep(fault.delay)
    if (fault.state !== undefined) yield* blows.setState(fault.state, fault.message)
    if (fault.reset === "before") return yield* new Wire.Cut()
    if (fault.hang === "before") return yield* Effect.never
    const answer = fault.status === undefined ? app : Effect.succeed(instead(fault))
    const response = yield* answer.pipe(
      fault.pauseLies === true ? Effect.provideService(PauseLies, true) : identity,
      fault.replicaDies === true ? Effect.provideService(ReplicaDies, true) : identity
    )
    if (fault.reset === "after") return yield* new Wire.Cut()
    if (fault.hang === "after") return yield* Effect.never
    return spoil(fault)(response)
  })

/** Sets a scenario to work. Its times begin now. */
export const make = Effect.fnUntraced(function* (scenario: Scenario | undefined): Effect.fn.Return<Faults> {
  const epoch = yield* Clock.currentTimeMillis
  const rules = (scenario?.rules ?? []).map(normalised)
  const boots = rules.filter(isBoot).map(counted)
  const requests = rules.filter(Predicate.not(isBoot)).map(counted)
  const age = Effect.map(Clock.currentTimeMillis, (now) => now - epoch)
  return {
    canKill: requests.some(({ fault }) => fault.replicaDies === true),
    around: (subject, blows) => (app) =>
      requests.length === 0
        ? app
        : Effect.flatMap(age, (now) =>
            requests
              // Every rule counts, whether or not another one strikes first.
              .filter((rule) => rule.strikes(now, subject))
              .reduceRight<Wire.App>((inner, { fault }) => befall(fault, blows)(inner), app)
          ),
    boot: (endpoint) =>
      Effect.map(age, (now) => {
        const struck = boots.filter((rule) => rule.strikes(now, { endpoint }))
        const first = <A>(of: (fault: Rule["do"]) => A | undefined) =>
          struck.map(({ fault }) => of(fault)).find(Predicate.isNotUndefined)
        return {
          takes: first((fault) => fault.bootTakes),
          stuck: first((fault) => fault.stuck),
          fails: first((fault) => fault.bootFails)
        }
      })
  }
})
