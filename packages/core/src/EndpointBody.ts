/**
 * The nested bodies that the API wants, from the flat description that a person writes.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Change, EndpointSpec } from "./EndpointSpec.ts"

/**
 * The body of `POST /v2/endpoint/{namespace}`.
 */
export const CreateBody = Schema.Struct({
  accountId: Schema.optionalKey(Schema.NullOr(Schema.String)),
  name: Schema.String,
  type: Schema.optionalKey(Schema.String),
  tags: Schema.optionalKey(Schema.Array(Schema.String)),
  route: Schema.optionalKey(Schema.NullOr(Schema.Struct({ domain: Schema.String, path: Schema.String }))),
  cacheHttpResponses: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  experimentalFeatures: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.Json))),
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

const MINUTE = 60_000

type Members = { readonly [key: string]: Schema.Json }

/** The members that have a value. */
const some = (values: { readonly [key: string]: Schema.Json | undefined }): Members =>
  Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))
  )

const unlessEmpty = (values: Members) => (Object.keys(values).length === 0 ? undefined : values)

/** `protected` is the old spelling of `authenticated`. */
const typeOf = (type: string | undefined) => (type === "protected" ? "authenticated" : type)

const minutesOf = (duration: Duration.Duration | null | undefined) =>
  duration === undefined || duration === null ? duration : Duration.toMillis(duration) / MINUTE

/** What is at the top of a body. */
const general = (spec: Change) =>
  some({
    tags: spec.tags,
    route: spec.route,
    cacheHttpResponses: spec.cacheHttpResponses,
    experimentalFeatures: spec.experimentalFeatures
  })

/** What the container is given. Secrets are spelt out here and nowhere else. */
const container = (spec: Change) =>
  some({
    env: spec.env,
    secrets:
      spec.secrets === undefined
        ? undefined
        : Object.fromEntries(
            Object.entries(spec.secrets).map(([key, secret]) => [key, Redacted.value(secret)])
          ),
    args: spec.args,
    command: spec.command
  })

/**
 * The wire body for a spec. `task` is left out when absent, because the API refuses `null` there; `protected`, the old
 * spelling, is sent as `authenticated`.
 */
export const toCreateBody = (name: string, spec: EndpointSpec): CreateBody => ({
  name,
  type: typeOf(spec.type) ?? "authenticated",
  ...general(spec),
  provider: { vendor: spec.vendor, region: spec.region },
  compute: {
    accelerator: spec.accelerator,
    instanceType: spec.instanceType,
    instanceSize: spec.instanceSize,
    scaling: {
      minReplica: spec.minReplica,
      maxReplica: spec.maxReplica,
      scaleToZeroTimeout: minutesOf(spec.scaleToZeroTimeout) ?? null,
      ...some({ measure: spec.measure })
    }
  },
  model: {
    repository: spec.repository,
    framework: spec.framework,
    revision: spec.revision ?? null,
    ...(spec.task === undefined ? {} : { task: spec.task }),
    image: spec.image === undefined ? { huggingface: {} } : { ...spec.image },
    ...container(spec)
  }
})

/** The body of `PUT /v2/endpoint/{namespace}/{name}`: the touched fields only. */
export const toUpdateBody = (change: Change): Members =>
  some({
    type: typeOf(change.type),
    ...general(change),
    compute: unlessEmpty(
      some({
        accelerator: change.accelerator,
        instanceType: change.instanceType,
        instanceSize: change.instanceSize,
        scaling: unlessEmpty(
          some({
            minReplica: change.minReplica,
            maxReplica: change.maxReplica,
            scaleToZeroTimeout: minutesOf(change.scaleToZeroTimeout),
            measure: change.measure
          })
        )
      })
    ),
    model: unlessEmpty({
      ...some({
        repository: change.repository,
        framework: change.framework,
        revision: change.revision,
        task: change.task,
        image: change.image === undefined ? undefined : { ...change.image }
      }),
      ...container(change)
    })
  })
