/** `model.image`: a union with exactly one key, the engine's variant. */
import type * as Schema from "effect/Schema"
import { type JsonObject, objectOf } from "./body.ts"

type Kind = "string" | "integer" | "boolean" | "map"

const container: Fields = { url: "string", port: "integer", healthRoute: "string" }

const tgi: Fields = {
  ...container,
  maxInputLength: "integer",
  maxTotalTokens: "integer",
  maxBatchPrefillTokens: "integer",
  maxBatchTotalTokens: "integer",
  quantize: "string",
  disableCustomKernels: "boolean"
}

const parallel: Fields = { tensorParallelSize: "integer", dataParallelSize: "integer" }

const vLLM: Fields = { ...container, ...parallel, maxModelLen: "integer", quantize: "string" }

type Fields = Readonly<Record<string, Kind>>

/**
 * Every variant, in the API's own spelling, and the fields it declares. `env` inside an image is the legacy place.
 *
 * @source contract: the table of image variants
 */
const fields: Readonly<Record<string, Fields>> = {
  huggingface: { env: "map" },
  huggingfaceNeuron: { env: "map" },
  custom: { ...container, credentials: "map", env: "map" },
  tgi,
  tgiNeuron: tgi,
  tgiTpu: tgi,
  tei: { ...container, maxBatchTokens: "integer", maxConcurrentRequests: "integer", pooling: "string" },
  llamacpp: {
    ...container,
    modelPath: "string",
    ctxSize: "integer",
    nParallel: "integer",
    threadsHttp: "integer",
    embeddings: "boolean"
  },
  vLLM,
  vLLMOmni: vLLM,
  vLLMNeuron: vLLM,
  sGLang: { ...container, ...parallel },
  hfServe: container
}

const variants = Object.keys(fields)

const isA: Readonly<Record<Kind, (value: Schema.Json) => boolean>> = {
  string: (value) => typeof value === "string",
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === "boolean",
  map: (value) => typeof value === "object" && value !== null && !Array.isArray(value)
}

const isManaged = (variant: string) => variant.startsWith("huggingface")
const isParallel = (variant: string) => variant.startsWith("vLLM") || variant === "sGLang"

/** The variant's name. */
export const variantOf = (image: JsonObject): string => Object.keys(image)[0] ?? "huggingface"

/** The variant's own fields. */
export const fieldsOf = (image: JsonObject): JsonObject => objectOf(image[variantOf(image)])

/** An image without the fields that its variant does not declare: the server drops them in silence. */
export const declared = (image: JsonObject): JsonObject => {
  const variant = variantOf(image)
  const known = fields[variant]
  if (known === undefined) return image
  return { [variant]: Object.fromEntries(Object.entries(fieldsOf(image)).filter(([key]) => key in known)) }
}

/** What is wrong with an image, in the server's words; `undefined` when nothing is. */
export const problem = (image: JsonObject, accelerators: number): string | undefined => {
  const keys = Object.keys(image)
  const variant = keys[0]
  if (variant === undefined || keys.length > 1)
    return "model.image: expected an enum with exactly one variant"
  if (!variants.includes(variant)) {
    const expected = variants.map((known) => `\`${known}\``).join(", ")
    return `model.image: unknown variant \`${variant}\`, expected one of ${expected}`
  }
  const given = fieldsOf(image)
  for (const [key, kind] of Object.entries(fields[variant] ?? {})) {
    const value = given[key]
    if (value !== undefined && value !== null && !isA[kind](value))
      return `model.image.${variant}.${key}: invalid type, expected ${kind}`
  }
  if (!isManaged(variant) && typeof given["url"] !== "string")
    return `model.image.${variant}: missing field \`url\``
  if (variant === "llamacpp" && typeof given["modelPath"] !== "string")
    return "model.image.llamacpp: missing field `modelPath`"
  const isSized = given["tensorParallelSize"] !== undefined || given["dataParallelSize"] !== undefined
  return isParallel(variant) && accelerators > 1 && !isSized
    ? `model.image.${variant}: tensorParallelSize or dataParallelSize is required with ${accelerators} accelerators`
    : undefined
}

/** How an image is answered: a registry's credentials are never given back. */
export const shown = (image: JsonObject): JsonObject => {
  const given = fieldsOf(image)
  return given["credentials"] === undefined || given["credentials"] === null
    ? image
    : { [variantOf(image)]: { ...given, credentials: { username: "", password: null } } }
}

/** The port that the container listens on. */
export const portOf = (image: JsonObject): number => {
  const port = fieldsOf(image)["port"]
  return typeof port === "number" ? port : 80
}

/** The path that says whether the container is healthy. */
export const healthRouteOf = (image: JsonObject): string => {
  const route: Schema.Json | undefined = fieldsOf(image)["healthRoute"]
  return typeof route === "string" && route !== "" ? route : "/health"
}
