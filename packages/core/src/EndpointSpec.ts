/**
 * What an endpoint should be: the flat description that a person writes, and the nested body that the API wants.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as Image from "./Image.ts"

export { EndpointName as Name } from "./EndpointName.ts"
export { CreateBody, toCreateBody, toUpdateBody } from "./EndpointBody.ts"
export { type Drift, drift } from "./internal/drift.ts"

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

const Replicas = Schema.Finite.check(
  Schema.isInt({ message: "expected a whole number of replicas" }),
  Schema.isGreaterThanOrEqualTo(0, { message: "expected a whole number of replicas" })
)

/** What the autoscaler goes by: pending requests per replica over 20 seconds, or percent of the hardware over a minute. */
export const Measure = Schema.Union([
  Schema.Struct({ pendingRequests: Schema.NullOr(Schema.Finite) }),
  Schema.Struct({ hardwareUsage: Schema.NullOr(Schema.Finite) })
])

const RoutePath = Schema.String.check(
  Schema.isPattern(/^\//, { message: 'expected a path that begins with "/"' })
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
  secrets: Schema.optionalKey(Schema.Record(Schema.String, Schema.RedactedFromValue(Schema.String))),
  args: Schema.optionalKey(Schema.Array(Schema.String)),
  command: Schema.optionalKey(Schema.Array(Schema.String)),
  image: Schema.optionalKey(Image.FromJson),
  measure: Schema.optionalKey(Measure),
  cacheHttpResponses: Schema.optionalKey(Schema.Boolean),
  route: Schema.optionalKey(Schema.Struct({ domain: Schema.String, path: RoutePath })),
  experimentalFeatures: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
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
 * `image` is one of the API's variants (`{"tei": {…}}`); absent, Hugging Face's own toolkit. `secrets` are redacted wherever
 * they are printed. `measure` is what the autoscaler goes by.
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
export type Input = Omit<EndpointSpec, "framework" | "minReplica" | "maxReplica" | "type" | "image"> &
  Partial<Pick<EndpointSpec, "framework" | "minReplica" | "maxReplica" | "type">> & {
    readonly image?: Image.Image
  }

// A field that nobody knows is dropped by no one here: it is refused.
const check = Schema.decodeSync(Schema.toType(Struct), { onExcessProperty: "error" })

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
 * A change to an endpoint: only what is given is sent, and the server keeps the rest.
 * `image`, `env`, `secrets`, `args` and `command` are replaced whole. A `scaleToZeroTimeout` of `null` is "never", which goes
 * with a `minReplica` of 1 or more.
 */
export type Change = Partial<Omit<EndpointSpec, "vendor" | "region" | "image" | "scaleToZeroTimeout">> & {
  readonly image?: Image.Image
  readonly scaleToZeroTimeout?: Duration.Duration | null
}
