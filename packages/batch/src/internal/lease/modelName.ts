/**
 * By which name the OpenAI routes of an endpoint know its model.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type * as HttpClient from "effect/http/HttpClient"
import type { Endpoint } from "@stint/core/Endpoint"
import { protocolOf } from "../../Protocol.ts"

const Models = Schema.Struct({ data: Schema.NonEmptyArray(Schema.Struct({ id: Schema.String })) })
const decode = Schema.decodeUnknownEffect(Models)

/** The engine is there already when this is asked; one that does not answer it soon does not know the route. */
const TIMEOUT = "10 seconds"

/** How often an engine that is in trouble is asked. */
const TRIES = 3

/**
 * Asks `/v1/models` at the first call, and remembers the answer. An engine with several names for its model (adapters)
 * is asked for the repository's, if that is among them; one that does not know the route gets the repository's name.
 *
 * @source contract: data plane. vLLM answers 404 to any other name; TEI does not look at it.
 */
export const make = Effect.fnUntraced(function* (endpoint: Endpoint, client: HttpClient.HttpClient) {
  const repository = endpoint.model?.repository ?? undefined
  if (protocolOf(endpoint) === "tei") return Effect.succeed(repository)
  const turn = yield* Semaphore.make(1)
  let isKnown = false
  let name = repository
  let tries = 0

  const ask = client.get("/v1/models").pipe(
    Effect.flatMap((response) =>
      response.status === 200
        ? Effect.map(Effect.option(Effect.flatMap(response.json, decode)), Option.getOrUndefined)
        : Effect.succeed(undefined)
    ),
    Effect.timeout(TIMEOUT),
    Effect.map((models) => {
      isKnown = true
      name = models?.data.find(({ id }) => id === repository)?.id ?? models?.data[0].id ?? repository
    }),
    // Asked again at the next call, but not for ever.
    Effect.catch(() =>
      Effect.sync(() => {
        isKnown = ++tries >= TRIES
      })
    )
  )

  return Effect.suspend(() =>
    isKnown
      ? Effect.succeed(name)
      : turn.withPermit(
          Effect.map(
            Effect.suspend(() => (isKnown ? Effect.void : ask)),
            () => name
          )
        )
  )
})
