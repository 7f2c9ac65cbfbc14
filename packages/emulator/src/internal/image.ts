/** `model.image`: a union with exactly one key, the engine's variant. */
import type * as Schema from "effect/Schema"
import { type JsonObject, objectOf } from "./body.ts"

/** Every variant, in the API's own spelling: case matters. */
export const variants = [
  "huggingface",
  "huggingfaceNeuron",
  "custom",
  "tgi",
  "tgiNeuron",
  "tgiTpu",
  "tei",
  "llamacpp",
  "vLLM",
  "vLLMOmni",
  "vLLMNeuron",
  "sGLang",
  "hfServe"
]

const isManaged = (variant: string) => variant.startsWith("huggingface")
const isParallel = (variant: string) => variant.startsWith("vLLM") || variant === "sGLang"

/** The variant's name. */
export const variantOf = (image: JsonObject): string => Object.keys(image)[0] ?? "huggingface"

/** The variant's own fields. */
export const fieldsOf = (image: JsonObject): JsonObject => objectOf(image[variantOf(image)])

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
  const fields = fieldsOf(image)
  if (!isManaged(variant) && typeof fields["url"] !== "string")
    return `model.image.${variant}: missing field \`url\``
  if (variant === "llamacpp" && typeof fields["modelPath"] !== "string")
    return "model.image.llamacpp: missing field `modelPath`"
  const isSized = fields["tensorParallelSize"] !== undefined || fields["dataParallelSize"] !== undefined
  return isParallel(variant) && accelerators > 1 && !isSized
    ? `model.image.${variant}: tensorParallelSize or dataParallelSize is required with ${accelerators} accelerators`
    : undefined
}

/** How an image is answered: a registry's credentials are never given back. */
export const shown = (image: JsonObject): JsonObject => {
  const fields = fieldsOf(image)
  return fields["credentials"] === undefined
    ? image
    : { [variantOf(image)]: { ...fields, credentials: { username: "", password: null } } }
}

/** The path that says whether the container is healthy. */
export const healthRouteOf = (image: JsonObject): string => {
  const route: Schema.Json | undefined = fieldsOf(image)["healthRoute"]
  return typeof route === "string" && route !== "" ? route : "/health"
}
