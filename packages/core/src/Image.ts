/**
 * What an endpoint's container runs: one of twelve variants, each with its own fields.
 *
 * The API drops a field that the variant does not declare, in silence, and bills for what is left. Here such a field cannot
 * be written down: the types do not have it, and decoding refuses it by name.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"

const Port = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65535 }))

const container = {
  url: Schema.NonEmptyString,
  port: Schema.optionalKey(Port),
  healthRoute: Schema.optionalKey(Schema.String)
}

const Count = Schema.optionalKey(Schema.Int)

/** Who may pull the image. The API never gives the password back. */
export const Credentials = Schema.Struct({
  username: Schema.NonEmptyString,
  password: Schema.NonEmptyString
})

const parallel = { tensorParallelSize: Count, dataParallelSize: Count }

const Nothing = Schema.Record(Schema.String, Schema.Never)

/** Hugging Face's own toolkit: nothing to say. */
export const huggingface = Schema.Struct({ huggingface: Nothing })
/** The toolkit on Inferentia. */
export const huggingfaceNeuron = Schema.Struct({ huggingfaceNeuron: Nothing })
/** Any container. `env` here is the legacy place; `EndpointSpec.env` is the present one. */
export const custom = Schema.Struct({
  custom: Schema.Struct({
    ...container,
    credentials: Schema.optionalKey(Credentials),
    env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
  })
})

const tgiFields = {
  ...container,
  maxInputLength: Count,
  maxTotalTokens: Count,
  maxBatchPrefillTokens: Count,
  maxBatchTotalTokens: Count,
  quantize: Schema.optionalKey(Schema.String),
  disableCustomKernels: Schema.optionalKey(Schema.Boolean)
}

/** Text Generation Inference. */
export const tgi = Schema.Struct({ tgi: Schema.Struct(tgiFields) })
/** Text Generation Inference on Inferentia. */
export const tgiNeuron = Schema.Struct({ tgiNeuron: Schema.Struct(tgiFields) })
/** Text Embeddings Inference. Its batch limit is set by `env.MAX_CLIENT_BATCH_SIZE` alone. */
export const tei = Schema.Struct({
  tei: Schema.Struct({
    ...container,
    maxBatchTokens: Count,
    maxConcurrentRequests: Count,
    pooling: Schema.optionalKey(Schema.String)
  })
})
/** llama.cpp's server. */
export const llamacpp = Schema.Struct({
  llamacpp: Schema.Struct({
    ...container,
    modelPath: Schema.String,
    ctxSize: Count,
    nParallel: Count,
    threadsHttp: Count,
    embeddings: Schema.optionalKey(Schema.Boolean)
  })
})

const vLLMFields = {
  ...container,
  ...parallel,
  maxModelLen: Count,
  quantize: Schema.optionalKey(Schema.String)
}

/** vLLM. On several accelerators the API wants a parallel size. */
export const vLLM = Schema.Struct({ vLLM: Schema.Struct(vLLMFields) })
/** vLLM for more than text. */
export const vLLMOmni = Schema.Struct({ vLLMOmni: Schema.Struct(vLLMFields) })
/** vLLM on Inferentia. */
export const vLLMNeuron = Schema.Struct({ vLLMNeuron: Schema.Struct(vLLMFields) })
/** SGLang. On several accelerators the API wants a parallel size. */
export const sGLang = Schema.Struct({ sGLang: Schema.Struct({ ...container, ...parallel }) })
/** Transformers' own server. */
export const hfServe = Schema.Struct({ hfServe: Schema.Struct(container) })

/** The variants by name. */
export const variants = {
  huggingface,
  huggingfaceNeuron,
  custom,
  tgi,
  tgiNeuron,
  tei,
  llamacpp,
  vLLM,
  vLLMOmni,
  vLLMNeuron,
  sGLang,
  hfServe
} as const

