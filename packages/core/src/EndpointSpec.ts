/**
 * What an endpoint should be: the flat description that a person writes, and the nested body that the API wants.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const MINUTE = 60_000

/**
 * A duration that the wire holds as whole minutes, 15 to 2880.
 *
 * @source The API answers 400 "must be between 15 and 2880 minutes" to anything else.
 */
export const Minutes = Schema.Finite.pipe(
  // Checked as a Duration, so that a spec made in code is held to it like one that is read.
  Schema.decodeTo(
    Schema.Duration.check(
      Schema.makeFilter((duration) => {
        const minutes = Duration.toMillis(duration) / MINUTE
        if (!Number.isInteger(minutes)) return "expected whole minutes"
        return minutes >= 15 && minutes <= 2880 ? undefined : "expected 15 to 2880 minutes"
      })
    ),
    {
      decode: SchemaGetter.transform((minutes: number) => Duration.minutes(minutes)),
      encode: SchemaGetter.transform((duration: Duration.Duration) => Duration.toMillis(duration) / MINUTE)
    }
  )
)

/**
 * Endpoint names: 1 to 32 lowercase letters, digits and hyphens.
 */
export const Name = Schema.String.check(
  Schema.isPattern(/^[a-z0-9-]{1,32}$/, {
    message: "expected 1 to 32 lowercase letters, digits or hyphens"
  })
)

const Replicas = Schema.Finite.check(
  Schema.isInt({ message: "expected a whole number of replicas" }),
  Schema.isGreaterThanOrEqualTo(0, { message: "expected a whole number of replicas" })
)

const Image = Schema.Record(Schema.String, Schema.Json).check(
  Schema.makeFilter(
    (image: Record<string, Schema.Json>) =>
      typeof image["url"] === "string" ||
      Object.keys(image).length === 1 ||
      'expected one variant, as in {"custom": {…}}, or a custom image with a "url"'
  )
)

const fields = {
  repository: Schema.NonEmptyString,
  framework: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("pytorch"))),
  task: Schema.optionalKey(Schema.String),
  revision: Schema.optionalKey(Schema.String),
  accelerator: Schema.String,
  vendor: Schema.String,
  region: Schema.String,
  instanceType: Schema.String,
  instanceSize: Schema.String,
  minReplica: Replicas.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0))),
  maxReplica: Replicas.pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
  scaleToZeroTimeout: Schema.optionalKey(Minutes),
  type: Schema.String.pipe(Schema.withDecodingDefaultKey(Effect.succeed("authenticated"))),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  image: Schema.optionalKey(Image),
  tags: Schema.optionalKey(Schema.Array(Schema.String))
}

const Struct = Schema.Struct(fields).check(
  Schema.makeFilter((spec) =>
    spec.minReplica > spec.maxReplica
      ? {
          path: ["minReplica"],
          issue: `minReplica ${spec.minReplica} is more than maxReplica ${spec.maxReplica}`
        }
      : spec.minReplica > 0 && spec.scaleToZeroTimeout !== undefined
        ? {
            path: ["scaleToZeroTimeout"],
            issue:
              "an endpoint that keeps a replica (minReplica of 1 or more) never scales to zero: set minReplica to 0"
          }
        : undefined
  )
)

/**
 * The spec of an endpoint to create.
 *
 * `minReplica` defaults to 0 and `maxReplica` to 1, so that an endpoint nobody releases falls asleep by itself.
 * `scaleToZeroTimeout` is a `Duration`, whole minutes from 15 to 2880; without one the server takes 15 minutes.
 * `image` is one of the API's variants (`{"tei": {…}}`), or a custom image with a `url`; absent, Hugging Face's own toolkit.
 *
 * **Example** (A small CPU endpoint)
 *
 * ```ts
 * import { EndpointSpec } from "@stint/core"
 *
 * const spec = EndpointSpec.make({
 *   repository: "intfloat/e5-small",
 *   task: "feature-extraction",
 *   accelerator: "cpu",
 *   vendor: "aws",
 *   region: "us-east-1",
 *   instanceType: "intel-spr",
 *   instanceSize: "x1"
 * })
 * console.log(spec.maxReplica) // => 1
 * ```
 */
export type EndpointSpec = typeof Struct.Type

/** The codec of a spec file: the same fields, `scaleToZeroTimeout` in minutes. Unknown fields are refused. */
export const FromJson = Struct

/** What {@link make} takes: the fields that have a default may be left out. */
export type Input = Omit<EndpointSpec, "framework" | "minReplica" | "maxReplica" | "type"> &
  Partial<Pick<EndpointSpec, "framework" | "minReplica" | "maxReplica" | "type">>

