/**
 * Serves {@link PatternPainter} from Hugging Face's own image, as the task `text-to-image`: bytes of a PNG, or
 * the same in base64 for whoever accepts only JSON.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import * as PatternPainter from "../PatternPainter.ts"
import * as Toolkit from "../internal/toolkit.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
// What diffusion models can paint: their pictures are made of squares of eight.
const Side = Schema.Int.check(Schema.isBetween({ minimum: 8, maximum: 2048 }), Schema.isMultipleOf(8))

const decodeParameters = Engine.decoder(
  Schema.Struct({
    width: optional(Side),
    height: optional(Side),
    num_inference_steps: optional(Schema.Int.check(Schema.isGreaterThan(0))),
    guidance_scale: optional(Schema.Finite),
    negative_prompt: optional(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
    seed: optional(Schema.Int)
  })
)

const accepted = new Set(["image/png", "image/*", "*/*", "application/json"])

/** What a request accepts, most wanted first; PNG when it does not say. */
const mediaType = (request: HttpServerRequest.HttpServerRequest): string | undefined => {
  const accept = request.headers["accept"] ?? ""
  if (accept === "") return "image/png"
  return accept
    .split(",")
    .map((type) => (type.split(";")[0] ?? "").trim().toLowerCase())
    .find((type) => accepted.has(type))
}

/**
 * The painter in the toolkit. `POST /` and `/predict` take `{"inputs": prompt, "parameters": {"width", "height",
 * "num_inference_steps", "guidance_scale", "negative_prompt", "seed"}?}`; pictures are 512 by 512 when nothing
 * is said, with sides up to 2048 that 8 divides. Steps and scale are read and change nothing.
 *
 * @example
 * ```ts
 * import { TextToImage } from "@stint/emulator"
 *
 * export const engine = TextToImage.toolkit()
 * ```
 */
export const toolkit = (): Engine.Engine => {
  const paint = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const { inputs, parameters } = yield* Toolkit.call(request)
    if (typeof inputs !== "string") {
      return yield* new Engine.Refusal({
        reason: "Malformed",
        message: `\`prompt\` has to be of type \`str\` but is ${Array.isArray(inputs) ? "a list" : typeof inputs}`
      })
    }
    const type = mediaType(request)
    if (type === undefined) {
      return yield* new Engine.Refusal({
        reason: "Invalid",
        message: `Accept type "${request.headers["accept"]}" not supported.`
      })
    }
    const { height, seed, width } = yield* decodeParameters(parameters)
    const png = PatternPainter.paint(inputs, {
      width: width ?? 512,
      height: height ?? 512,
      seed: seed ?? undefined
    })
    return type === "application/json"
      ? HttpServerResponse.jsonUnsafe({ image: Base64.encode(png) })
      : HttpServerResponse.uint8Array(png, { contentType: "image/png" })
  })
  const answer: Engine.Engine["handle"] = (request) => Engine.refuseWith(Toolkit.dialect)(paint(request))
  return {
    name: PatternPainter.name,
    healthRoute: "/health",
    handle: Toolkit.serve(() => Effect.succeed(null), { "POST /": answer, "POST /predict": answer })
  }
}