/**
 * One of the twelve variants.
 *
 * **Example** (Text Embeddings Inference)
 *
 * ```ts
 * import { type Image } from "@stint/core"
 *
 * const image: Image.Image = {
 *   tei: { url: "ghcr.io/huggingface/text-embeddings-inference:1.8", pooling: "mean" }
 * }
 * console.log(Object.keys(image)) // => [ 'tei' ]
 * ```
 */
export const Image = Schema.Union(Object.values(variants))

/** Every member of a union with the keys of the others forbidden: one variant, and never two at once. */
type Exclusive<U, Keys extends PropertyKey> = U extends unknown
  ? U & { readonly [K in Exclude<Keys, keyof U>]?: never }
  : never

/** One of the twelve variants, and never two at once. */
export type Image = Exclusive<typeof Image.Type, keyof typeof variants>

/** A custom container without its wrapping, as older guides write it: `health_route` and `env` included. */
export const Flat = Schema.Struct({
  url: Schema.NonEmptyString,
  port: Schema.optionalKey(Port),
  healthRoute: Schema.optionalKey(Schema.String),
  health_route: Schema.optionalKey(Schema.String),
  credentials: Schema.optionalKey(Credentials),
  env: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})

/**
 * Wraps a flat custom container. `health_route`, which the API drops in silence, becomes `healthRoute`.
 */
export const fromFlat = ({ health_route, ...image }: typeof Flat.Type): Image => ({
  custom:
    health_route === undefined || image.healthRoute !== undefined
      ? image
      : { ...image, healthRoute: health_route }
})

const PasswordGiven = Schema.Struct({ credentials: Credentials })
const isPasswordGiven = Schema.is(PasswordGiven)

/** Whether an image brings registry credentials with a password, and not the blanks that the API answers with. */
export const bringsCredentials = (image: Image): boolean => Object.values(image).some(isPasswordGiven)

/** Whether an image as the server has it holds registry credentials, blanked or not. */
export const hasCredentials = (image: unknown): boolean =>
  Predicate.isObject(image) &&
  Object.values(image).some(
    (fields) => Predicate.hasProperty(fields, "credentials") && Predicate.isNotNullish(fields.credentials)
  )

const known: ReadonlyMap<string, Schema.Codec<Image, unknown>> = new Map(Object.entries(variants))

const decodeFlat = SchemaParser.decodeUnknownEffect(Flat, { errors: "all", onExcessProperty: "error" })

const invalid = (message: string, input: unknown) =>
  Effect.fail(new SchemaIssue.InvalidValue({ message }, input))

const decodeVariant = (json: Schema.Json): Effect.Effect<Image, SchemaIssue.Issue> => {
  if (!Predicate.isObject(json) || Array.isArray(json))
    return invalid('expected one variant, as in {"tei": {…}}', json)
  if ("url" in json) return Effect.map(decodeFlat(json), fromFlat)
  const [name, ...more] = Object.keys(json)
  if (name === undefined || more.length > 0)
    return invalid('expected exactly one variant, as in {"tei": {…}}', json)
  const variant = known.get(name)
  if (variant !== undefined) {
    return SchemaParser.decodeUnknownEffect(variant, { errors: "all", onExcessProperty: "error" })(json)
  }
  const meant = [...known.keys()].find((other) => other.toLowerCase() === name.toLowerCase())
  return invalid(
    meant === undefined
      ? `"${name}" is no image variant; there are ${[...known.keys()].join(", ")}`
      : `"${name}" is no image variant: it is spelt "${meant}"`,
    json
  )
}

/**
 * The codec of an image in a spec file: a variant, or a flat custom container. A field that the variant lacks is refused by
 * name.
 */
export const FromJson = Schema.Json.pipe(
  Schema.decodeTo(Schema.toType(Image), {
    decode: SchemaGetter.transformEffect(decodeVariant),
    encode: SchemaGetter.transformEffect((image: Image) =>
      SchemaParser.decodeUnknownEffect(Schema.Json)(image)
    )
  })
)
