/**
 * The members of `stint.json`, and what is said of one that is none.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as EndpointName from "@stint/core/EndpointName"
import { PositiveDuration, ShortDuration } from "./ShortDuration.ts"

const isPositive = Schema.decodeUnknownOption(PositiveDuration)
const isDuration = Schema.decodeUnknownOption(ShortDuration)

/** A text that is checked; the description stands first, where the published schema finds it. */
const text = (description: string, isGood: (text: string) => boolean, words: string) =>
  Schema.optionalKey(
    Schema.String.annotate({ description }).check(Schema.makeFilter((given) => isGood(given) || words))
  )

const positive = (description: string) =>
  text(
    `${description}, as in 30s, 10m or 1h`,
    (given) => Option.isSome(isPositive(given)),
    "Expected a duration above 0, as in 30s, 10m or 1h"
  )
const duration = (description: string) =>
  text(
    `${description}, as in 30s, 10m or 1h`,
    (given) => Option.isSome(isDuration(given)),
    "Expected a duration, as in 30s, 10m or 1h"
  )

const described = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema.annotate({ description }))

const aboveZero = Schema.Finite.check(Schema.isGreaterThan(0))
const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const format = Schema.Literals(["jsonl", "csv", "parquet"])

/** The codec of `stint.json`. */
export const Settings = Schema.Struct({
  $schema: described(Schema.String, "Where this schema is, for an editor"),
  namespace: described(Schema.NonEmptyString, "The user or organisation whose endpoints are meant"),
  endpoint: text(
    "--endpoint: the name of the endpoint, 1 to 32 lowercase letters, digits or hyphens",
    EndpointName.isValid,
    "Expected 1 to 32 lowercase letters, digits or hyphens"
  ),
  spec: described(Schema.NonEmptyString, "--spec: what to create, a path from this file's folder"),
  job: described(
    Schema.Literals(["embed", "classify", "generate", "chat", "image", "transcribe", "http"]),
    "--job: what to do with each row"
  ),
  out: described(Schema.NonEmptyString, "--out: the output folder, a path from this file's folder"),
  onRelease: described(
    Schema.Literals(["pause", "restore", "scale-to-zero"]),
    "What becomes of the endpoint in the end, where --on-release is not given; it is no leave to use a running endpoint"
  ),
  readyTimeout: duration("--ready-timeout"),
  onForeignPause: described(Schema.Literals(["stop", "resume"]), "--on-foreign-pause"),
  onLeased: described(Schema.Literals(["refuse", "join", "wait"]), "--on-leased"),
  backstop: described(Schema.Literals(["warn", "set"]), "--backstop"),
  maxCost: described(aboveZero, "--max-cost, in US dollars"),
  maxBilledMinutes: described(aboveZero, "--max-billed-minutes"),
  concurrency: described(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4096 })),
    "--concurrency: requests in flight"
  ),
  requestsPerMinute: described(count, "--requests-per-minute"),
  tokensPerMinute: described(count, "--tokens-per-minute"),
  attemptTimeout: positive("--attempt-timeout"),
  itemTimeout: positive("--item-timeout"),
  deadline: positive("--deadline of stint run"),
  maxFailures: described(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
    "--max-failures, in per cent"
  ),
  dedupe: described(Schema.Boolean, "--dedupe or --no-dedupe"),
  pack: described(
    Schema.Union([
      Schema.Literal("off"),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
    ]),
    "--pack: rows that share a request at most, or off"
  ),
  skipInvalid: described(Schema.Boolean, "--skip-invalid"),
  drainTimeout: duration("--drain-timeout"),
  outputFormat: described(
    Schema.Union([format, Schema.NonEmptyArray(format)]),
    "--output-format, one or several"
  ),
  order: described(Schema.Literals(["finished", "input"]), "--order"),
  images: described(Schema.Literals(["inline", "files"]), "--images"),
  metricsPort: described(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })),
    "--metrics-port: where Prometheus finds /metrics, 0 for a free port"
  ),
  metricsLinger: duration("--metrics-linger"),
  requestSpans: described(
    Schema.Finite.check(Schema.isGreaterThan(0), Schema.isLessThanOrEqualTo(1)),
    "--request-spans: the share of requests that are traced"
  )
}).annotate({
  title: "stint.json",
  description: "What a project repeats on the command line of stint. Flags and the environment go before it."
})

