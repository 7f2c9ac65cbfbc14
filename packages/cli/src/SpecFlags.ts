/**
 * What an endpoint should be, as flags: the fields of a spec file that one likes to type.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Flag from "effect/cli/Flag"
import type { Instance } from "@stint/core/Hardware"
import { EndpointsRefused } from "./EndpointsRefused.ts"
import { PositiveDuration } from "./ShortDuration.ts"
import * as SpecFile from "./SpecFile.ts"

const text = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

/** The flags. */
export const flags = {
  spec: text("spec", "JSON file with the fields of a spec; flags win over it"),
  repository: text("repository", "The model's repository, as in intfloat/e5-small"),
  revision: text("revision", "Its branch, tag or commit"),
  task: text("task", "What the model does, as in feature-extraction or text-generation"),
  framework: text("framework", "As in pytorch, the default, or custom"),
  accelerator: text("accelerator", "cpu, gpu or neuron; that of the instance when it is left out"),
  vendor: text("vendor", "aws, gcp or azure"),
  region: text("region", "As in us-east-1"),
  instanceType: text("instance-type", 'As in nvidia-l4; see "stint hardware"'),
  instanceSize: text("instance-size", "As in x1"),
  minReplica: Flag.Int("min-replica").pipe(
    Flag.withDescription("The fewest replicas, 0 by default: then it falls asleep by itself"),
    Flag.optional
  ),
  maxReplica: Flag.Int("max-replica").pipe(
    Flag.withDescription("The most replicas, 1 by default; each is billed while it runs"),
    Flag.optional
  ),
  scaleToZero: Flag.String("scale-to-zero-timeout").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription(
      "Time without requests after which it falls asleep, 15m to 48h; or never, which bills on"
    ),
    Flag.withSchema(Schema.Union([Schema.Literal("never"), PositiveDuration])),
    Flag.optional
  ),
  access: Flag.Literals("type", ["authenticated", "public", "private"]).pipe(
    Flag.withDescription(
      "Who may call it: whoever has a token of the namespace (authenticated, the default), anybody, or a private network"
    ),
    Flag.optional
  ),
  env: Flag.String("env").pipe(
    Flag.withDescription("KEY=VALUE for the container; may be given again. Secrets belong into a spec file"),
    Flag.atLeast(0),
    Flag.withDefault([])
  ),
  tag: Flag.String("tag").pipe(
    Flag.withDescription("A tag; may be given again"),
    Flag.atLeast(0),
    Flag.withDefault([])
  )
}

interface Given {
  readonly spec: Option.Option<string>
  readonly repository: Option.Option<string>
  readonly revision: Option.Option<string>
  readonly task: Option.Option<string>
  readonly framework: Option.Option<string>
  readonly accelerator: Option.Option<string>
  readonly vendor: Option.Option<string>
  readonly region: Option.Option<string>
  readonly instanceType: Option.Option<string>
  readonly instanceSize: Option.Option<string>
  readonly minReplica: Option.Option<number>
  readonly maxReplica: Option.Option<number>
  readonly scaleToZero: Option.Option<"never" | Duration.Duration>
  readonly access: Option.Option<string>
  readonly env: ReadonlyArray<string>
  readonly tag: ReadonlyArray<string>
}

/** Fields of a spec as JSON, by name. */
export type Fields = { readonly [field: string]: Schema.Json }

const pairOf = (pair: string): readonly [string, string] | undefined => {
  const at = pair.indexOf("=")
  return at < 1 ? undefined : [pair.slice(0, at), pair.slice(at + 1)]
}

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

/** The fields that are given: those of the file, then those of the flags. */
export const fields = Effect.fnUntraced(function* (given: Given, command: string) {
  const file = Option.isNone(given.spec) ? {} : yield* SpecFile.readJson(given.spec.value)
  if (!isObject(file)) {
    return yield* new SpecFile.SpecFileError({
      path: Option.getOrElse(given.spec, () => ""),
      detail: "expected an object with the fields of a spec"
    })
  }
  const pairs: Array<readonly [string, string]> = []
  for (const one of given.env) {
    const pair = pairOf(one)
    if (pair === undefined) {
      return yield* new EndpointsRefused({ command, detail: `--env "${one}" is not KEY=VALUE` })
    }
    pairs.push(pair)
  }
  const flags: Record<string, Option.Option<Schema.Json>> = {
    repository: given.repository,
    revision: given.revision,
    task: given.task,
    framework: given.framework,
    accelerator: given.accelerator,
    vendor: given.vendor,
    region: given.region,
    instanceType: given.instanceType,
    instanceSize: given.instanceSize,
    minReplica: given.minReplica,
    maxReplica: given.maxReplica,
    scaleToZeroTimeout: Option.map(given.scaleToZero, (one) =>
      one === "never" ? null : Duration.toMinutes(one)
    ),
    type: given.access,
    env: pairs.length === 0 ? Option.none() : Option.some(Object.fromEntries(pairs)),
    tags: given.tag.length === 0 ? Option.none() : Option.some(given.tag)
  }
  const own = Object.entries(flags).flatMap(([name, value]) =>
    Option.isSome(value) ? [[name, value.value] as const] : []
  )
  const all: Fields = { ...file, ...Object.fromEntries(own) }
  return all
})

const places = ["vendor", "region", "instanceType", "instanceSize", "accelerator"] as const

/**
 * The fields with the rest of the hardware, where what is given leaves no choice: an instance that only one region has names
 * its region. What leaves a choice stays open.
 */
export const completed = (given: Fields, all: ReadonlyArray<Instance>): Fields => {
  const open = places.filter((place) => given[place] === undefined)
  if (open.length === 0 || given["instanceType"] === undefined) return given
  const matching = matches(given, all)
  const found: Record<string, Schema.Json> = {}
  for (const place of open) {
    const values = new Set(matching.map((instance) => instance[place]))
    const [value] = values
    if (values.size === 1 && value !== undefined) found[place] = value
  }
  return { ...given, ...found }
}

/** The instances that are all that is given of them. */
export const matches = (given: Fields, all: ReadonlyArray<Instance>): ReadonlyArray<Instance> =>
  all.filter((instance) =>
    places.every((place) => given[place] === undefined || given[place] === instance[place])
  )