const check = Schema.decodeSync(Schema.toType(Struct))

/**
 * Makes a spec in code, filling in the defaults. Throws a `SchemaError` on a value that no endpoint can have.
 */
export const make = (input: Input): EndpointSpec =>
  check({ framework: "pytorch", minReplica: 0, maxReplica: 1, type: "authenticated", ...input })

/**
 * Decodes a spec from JSON of unknown origin, naming the field of every error.
 * A misspelt field is an error, not a silence: what the API would drop is paid for all the same.
 */
export const fromJson = Schema.decodeUnknownEffect(FromJson, { errors: "all", onExcessProperty: "error" })

/**
 * The body of `POST /v2/endpoint/{namespace}`.
 */
export const CreateBody = Schema.Struct({
  accountId: Schema.optionalKey(Schema.NullOr(Schema.String)),
  name: Schema.String,
  type: Schema.optionalKey(Schema.String),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  provider: Schema.Struct({ vendor: Schema.String, region: Schema.String }),
  compute: Schema.Struct({
    accelerator: Schema.String,
    instanceType: Schema.String,
    instanceSize: Schema.String,
    scaling: Schema.Struct({
      minReplica: Schema.Finite,
      maxReplica: Schema.Finite,
      scaleToZeroTimeout: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
      measure: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json)))
    })
  }),
  model: Schema.Struct({
    repository: Schema.String,
    framework: Schema.optionalKey(Schema.String),
    revision: Schema.optionalKey(Schema.NullOr(Schema.String)),
    task: Schema.optionalKey(Schema.String),
    image: Schema.Record(Schema.String, Schema.Json),
    env: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
    secrets: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
    args: Schema.optionalKey(Schema.Array(Schema.Json)),
    command: Schema.optionalKey(Schema.Array(Schema.Json))
  })
})

/** The body of `POST /v2/endpoint/{namespace}`. */
export type CreateBody = typeof CreateBody.Type

/**
 * The wire body for a spec. `task` is left out when absent, because the API refuses `null` there; `protected`, the old
 * spelling, is sent as `authenticated`.
 */
export const toCreateBody = (name: string, spec: EndpointSpec): CreateBody => ({
  name,
  type: spec.type === "protected" ? "authenticated" : spec.type,
  ...(spec.tags === undefined ? {} : { tags: spec.tags }),
  provider: { vendor: spec.vendor, region: spec.region },
  compute: {
    accelerator: spec.accelerator,
    instanceType: spec.instanceType,
    instanceSize: spec.instanceSize,
    scaling: {
      minReplica: spec.minReplica,
      maxReplica: spec.maxReplica,
      scaleToZeroTimeout:
        spec.scaleToZeroTimeout === undefined ? null : Duration.toMillis(spec.scaleToZeroTimeout) / MINUTE
    }
  },
  model: {
    repository: spec.repository,
    framework: spec.framework,
    revision: spec.revision ?? null,
    ...(spec.task === undefined ? {} : { task: spec.task }),
    image:
      spec.image === undefined
        ? { huggingface: {} }
        : "url" in spec.image
          ? { custom: spec.image }
          : spec.image,
    ...(spec.env === undefined ? {} : { env: spec.env })
  }
})

/**
 * A change to an endpoint: only what is given is sent, and the server keeps the rest.
 * `image` and `env` are replaced whole.
 */
export type Change = Partial<Omit<EndpointSpec, "vendor" | "region">>

const some = (values: Record<string, Schema.Json | undefined>): Record<string, Schema.Json> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  )

const unlessEmpty = (values: Record<string, Schema.Json>) =>
  Object.keys(values).length === 0 ? undefined : values

/** The body of `PUT /v2/endpoint/{namespace}/{name}`: the touched fields only. */
export const toUpdateBody = (change: Change): Record<string, Schema.Json> => {
  const scaling = some({
    minReplica: change.minReplica,
    maxReplica: change.maxReplica,
    scaleToZeroTimeout:
      change.scaleToZeroTimeout === undefined
        ? undefined
        : Duration.toMillis(change.scaleToZeroTimeout) / MINUTE
  })
  return some({
    type: change.type === "protected" ? "authenticated" : change.type,
    tags: change.tags,
    compute: unlessEmpty(
      some({
        accelerator: change.accelerator,
        instanceType: change.instanceType,
        instanceSize: change.instanceSize,
        scaling: unlessEmpty(scaling)
      })
    ),
    model: unlessEmpty(
      some({
        repository: change.repository,
        framework: change.framework,
        revision: change.revision,
        task: change.task,
        env: change.env,
        image:
          change.image === undefined
            ? undefined
            : "url" in change.image
              ? { custom: change.image }
              : change.image
      })
    )
  })
}
