/**
 * The variables of OpenTelemetry, as far as they mean something here.
 *
 * A value that cannot be used is said and left out, and the run goes on: telemetry is never a reason not to work.
 *
 * @source https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 * @source https://opentelemetry.io/docs/specs/otel/protocol/exporter/
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"
import * as Sampler from "./Sampler.ts"

/** Where the telemetry of one kind goes, and how. */
export interface Target {
  /** Without a user. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly isJson: boolean
  readonly compression: "gzip" | "none"
  /** How long a request may take. */
  readonly timeoutMillis: number
}

/** Everything that the variables say. */
export interface Settings {
  readonly traces: (Target & { readonly everyMillis: number; readonly batch: number }) | undefined
  readonly metrics:
    | (Target & { readonly everyMillis: number; readonly temporality: "cumulative" | "delta" })
    | undefined
  readonly sampler: Sampler.Sampler
  readonly serviceName: string
  readonly serviceVersion: string | undefined
  readonly attributes: Readonly<Record<string, string>>
  /** The span of whoever started the command, as W3C writes it. */
  readonly traceparent: string | undefined
  /** What must never be told: values of headers, and passwords. */
  readonly secrets: ReadonlyArray<string>
  /** What could not be used, a sentence each. */
  readonly problems: ReadonlyArray<string>
}

const variable = (name: string) =>
  Effect.map(
    Effect.orElseSucceed(Config.option(Config.String(name)), () => Option.none<string>()),
    (given) => {
      const text = Option.getOrElse(given, () => "").trim()
      return text === "" ? undefined : text
    }
  )

type Read = (name: string) => Effect.Effect<string | undefined>

const NO_ENCODING = "holds a % that is no percent-encoding"

/** `key=value,key=value`, each half percent-decoded. */
const pairs = (text: string | undefined): Result.Result<Readonly<Record<string, string>>, string> =>
  Result.try({
    try: () =>
      Object.fromEntries(
        (text ?? "")
          .split(",")
          .map((pair) => [pair.slice(0, Math.max(0, pair.indexOf("="))), pair.slice(pair.indexOf("=") + 1)])
          .map(([key = "", value = ""]) => [decodeURIComponent(key.trim()), decodeURIComponent(value.trim())])
          .filter(([key]) => key !== "")
      ),
    catch: () => NO_ENCODING
  })

/** The user that an address names, as a header. */
const userOf = ({ password, username }: URL): Result.Result<Readonly<Record<string, string>>, string> =>
  Result.try({
    try: () =>
      username === "" && password === ""
        ? {}
        : {
            authorization: `Basic ${Base64.encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`
          },
    catch: () => NO_ENCODING
  })

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined

type Kind = "TRACES" | "METRICS"

