/**
 * What every engine in Hugging Face's own image (`huggingface`, the inference toolkit) has in common: a body
 * `{"inputs", "parameters"}`, parameters from the query, and a 400 `{"error"}` for whatever goes wrong.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"

/** The toolkit's words for a refusal: 400 `{"error": string}`, whatever the reason. */
export const dialect: Engine.Dialect = (refusal) =>
  HttpServerResponse.jsonUnsafe({ error: refusal.message }, { status: 400 })

/** What a pipeline is called with; what it accepts is its own business. */
export interface Call {
  readonly inputs: unknown
  readonly parameters: Readonly<Record<string, unknown>>
}

// The toolkit itself has no bound; this one keeps the emulator's memory.
const bodyLimit = ByteSize.mebibytes(64)

// Matched letter by letter, as the toolkit does.
const contentTypes = new Set(["application/json", "application/json; charset=UTF-8"])

const toJson = Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** A query's value as the toolkit reads it: digits are a number, `true` and `false` are what they say. */
const parameter = (value: string): string | number | boolean =>
  /^\d+$/.test(value) ? Number(value) : value === "true" ? true : value === "false" ? false : value

/** Reads a JSON body whose content type is spelled as the toolkit wants it. */
export const json = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<unknown, Engine.Refusal> => {
  const contentType = request.headers["content-type"]
  if (contentType !== undefined && contentTypes.has(contentType)) return Engine.json(request, bodyLimit)
  const message =
    contentType === undefined
      ? "No content type provided and no default one configured."
      : `Content type "${contentType}" not supported.`
  return Effect.fail(new Engine.Refusal({ reason: "NotJson", message }))
}

/** Reads a pipeline's call off a request. Parameters in the body win over the query's as a whole. */
export const call = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest
): Effect.fn.Return<Call, Engine.Refusal> {
  const body = yield* json(request)
  if (!Predicate.hasProperty(body, "inputs")) {
    const received = yield* Effect.orDie(toJson(body))
    return yield* new Engine.Refusal({
      reason: "Malformed",
      message: `Body needs to provide a inputs key, recieved: b'${received.slice(0, 1000)}'`
    })
  }
  const given = Predicate.hasProperty(body, "parameters") ? body.parameters : undefined
  if (given === undefined) {
    const query = Object.entries(Engine.query(request))
    return {
      inputs: body.inputs,
      parameters: Object.fromEntries(query.map(([name, value]) => [name, parameter(value)]))
    }
  }
  if (given !== null && !Predicate.isReadonlyObject(given)) {
    return yield* new Engine.Refusal({
      reason: "Malformed",
      message: "argument after ** must be a mapping"
    })
  }
  return { inputs: body.inputs, parameters: { ...given } }
})

const texts = Engine.decoder(Schema.Union([Schema.String, Schema.Array(Schema.String)]))

/** Reads what a text pipeline takes: one text, or a list of them. */
export const text = (inputs: unknown): Effect.Effect<string | ReadonlyArray<string>, Engine.Refusal> =>
  Effect.mapError(
    texts(inputs),
    () =>
      new Engine.Refusal({
        reason: "Malformed",
        message: "text input must be of type `str` (single example) or `List[str]` (batch of examples)."
      })
  )

const ok = (): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.succeed(HttpServerResponse.text("Ok"))

/**
 * Makes an engine's `handle` of a pipeline: `POST /` and `/predict` run it, `GET /` and `/health` answer
 * `Ok`.
 */
export const serve = (
  pipeline: (call: Call) => Effect.Effect<unknown, Engine.Refusal>,
  more: Engine.Routes = {}
): Engine.Engine["handle"] => {
  const predict: Engine.Engine["handle"] = (request) =>
    call(request).pipe(
      Effect.flatMap(pipeline),
      Effect.map((output) => HttpServerResponse.jsonUnsafe(output)),
      Engine.refuseWith(dialect)
    )
  return Engine.router(
    { "GET /": ok, "GET /health": ok, "POST /": predict, "POST /predict": predict, ...more },
    (status) => HttpServerResponse.text(status === 404 ? "Not Found" : "Method Not Allowed", { status })
  )
}
