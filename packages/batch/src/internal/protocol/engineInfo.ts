/**
 * How many texts a request may hold: what the engine says of itself, else what its kind likes.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as HttpClient from "effect/http/HttpClient"
import type { Endpoint } from "@stint/core/Endpoint"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import type { Bounds } from "../../Packing.ts"
import { protocolOf } from "../../Protocol.ts"

/** More inputs a request bring no more, where many requests are in flight. */
const ITEMS = 32
/** Tokens: eight texts of 500 in each of eight requests keep an embedding GPU busiest; 32 in each are slower. */
const WEIGHT = 4096
/**
 * A little less than what is refused.
 *
 * @source contract: data plane. TEI and TGI refuse a body of more than 2 MB.
 */
const BYTES = 1_500_000

const Info = Schema.Struct({
  max_client_batch_size: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  max_batch_tokens: Schema.optional(Schema.NullOr(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))))
})
const decode = Schema.decodeUnknownOption(Info)

/** TEI tells on `/info`; an image that is not known may be it. */
const ask = (client: HttpClient.HttpClient) =>
  client.get("/info").pipe(
    Effect.flatMap((response) => (response.status === 200 ? response.json : Effect.undefined)),
    Effect.timeout("2 seconds"),
    Effect.map((json) => Option.getOrUndefined(decode(json))),
    Effect.orElseSucceed(() => undefined)
  )

const bounds = (items: number, most?: number, tokens?: number | null): Bounds => ({
  items,
  most,
  weight: Math.min(WEIGHT, tokens ?? WEIGHT),
  bytes: BYTES
})

const told = (client: HttpClient.HttpClient, otherwise: number) =>
  Effect.map(ask(client), (info) =>
    info === undefined
      ? bounds(otherwise)
      : bounds(Math.min(ITEMS, info.max_client_batch_size), info.max_client_batch_size, info.max_batch_tokens)
  )

const isCustom = (endpoint: Endpoint) => endpoint.model?.image?.["custom"] !== undefined

/**
 * For texts that are embedded. Hugging Face's own image gets one text a request unless more are asked for: its code may be
 * anybody's, and may not know lists.
 */
export const forEmbedding: Effect.Effect<Bounds, never, CurrentEndpoint> = Effect.flatMap(
  CurrentEndpoint,
  ({ client, endpoint }) => {
    const protocol = protocolOf(endpoint)
    if (protocol === "tei") return told(client, ITEMS)
    if (protocol === "openai") return Effect.succeed(bounds(ITEMS))
    return isCustom(endpoint) ? told(client, 1) : Effect.succeed(bounds(1))
  }
)

/** For texts that are classified: the same, but never for an image of one's own, to which two texts may be a pair. */
export const forClassification: Effect.Effect<Bounds, never, CurrentEndpoint> = Effect.flatMap(
  CurrentEndpoint,
  ({ client, endpoint }) => {
    const protocol = protocolOf(endpoint)
    if (protocol === "tei") return told(client, ITEMS)
    return Effect.succeed(protocol === "toolkit" && !isCustom(endpoint) ? bounds(1) : bounds(1, 1))
  }
)