/** Reads the variables of one kind of telemetry; `tell` is told what is wrong. */
const targetOf = Effect.fnUntraced(function* (kind: Kind, read: Read, tell: (problem: string) => void) {
  const lower = kind.toLowerCase()
  const of = Effect.fnUntraced(function* (name: string) {
    return (yield* read(`OTEL_EXPORTER_OTLP_${kind}_${name}`)) ?? (yield* read(`OTEL_EXPORTER_OTLP_${name}`))
  })
  const exporter = (yield* read(`OTEL_${kind}_EXPORTER`)) ?? "otlp"
  const names = new Set(exporter.split(",").map((name) => name.trim().toLowerCase()))
  const own = yield* read(`OTEL_EXPORTER_OTLP_${kind}_ENDPOINT`)
  const given = own ?? (yield* read("OTEL_EXPORTER_OTLP_ENDPOINT"))
  if (given === undefined || names.has("none")) return undefined
  if (!names.has("otlp")) {
    tell(`OTEL_${kind}_EXPORTER is ${exporter}, and only otlp and none are known: no ${lower} are sent`)
    return undefined
  }
  const url = URL.parse(given)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    tell(
      `the OTLP endpoint for ${lower} is no address of http or https: no ${lower} are sent. Write it as in http://127.0.0.1:4318`
    )
    return undefined
  }
  const protocol = (yield* of("PROTOCOL")) ?? "http/protobuf"
  if (protocol !== "http/protobuf" && protocol !== "http/json") {
    tell(
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${protocol}, and only http/protobuf and http/json are spoken: no ${lower} are sent. Collectors take them on port 4318`
    )
    return undefined
  }
  const headers = pairs(yield* of("HEADERS"))
  if (Result.isFailure(headers)) tell(`OTEL_EXPORTER_OTLP_HEADERS ${headers.failure}: none of them is sent`)
  const compression = (yield* of("COMPRESSION")) ?? "none"
  if (compression !== "gzip" && compression !== "none") {
    tell(`OTEL_EXPORTER_OTLP_COMPRESSION is ${compression}, and only gzip and none are known: none is used`)
  }
  const user = userOf(url)
  if (Result.isFailure(user))
    tell(`the user of the OTLP endpoint for ${lower} ${user.failure}: it is not sent`)
  const secret = url.password
  url.username = ""
  url.password = ""
  // A general endpoint is a base; one for a kind is the whole address.
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/${lower}`
  const target: Target = {
    url,
    headers: { ...Result.getOrElse(user, () => ({})), ...Result.getOrElse(headers, () => ({})) },
    isJson: protocol === "http/json",
    compression: compression === "gzip" ? "gzip" : "none",
    timeoutMillis: whole(yield* of("TIMEOUT")) ?? 10_000
  }
  return { target, secret }
})

/** Names and versions of who sends; attributes beside them. */
const resourceOf = Effect.fnUntraced(function* (
  read: Read,
  tell: (problem: string) => void,
  version: string
) {
  const found = pairs(yield* read("OTEL_RESOURCE_ATTRIBUTES"))
  if (Result.isFailure(found)) tell(`OTEL_RESOURCE_ATTRIBUTES ${found.failure}: none of them is sent`)
  const {
    "service.name": name,
    "service.version": given,
    ...attributes
  } = Result.getOrElse(found, (): Readonly<Record<string, string>> => ({}))
  return {
    serviceName: (yield* read("OTEL_SERVICE_NAME")) ?? name ?? "stint",
    serviceVersion: given ?? version,
    attributes
  }
})

/**
 * What the variables ask for; `undefined` where they ask for nothing: no endpoint is named, or `OTEL_SDK_DISABLED` is true.
 */
export const read = Effect.fnUntraced(function* (version: string): Effect.fn.Return<Settings | undefined> {
  const disabled = yield* variable("OTEL_SDK_DISABLED")
  if (disabled?.toLowerCase() === "true") return undefined
  const problems: Array<string> = []
  const tell = (problem: string) => {
    if (!problems.includes(problem)) problems.push(problem)
  }
  const traces = yield* targetOf("TRACES", variable, tell)
  const metrics = yield* targetOf("METRICS", variable, tell)
  if (traces === undefined && metrics === undefined && problems.length === 0) return undefined

  const sampler = Sampler.parse(
    yield* variable("OTEL_TRACES_SAMPLER"),
    yield* variable("OTEL_TRACES_SAMPLER_ARG")
  )
  if (Result.isFailure(sampler)) tell(`${sampler.failure}: every run is traced`)
  const preference = yield* variable("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
  const number = (name: string, otherwise: number) =>
    Effect.map(variable(name), (text) => {
      const value = whole(text)
      if (text !== undefined && !value) tell(`${name} is no whole number above 0: it is ${otherwise}`)
      return value || otherwise
    })
  const secretsOf = (found: typeof traces) =>
    found === undefined ? [] : [found.secret, ...Object.values(found.target.headers)]

  return {
    traces: traces && {
      ...traces.target,
      everyMillis: yield* number("OTEL_BSP_SCHEDULE_DELAY", 5000),
      batch: yield* number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)
    },
    metrics: metrics && {
      ...metrics.target,
      everyMillis: yield* number("OTEL_METRIC_EXPORT_INTERVAL", 10_000),
      temporality: preference?.toLowerCase() === "delta" ? "delta" : "cumulative"
    },
    sampler: Result.getOrElse(sampler, () => Sampler.standard),
    ...(yield* resourceOf(variable, tell, version)),
    traceparent: yield* variable("TRACEPARENT"),
    // Anything shorter is found in texts that do not hold it.
    secrets: [...secretsOf(traces), ...secretsOf(metrics)].filter(({ length }) => length >= 8),
    problems
  }
})
