/**
 * An Inference Endpoint as the management API describes it.
 *
 * Decoding is lenient on purpose: what is billed must stay steerable when the server grows a field or a state
 * we have never heard of. Only `name` and `status.state` are required; everything the server said stays in `raw`.
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"

const absent = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/**
 * The states the service is known to answer with. The set is open: an unknown state means "not ready, keep polling".
 *
 * @source contract: life cycle
 */
export const knownStates = [
  "pending",
  "initializing",
  "updating",
  "updateFailed",
  "running",
  "paused",
  "failed",
  "scaledToZero"
] as const

/**
 * A state of an endpoint: one of {@link knownStates}, or a string the server made up since.
 */
export type State = (typeof knownStates)[number] | (string & {})

const Person = Schema.Struct({ id: absent(Schema.String), name: absent(Schema.String) })

/**
 * What the server observes: state, URL, replicas, and who touched the endpoint last.
 *
 * Timestamps stay the server's own strings, because they carry up to nine fraction digits.
 */
export const Status = Schema.Struct({
  state: Schema.String,
  message: absent(Schema.String),
  errorMessage: absent(Schema.String),
  url: absent(Schema.String),
  readyReplica: absent(Schema.Finite),
  targetReplica: absent(Schema.Finite),
  lastUsedAt: absent(Schema.String),
  createdAt: absent(Schema.String),
  createdBy: absent(Person),
  updatedAt: absent(Schema.String),
  updatedBy: absent(Person)
})

/**
 * How far the endpoint scales. `scaleToZeroTimeout` is in minutes here, as on the wire; `null` or absent is "never".
 */
export const Scaling = Schema.Struct({
  minReplica: absent(Schema.Finite),
  maxReplica: absent(Schema.Finite),
  scaleToZeroTimeout: absent(Schema.Finite),
  measure: absent(Schema.Record(Schema.String, Schema.Json))
})

/**
 * The hardware that the endpoint runs on.
 */
export const Compute = Schema.Struct({
  id: absent(Schema.String),
  accelerator: absent(Schema.String),
  instanceType: absent(Schema.String),
  instanceSize: absent(Schema.String),
  scaling: absent(Scaling)
})

/**
 * What the endpoint serves. `revision` is the resolved commit in answers.
 */
export const Model = Schema.Struct({
  repository: absent(Schema.String),
  revision: absent(Schema.String),
  task: absent(Schema.String),
  framework: absent(Schema.String),
  image: absent(Schema.Record(Schema.String, Schema.Json)),
  env: absent(Schema.Record(Schema.String, Schema.Json)),
  args: absent(Schema.Array(Schema.Json)),
  command: absent(Schema.Array(Schema.Json))
})

/**
 * The fields of an endpoint that Stint reads. Unknown keys are dropped here and kept in `Endpoint.raw`.
 */
export const Fields = Schema.Struct({
  name: Schema.String,
  type: absent(Schema.String),
  tags: absent(Schema.Array(Schema.String)),
  provider: absent(Schema.Struct({ vendor: absent(Schema.String), region: absent(Schema.String) })),
  compute: absent(Compute),
  model: absent(Model),
  healthRoute: absent(Schema.String),
  status: Status
})

/**
 * A named deployment: its desired state (`model`, `compute`) and its observed one (`status`).
 *
 * **Example** (Asking an endpoint how it is)
 *
 * ```ts
 * import { Endpoint } from "@stint/core"
 * import { Effect } from "effect"
 *
 * const program = Endpoint.fromJson({ name: "batch", status: { state: "running", url: "http://127.0.0.1:1" } })
 * Effect.runPromise(program).then((endpoint) => console.log(endpoint.state)) // => running
 * ```
 */
export class Endpoint extends Data.Class<
  typeof Fields.Type & { readonly raw: Schema.Json; readonly namespace?: string | undefined }
> {
  /** The state the server last reported. */
  get state(): State {
    return this.status.state
  }

  /** The endpoint's own URL, or `undefined` while it has none. It stays the same through a pause. */
  get url(): URL | undefined {
    return this.status.url ? (URL.parse(this.status.url) ?? undefined) : undefined
  }

  /** Where the container says that it is healthy: `url` + health route, `/health` when none is named. */
  get healthUrl(): URL | undefined {
    const url = this.url
    if (url === undefined) return undefined
    const route = this.healthRoute ?? "/health"
    return new URL(`${url.href.replace(/\/$/, "")}/${route.replace(/^\//, "")}`)
  }

  /** How many replicas answer requests; 0 when the server does not say. */
  get readyReplica(): number {
    return this.status.readyReplica ?? 0
  }

  /** Whether the API says that it runs. Ready means more: see `Endpoints.awaitReady`. */
  get isRunning(): boolean {
    return this.state === "running"
  }

  /** Whether it costs nothing and needs a resume to answer. */
  get isAsleep(): boolean {
    return this.state === "paused" || this.state === "scaledToZero"
  }

  /**
   * How many replicas are billed in its state. A state that nobody has heard of is billed; what failed is not, but what it was
   * before may serve still.
   *
   * @source https://huggingface.co/docs/inference-endpoints/support/pricing: billed by the minute while initializing and running
   */
  get billedReplicas(): number {
    const { readyReplica, state } = this
    if (this.isAsleep || state === "pending") return 0
    if (state === "failed" || state === "updateFailed") return readyReplica
    return Math.max(1, readyReplica, this.status.targetReplica ?? this.compute?.scaling?.minReplica ?? 0)
  }

  /** Whether its token is checked; a public endpoint is called without one. */
  get isPublic(): boolean {
    return this.type === "public"
  }

  /** `aws us-east-1 nvidia-l4 x1`: the hardware in one line, as far as it is known. */
  get hardware(): string {
    return [
      this.provider?.vendor,
      this.provider?.region,
      this.compute?.instanceType,
      this.compute?.instanceSize
    ]
      .filter((part) => typeof part === "string")
      .join(" ")
  }
}

const FieldsAndRaw = Schema.Json.pipe(
  Schema.decodeTo(Schema.Struct({ fields: Schema.Json.pipe(Schema.decodeTo(Fields)), raw: Schema.Json }), {
    decode: SchemaGetter.transform((json: Schema.Json) => ({ fields: json, raw: json })),
    encode: SchemaGetter.transform(({ raw }) => raw)
  })
)

/**
 * The codec between the server's JSON and an {@link Endpoint}. Encoding gives back `raw`, byte for byte the same values.
 */
export const FromJson: Schema.Codec<Endpoint, Schema.Json> = FieldsAndRaw.pipe(
  Schema.decodeTo(Schema.instanceOf(Endpoint), {
    decode: SchemaGetter.transform(({ fields, raw }) => new Endpoint({ ...fields, raw })),
    encode: SchemaGetter.transform((endpoint: Endpoint) => ({ fields: endpoint, raw: endpoint.raw }))
  })
)

/**
 * Decodes an endpoint from JSON of unknown origin. Fails with `SchemaError` when `name` or `status.state` is missing.
 */
export const fromJson = Schema.decodeUnknownEffect(FromJson)
