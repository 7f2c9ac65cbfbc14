/**
 * What goes wrong, and when: faults on any route, on the data plane, and while endpoints boot.
 *
 * A scenario is data. It is written in code with {@link make}, read from a JSON file with {@link fromJson}, or drawn
 * from a seed with {@link seeded}; the same scenario brings the same faults on virtual time and on sockets.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Dice from "./internal/dice.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

const Time = Schema.DurationFromString

/** Which part of the service a request goes to. */
export const Plane = Schema.Literals(["management", "hub", "catalog", "data"])

/**
 * The routes of the management API, the hub and the catalog, by name. `dataset` is what the hub says of datasets and where
 * their files are, `file` the host that it sends readers of files to.
 */
export const Route = Schema.Literals([
  "list",
  "create",
  "get",
  "update",
  "delete",
  "pause",
  "resume",
  "scaleToZero",
  "replicas",
  "logs",
  "metrics",
  "openMetrics",
  "providers",
  "whoami",
  "dataset",
  "file",
  "catalog"
])

/**
 * Which requests, or boots, a rule is about: those that match everything given. `from` and `to` count the matches from
 * 1; `after` and `before` are times since the emulator started. `path` may hold `*` for any characters. `endpoint` is
 * the name in the path, which a create does not have.
 */
export const On = Schema.Struct({
  plane: Schema.optionalKey(Plane),
  route: Schema.optionalKey(Route),
  method: Schema.optionalKey(Schema.String),
  path: Schema.optionalKey(Schema.String),
  endpoint: Schema.optionalKey(Schema.String),
  from: Schema.optionalKey(Count),
  to: Schema.optionalKey(Count),
  after: Schema.optionalKey(Time),
  before: Schema.optionalKey(Time)
})

/** `before`: it never arrives; `after`: it takes effect, and the answer is lost. */
const Moment = Schema.Literals(["before", "after"])

const request = {
  /** Waits first. */
  delay: Schema.optionalKey(Time),
  /** Answers this instead. */
  status: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 }))),
  /** Of the answer above: text, or JSON. Default: the API's own error body. */
  body: Schema.optionalKey(Schema.Json),
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Cuts the connection. */
  reset: Schema.optionalKey(Moment),
  /** Never answers. */
  hang: Schema.optionalKey(Moment),
  /** Cuts the connection after so many bytes of the body. */
  cutBody: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))),
  /** Answers a web page, with status 200, whatever the request has done. */
  garbage: Schema.optionalKey(Schema.Literal(true)),
  /** Sends the body in pieces of so many bytes, one each time. */
  slowBody: Schema.optionalKey(Schema.Struct({ bytes: Count, every: Time })),
  /** A pause is answered as if it had happened, and has not. */
  pauseLies: Schema.optionalKey(Schema.Literal(true)),
  /** So many matching pauses are answered 500. */
  pauseFails: Schema.optionalKey(Count),
  /** The replica that takes the request dies, with all that it has in hand, and another one starts. */
  replicaDies: Schema.optionalKey(Schema.Literal(true)),
  /** The endpoint is put into a state, as somebody else would. */
  state: Schema.optionalKey(Schema.String),
  /** What goes with the state: an error message for a failure. */
  message: Schema.optionalKey(Schema.String)
}

const boot = {
  /** The boot takes so long. */
  bootTakes: Schema.optionalKey(Time),
  /** The boot never leaves this state. */
  stuck: Schema.optionalKey(Schema.Literals(["pending", "initializing", "updating"])),
  /** The container exits instead of answering, with this reason. */
  bootFails: Schema.optionalKey(Schema.String)
}

const isBoot = (key: string) => key in boot

/** What happens then. Several of one kind may go together, such as `delay` and `status`. */
export const Do = Schema.Struct({ ...request, ...boot }).check(
  Schema.makeFilter((fault) => {
    const keys = Object.keys(fault)
    if (keys.length === 0)
      return `expected at least one of ${[...Object.keys(request), ...Object.keys(boot)].join(", ")}`
    if (keys.some(isBoot) && !keys.every(isBoot))
      return "faults of a boot and of a request cannot share a rule"
    if (("body" in fault || "headers" in fault) && fault.status === undefined)
      return "body and headers need a status"
    if (fault.message !== undefined && fault.state === undefined) return "message needs a state"
    return undefined
  })
)

/** One fault. Without `on` it strikes every request, or every boot. */
export const Rule = Schema.Struct({ on: Schema.optionalKey(On), do: Do }).check(
  Schema.makeFilter(({ do: fault, on = {} }) => {
    const odd = ["plane", "route", "method", "path"].find((key) => key in on)
    return odd !== undefined && Object.keys(fault).some(isBoot)
      ? { path: ["on", odd], issue: "a boot has no such thing: only endpoint, from, to, after and before" }
      : undefined
  })
)

/** One fault. */
export type Rule = typeof Rule.Type

/** A scenario as its file holds it: durations are written as in `"2 seconds"`. */
export const Scenario = Schema.Struct({
  description: Schema.optionalKey(Schema.String),
  rules: Schema.Array(Rule)
})

/** What goes wrong, and when. */
export type Scenario = typeof Scenario.Type

