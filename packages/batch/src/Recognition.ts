/**
 * Calls whose input is a picture or a sound.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Base64 from "effect/encoding/Base64"
import { Fault } from "./Fault.ts"
import * as Inference from "./Inference.ts"
import { decoding } from "./internal/protocol/decoding.ts"
import * as Labels from "./internal/protocol/labels.ts"
import * as Multipart from "./internal/media/multipart.ts"
import { CurrentEndpoint } from "./ManagedEndpoint.ts"
import type { Loaded } from "./Media.ts"
import { protocolOf } from "./Protocol.ts"

const decodeSpoken = decoding(Schema.Struct({ text: Schema.String }), "a speech recognition model")

const asBytes = ({ bytes, type }: Loaded) => Inference.requestWithBytes({ path: "/", bytes, type })

/** Only the toolkit's pipelines take bytes as they are. */
const otherwise = (protocol: string, what: string) =>
  Effect.fail(
    new Fault({ reason: "config", detail: `${what} is not known of an endpoint that speaks ${protocol}` })
  )

const spokenForm = ({ bytes, type }: Loaded, fields: { readonly [name: string]: Schema.Json | undefined }) =>
  Multipart.make(
    { name: `audio.${type.split("/")[1] ?? "bin"}`, type, bytes },
    Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)]]
    )
  )

/**
 * What is said in a sound. The toolkit takes its bytes, or Base64 where there are parameters; engines with OpenAI's routes
 * take a form at `/v1/audio/transcriptions`, parameters as fields in it. Others are a `config` fault.
 *
 * @source contract: data plane. The toolkit goes by the media type; parameters need a JSON body.
 * @source https://platform.openai.com/docs/api-reference/audio/createTranscription
 */
export const transcribe = Effect.fnUntraced(function* (
  audio: Loaded,
  parameters?: Inference.Parameters
): Effect.fn.Return<string, Fault, CurrentEndpoint> {
  const { endpoint, modelName } = yield* CurrentEndpoint
  const protocol = protocolOf(endpoint)
  const send = Effect.fnUntraced(function* () {
    if (protocol === "openai") {
      const form = spokenForm(audio, { model: yield* modelName, ...parameters })
      return yield* Inference.requestWithBytes({ path: "/v1/audio/transcriptions", ...form })
    }
    if (protocol !== "toolkit") return yield* otherwise(protocol, "speech recognition")
    if (parameters === undefined) return yield* asBytes(audio)
    return yield* Inference.request({ path: "/", body: { inputs: Base64.encode(audio.bytes), parameters } })
  })
  const { text } = yield* Effect.flatMap(send(), decodeSpoken)
  return text
})

/** The classes of a picture or a sound, surest first. The toolkit takes its bytes; others are a `config` fault. */
export const classify = Effect.fnUntraced(function* (
  media: Loaded
): Effect.fn.Return<ReadonlyArray<Inference.Label>, Fault, CurrentEndpoint> {
  const { endpoint } = yield* CurrentEndpoint
  const protocol = protocolOf(endpoint)
  if (protocol !== "toolkit") return yield* otherwise(protocol, "the classification of pictures and sounds")
  return yield* Effect.flatMap(asBytes(media), Labels.decodeOne)
})
