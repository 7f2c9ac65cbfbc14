/** What the conformance suite runs against, and what it must know of it beforehand. */
import { randomUUID } from "node:crypto"
import { it } from "@effect/vitest"
import {
  type Endpoint,
  type EndpointError,
  Endpoints,
  type EndpointSpec,
  Hardware,
  Policy
} from "@stint/core"
import { type Duration, Effect, type Layer, Schedule, Schema, type Scope, Stream } from "effect"
import { HttpClientRequest } from "effect/http"

/** One implementation of Inference Endpoints. */
export interface Subject {
  readonly layer: Layer.Layer<Endpoints.Endpoints, unknown>
  /** How its time goes by: on the test's clock, or by itself. */
  readonly time: "virtual" | "real"
  /** Lets time pass until a wait is over. On a real clock there is nothing to do. */
  readonly pass: <A, E, R>(wait: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** How long an endpoint may take to be ready. */
  readonly patience: Duration.Input
  /** An organisation in which the token may create endpoints. */
  readonly organization: string | undefined
  /** US dollars that an hour of any one endpoint may cost; `undefined` where nothing is billed. */
  readonly spendingCap: number | undefined
}

/** An endpoint that would cost more than was allowed. */
export class TooDear extends Schema.TaggedError<TooDear>()("TooDear", {
  hardware: Schema.String,
  pricePerHour: Schema.optional(Schema.Finite),
  cap: Schema.Finite
}) {
  override get message() {
    return `${this.hardware} costs ${this.pricePerHour === undefined ? "an unknown price" : `$${this.pricePerHour}`} an hour; the cap is $${this.cap}.`
  }
}

/** Refuses hardware whose hour, with all replicas up, costs more than the cap; asked before anything is created. */
export const afford = Effect.fnUntraced(function* (spec: EndpointSpec.EndpointSpec, cap: number | undefined) {
  if (cap === undefined) return
  const { instance, pricePerHour } = yield* Hardware.check(spec)
  if (pricePerHour === undefined || pricePerHour > cap)
    return yield* new TooDear({ hardware: Hardware.describe(instance), pricePerHour, cap })
})

/** A name that no other run has, on a test's seeded clock neither. */
export const freshName = Effect.sync(() => `stint-${randomUUID().slice(0, 13)}`)

const patiently = Schedule.max([Schedule.exponential("1 second"), Schedule.recurs(6)])

/** Deletes an endpoint whatever it takes; one that is gone is fine. */
const remove = (endpoints: Endpoints.Service, name: string) =>
  endpoints.delete(name).pipe(
    Effect.catchTag("NotFound", () => Effect.void),
    Effect.retry(patiently),
    Effect.timeout("2 minutes"),
    Effect.catch((error) => Effect.logError(`endpoint "${name}" was not deleted: DELETE IT BY HAND`, error))
  )

/** What a scenario may do. */
export interface Stage {
  readonly endpoints: Endpoints.Service
  /**
   * Creates an endpoint of a name that nobody has, within the cap; it is deleted when the scenario ends. `unasked` goes
   * to the server without asking whether there is such hardware.
   */
  readonly create: (
    spec: EndpointSpec.EndpointSpec,
    options?: { readonly name?: string; readonly in?: Endpoints.Service; readonly unasked?: boolean }
  ) => Effect.Effect<
    Endpoint.Endpoint,
    | EndpointError.Conflict
    | EndpointError.QuotaExceeded
    | EndpointError.ApiError
    | Hardware.HardwareUnavailable
    | TooDear,
    Endpoints.Endpoints | Scope.Scope
  >
  /** Waits until an endpoint is ready. */
  readonly ready: (name: string) => Effect.Effect<Endpoint.Endpoint, EndpointError.NotReady>
  readonly subject: Subject
}

const stage = (subject: Subject) =>
  Effect.map(Endpoints.Endpoints, (endpoints): Stage => ({
    endpoints,
    subject,
    create: Effect.fnUntraced(function* (spec, options = {}) {
      if (options.unasked !== true) yield* afford(spec, subject.spendingCap)
      const name = options.name ?? (yield* freshName)
      const where = options.in ?? endpoints
      // Before the POST, so that one whose answer is lost is deleted too.
      yield* Effect.addFinalizer(() => remove(where, name))
      return yield* where.create(name, spec)
    }),
    ready: (name) => subject.pass(endpoints.awaitReady(name, { timeout: subject.patience }))
  }))

const eager = Effect.provideService(Policy.CurrentPolling, Schedule.spaced("20 millis"))

/** Makes tests of scenarios: each on a stage of its own. */
export const scenarios =
  (subject: Subject) =>
  (
    name: string,
    play: (stage: Stage) => Effect.Effect<unknown, unknown, Endpoints.Endpoints | Scope.Scope>
  ) => {
    const whole = Effect.flatMap(stage(subject), play).pipe(Effect.scoped, Effect.provide(subject.layer))
    const isCostly = subject.spendingCap !== undefined
    if (subject.time === "virtual") it.effect(name, () => whole)
    else it.live(name, () => (isCostly ? whole : eager(whole)), { timeout: isCostly ? 3_600_000 : 30_000 })
  }

/** A scenario that cannot be played here: its title says why. */
export const impossible = (name: string, reason: string) => it.skip(`${name} (not here: ${reason})`, () => {})

/** The names in a list. */
export const namesIn = (list: ReturnType<Endpoints.Service["list"]>) =>
  Stream.runCollect(Stream.map(list, ({ name }) => name))

/** A POST of JSON to the endpoint itself. */
export const post = (
  stage: Stage,
  endpoint: Endpoint.Endpoint,
  path: string,
  body: unknown,
  accept = "*/*"
) => {
  const request = HttpClientRequest.post(path, { headers: { accept } })
  return stage.endpoints.clientFor(endpoint).execute(HttpClientRequest.bodyJsonUnsafe(request, body))
}