/** A scenario in writing. */
export type Input = typeof Scenario.Encoded

const options = { errors: "all", onExcessProperty: "error" } as const

const decodeSync = Schema.decodeSync(Scenario, options)

/**
 * Makes a scenario in code. Throws a `SchemaError` that names the field when it is none.
 *
 * @example
 * ```ts
 * import { Scenario } from "@stint/emulator"
 *
 * export const scenario = Scenario.make({
 *   rules: [
 *     { on: { route: "create", to: 1 }, do: { reset: "after" } }, // created, but nobody hears of it
 *     { on: { plane: "data", path: "/embed", from: 10, to: 19 }, do: { status: 429 } },
 *     { on: { endpoint: "batch" }, do: { bootTakes: "12 minutes" } },
 *     { do: { pauseFails: 2 } }
 *   ]
 * })
 * ```
 */
export const make = (input: Input): Scenario => decodeSync(input)

/**
 * Reads a scenario from JSON of unknown origin. A field that there is not is an error, with its name.
 *
 * @example
 * ```ts
 * import { Scenario } from "@stint/emulator"
 *
 * export const scenario = Scenario.fromJson({ rules: [{ on: { plane: "data" }, do: { delay: "2 seconds" } }] })
 * ```
 */
export const fromJson: (json: unknown) => Effect.Effect<Scenario, Schema.SchemaError> = (json) =>
  Schema.decodeUnknownEffect(Scenario)(json, options)

/**
 * Reads a scenario from the text of a JSON file.
 *
 * @example
 * ```ts
 * import { Scenario } from "@stint/emulator"
 *
 * export const scenario = Scenario.fromText('{"rules": [{"do": {"pauseLies": true}}]}')
 * ```
 */
export const fromText: (text: string) => Effect.Effect<Scenario, Schema.SchemaError> = (text) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(Scenario))(text, options)

/** A fault that {@link seeded} can draw. */
export type Kind =
  | "status"
  | "delay"
  | "resetBefore"
  | "resetAfter"
  | "hang"
  | "cutBody"
  | "garbage"
  | "slowBody"
  | "replicaDies"
  | "bootTakes"

/** What {@link seeded} draws from. */
export interface SeededOptions {
  /** How many faults. Default: 10. */
  readonly faults?: number | undefined
  /** Faults strike among the first so many requests of their plane. Default: 200. */
  readonly requests?: number | undefined
  /** Default: all but `hang`, which asks the client for a timeout. */
  readonly kinds?: ReadonlyArray<Kind> | undefined
  /** Default: `management` and `data`. */
  readonly planes?: ReadonlyArray<typeof Plane.Type> | undefined
  /** Only on this endpoint. */
  readonly endpoint?: string | undefined
}

const everyKind: ReadonlyArray<Kind> = [
  "status",
  "delay",
  "resetBefore",
  "resetAfter",
  "cutBody",
  "garbage",
  "slowBody",
  "replicaDies",
  "bootTakes"
]

const draw = (kind: Kind, dice: Dice.Dice): Input["rules"][number]["do"] => {
  switch (kind) {
    case "status":
      return { status: dice.pick([429, 500, 502, 503, 504]) ?? 500 }
    case "delay":
      return { delay: `${dice.between(1, 20)} seconds` }
    case "resetBefore":
      return { reset: "before" }
    case "resetAfter":
      return { reset: "after" }
    case "hang":
      return { hang: dice.pick(["before", "after"] as const) ?? "before" }
    case "cutBody":
      return { cutBody: dice.between(0, 200) }
    case "garbage":
      return { garbage: true }
    case "slowBody":
      return { slowBody: { bytes: dice.between(1, 64), every: `${dice.between(1, 500)} millis` } }
    case "replicaDies":
      return { replicaDies: true }
    case "bootTakes":
      return { bootTakes: `${dice.between(1, 900)} seconds` }
  }
}

/**
 * Draws a scenario: the same seed and options give the same one. All of its faults pass.
 *
 * @example
 * ```ts
 * import { Scenario } from "@stint/emulator"
 *
 * export const scenario = Scenario.seeded(42, { faults: 20, planes: ["data"] })
 * ```
 */
export const seeded = (seed: number, options: SeededOptions = {}): Scenario => {
  const dice = Dice.make(seed)
  const requests = options.requests ?? 200
  const planes = options.planes ?? (["management", "data"] as const)
  const kinds = (options.kinds ?? everyKind).filter(
    (kind) => kind !== "replicaDies" || planes.includes("data")
  )
  const rules = Array.from({ length: options.faults ?? 10 }, (): Input["rules"][number] => {
    const kind = dice.pick(kinds) ?? "status"
    const plane = dice.pick(planes) ?? "data"
    const from = dice.between(1, kind === "bootTakes" ? 3 : requests)
    const to = from + (kind === "status" ? dice.between(0, 4) : 0)
    const endpoint = options.endpoint === undefined ? {} : { endpoint: options.endpoint }
    const where = kind === "bootTakes" ? {} : { plane: kind === "replicaDies" ? ("data" as const) : plane }
    return { on: { ...where, ...endpoint, from, to }, do: draw(kind, dice) }
  })
  return make({ description: `seed ${seed}`, rules })
}