/** What a file says. */
export type Settings = typeof Settings.Type

/** The name of a setting. */
export type Member = Exclude<keyof Settings, "$schema">

/** What a setting can be. */
export type Value = string | number | boolean | ReadonlyArray<string>

const isMember = (name: string): name is Member => name !== "$schema" && Object.hasOwn(Settings.fields, name)

/** All settings there are. */
export const named: ReadonlyArray<Member> = Object.keys(Settings.fields).filter(isMember)

/** The settings that are there. */
export const membersOf = (settings: Settings): ReadonlyArray<readonly [Member, Value]> =>
  named.flatMap((member) => {
    const value = settings[member]
    return value === undefined ? [] : [[member, value] as const]
  })

/** `jsonl,csv` as the list that it is. */
export const arrayElse = (text: string): Schema.Json => text.split(",").map((part) => part.trim())

/** How many letters must be changed, put in or taken out to make the one the other. */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1]
    for (const [j, other] of Array.from(to).entries()) {
      next.push(
        Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1)
      )
    }
    row = next
  }
  return row[to.length] ?? 0
}

const plain = (name: string) => name.toLowerCase().replace(/[^a-z]/g, "")

const nearest = (name: string): { readonly member: Member; readonly far: number } | undefined => {
  const [best] = named
    .map((member) => ({ member, far: distance(plain(name), plain(member)) }))
    .toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= Math.max(1, Math.floor(plain(name).length / 4)) ? best : undefined
}

const byFlagOnly: Readonly<Record<string, string>> = {
  guardian: "--no-guardian",
  price: "--price",
  force: "--force",
  yes: "--yes",
  changed: "--changed",
  metricsHost: "--metrics-host"
}

const reasonFor = (name: string): string => {
  const near = nearest(name)
  const flag = byFlagOnly[name]
  const slip = `it has no member "${name}": did you mean "${near?.member}"?`
  if (near !== undefined && near.far <= 1) return slip
  if (/(token|key|secret|password|credentials?)$/i.test(name)) {
    return `"${name}" has no place in it: a project's file is shared, and holds no secrets. Set HF_TOKEN, or log in with "hf auth login"`
  }
  if (flag !== undefined) return `"${name}" has no place in it: it is decided for each run, with ${flag}`
  if (/(url|host|hub|api|proxy|catalog|server)$|^hf_?endpoint$/i.test(name)) {
    return `"${name}" has no place in it: a project's file cannot set hosts, since your token would be sent there. Set STINT_API_URL or HF_ENDPOINT in the environment`
  }
  if (near !== undefined) return slip
  return `it has no member "${name}". It can have ${named.join(", ")}`
}

const decode = Schema.decodeUnknownEffect(Settings, { errors: "all", onExcessProperty: "error" })
const toIssues = SchemaIssue.makeFormatterStandardSchemaV1()

const known = (json: object, path: ReadonlyArray<unknown>, message: string): string => {
  const [member, ...rest] = path.map((key) => (typeof key === "object" ? "" : String(key)))
  if (
    member === "onRelease" &&
    "onRelease" in json &&
    (json.onRelease === "keep" || json.onRelease === "delete")
  ) {
    return `"onRelease" cannot be "${json.onRelease}" in it: what bills on or cannot be undone is said for each run, with --on-release ${json.onRelease}`
  }
  return `"${[member, ...rest].join(".")}": ${message}`
}

/** The settings of an object, or what is wrong with it in words. */
export const check = (json: object): Effect.Effect<Settings, string> => {
  const strange = Object.keys(json).filter((name) => !Object.hasOwn(Settings.fields, name))
  if (strange.length > 0) return Effect.fail(strange.map(reasonFor).join("; "))
  return Effect.mapError(decode(json), (error) => {
    const said = new Map(
      toIssues(error.issue).issues.map(({ message, path }) => [
        String(path?.[0]),
        known(json, path ?? [], message)
      ])
    )
    return [...said.values()].join("; ")
  })
}

/** The published JSON Schema of the file. */
export const jsonSchema = (): Schema.JsonObject => {
  const { schema } = Schema.toJsonSchemaDocument(Settings, {
    onExcessProperty: "error",
    generateDescriptions: true
  })
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...decodeObject(schema) }
}

const decodeObject = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.Json))
