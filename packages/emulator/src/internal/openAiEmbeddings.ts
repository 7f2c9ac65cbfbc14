/** OpenAI's embeddings protocol, as engines serve it beside their own: `/v1/embeddings` and `/v1/models`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

const Tokens = Schema.Array(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

/** One thing to embed: a text, or the tokens of one. */
export const Input = Schema.Union([Schema.String, Tokens])
export type Input = typeof Input.Type

/** One input, or a list of them. A list of numbers is one input's tokens. */
export const Inputs = Schema.Union([Input, Schema.Array(Input)])
export type Inputs = typeof Inputs.Type

/** How many of a vector's first dimensions to give; a model says how many there are. */
export const Dimensions = Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))

const Request = Schema.Struct({
  input: Inputs,
  model: Schema.optionalKey(Schema.NullOr(Schema.String)),
  encoding_format: Schema.optionalKey(Schema.Literals(["float", "base64"])),
  dimensions: Schema.optionalKey(Dimensions)
})

/** A request's body; its `model` is not looked at, since an endpoint serves one. */
export interface Request extends Schema.Schema.Type<typeof Request> {}

/** Reads a request's body off its JSON. */
export const decode: (body: unknown) => Effect.Effect<Request, Engine.Refusal> = Engine.decoder(Request)

/** The texts of one input or many, and whether it was a list. */
export const items = (inputs: Inputs): { readonly items: ReadonlyArray<Input>; readonly isList: boolean } => {
  if (typeof inputs === "string") return { items: [inputs], isList: false }
  const list: Array<Input> = []
  const tokens: Array<number> = []
  for (const item of inputs) {
    if (typeof item === "number") tokens.push(item)
    else list.push(item)
  }
  return list.length > 0 ? { items: list, isList: true } : { items: [tokens], isList: false }
}

/** A vector as the protocol spells it: numbers, or the base64 of its little-endian 32-bit floats. */
const spell = (vector: Float32Array<ArrayBuffer>, format: Request["encoding_format"]) =>
  format === "base64"
    ? Base64.encode(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    : Array.from(vector)

/** The answer's body: vectors in the order of their inputs, and the tokens they took. */
export const answer = (options: {
  readonly model: string
  readonly vectors: ReadonlyArray<Float32Array<ArrayBuffer>>
  readonly tokens: number
  readonly format: Request["encoding_format"]
}) => ({
  object: "list",
  data: options.vectors.map((vector, index) => ({
    object: "embedding",
    embedding: spell(vector, options.format),
    index
  })),
  model: options.model,
  usage: { prompt_tokens: options.tokens, total_tokens: options.tokens }
})

/** Answers `GET /v1/models` with the one model that an endpoint serves. */
export const models = (model: string): Engine.Engine["handle"] => {
  const body = { object: "list", data: [{ id: model, object: "model", created: 0, owned_by: "stint" }] }
  return () => Effect.succeed(HttpServerResponse.jsonUnsafe(body))
}
