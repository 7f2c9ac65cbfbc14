/**
 * Calls to the endpoint that is held: one request, one decoded answer, one classified failure.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as Headers from "effect/http/Headers"
import * as HttpBody from "effect/http/HttpBody"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as UrlParams from "effect/http/UrlParams"
import { Fault, classify, transport } from "./Fault.ts"
import { decoding } from "./internal/protocol/decoding.ts"
import * as Labels from "./internal/protocol/labels.ts"
import { requestIdOf } from "./internal/protocol/requestId.ts"
import { saidNothing } from "./internal/engine/silence.ts"
import * as Spelling from "./internal/protocol/spelling.ts"
import * as TooLong from "./internal/protocol/tooLong.ts"
import * as Vectors from "./internal/protocol/vectors.ts"
import { type Protocol, protocolOf } from "./Protocol.ts"
import { CurrentEndpoint } from "./ManagedEndpoint.ts"

/**
 * One request to an endpoint: a path below its URL (`/`, `/embed`, `/v1/chat/completions`) and a JSON body.
 */
export interface Request {
  readonly path: string
  readonly body: Schema.Json
  /** What to ask for, as in `image/png`. Default: JSON. */
  readonly accept?: string | undefined
}

/** What came back. */
export interface Response {
  readonly status: number
  /** By which the endpoint's side knows the answer; read when it is asked for. */
  readonly requestId: string | undefined
  readonly body: Schema.Json
}

class Answer implements Response {
  readonly status: number
  readonly body: Schema.Json
  private readonly response: HttpClientResponse.HttpClientResponse
  constructor(response: HttpClientResponse.HttpClientResponse, body: Schema.Json) {
    this.status = response.status
    this.body = body
    this.response = response
  }
  get requestId(): string | undefined {
    return requestIdOf(this.response.headers)
  }
}

/** A server that echoes a request must not bring the token into a journal. */
type Conceal = CurrentEndpoint["Service"]["conceal"]

const isTooLarge = (cause: unknown) =>
  Predicate.hasProperty(cause, "_tag") && cause._tag === "ResponseTooLarge"

const failed = (conceal: Conceal) => (error: HttpClientError.HttpClientError) => {
  const { reason } = error
  const { cause, description } = reason
  const said = conceal(description ?? (Predicate.isError(cause) ? cause.message : ""))
  const detail = said === "" ? reason._tag : `${reason._tag}: ${said}`
  // The same answer would be as large the next time.
  return isTooLarge(cause) ? new Fault({ reason: "tooLarge", detail }) : classify({ transport: detail })
}

/** What these mean is said in their bodies. */
const meaningIsInBody = new Set([400, 404, 422, 424, 429])

const refused = (response: HttpClientResponse.HttpClientResponse, conceal: Conceal) => {
  const { status } = response
  const headers = Headers.fromInput(Record.map(response.headers, conceal))
  return Effect.matchEffect(response.text, {
    onSuccess: (body) => Effect.fail(classify({ status, headers, body: conceal(body) })),
    onFailure: (error) =>
      Effect.fail(meaningIsInBody.has(status) ? failed(conceal)(error) : classify({ status, headers }))
  })
}

const headersFor = (accept: string) =>
  Headers.fromInput({
    accept,
    // A replica on its way up is waited for by the proxy instead of being refused at once.
    "x-scale-up-timeout": "60",
    "content-type": "application/json"
  })

const jsonHeaders = headersFor("application/json")

// Built whole: to set one header after the other would copy them all, for each request.
const post = (client: HttpClient.HttpClient, { accept, body, path }: Request) =>
  client.execute(
    HttpClientRequest.makeWith(
      "POST",
      path,
      UrlParams.empty,
      Option.none(),
      accept === undefined ? jsonHeaders : headersFor(accept),
      HttpBody.text(JSON.stringify(body), "application/json")
    )
  )

const isOk = (status: number) => status >= 200 && status < 300

/** A body that was cut off says so; one that arrived whole is no JSON. */
const notRead = (error: HttpClientError.HttpClientError, conceal: Conceal) =>
  error.reason._tag === "TransportError" ? failed(conceal)(error) : transport("the answer is not JSON")

const answered = (
  sent: ReturnType<HttpClient.HttpClient["execute"]>,
  conceal: Conceal
): Effect.Effect<Response, Fault> =>
  Effect.matchEffect(sent, {
    onFailure: (error) => Effect.fail(failed(conceal)(error)),
    onSuccess: (response) =>
      isOk(response.status)
        ? Effect.matchEffect(response.json, {
            onFailure: (error) => Effect.fail(notRead(error, conceal)),
            onSuccess: (body) => Effect.succeed(new Answer(response, body))
          })
        : refused(response, conceal)
  })

/**
 * Sends one request to the current endpoint and gives back its JSON. One attempt: nothing is retried here.
 *
 * Fails with a {@link Fault}.
 */
export const request = (what: Request): Effect.Effect<Response, Fault, CurrentEndpoint> =>
  Effect.flatMap(CurrentEndpoint, ({ client, conceal }) => answered(post(client, what), conceal))

/** Bytes that are sent as they are. */
export interface BytesRequest {
  readonly path: string
  readonly bytes: Uint8Array
  /** The `content-type`, as in `audio/flac`: the engine goes by it. */
  readonly type: string
}

/**
 * {@link request} with a body that is no JSON. See `Recognition` for what takes pictures and sounds.
 */
export const requestWithBytes = (what: BytesRequest): Effect.Effect<Response, Fault, CurrentEndpoint> =>
  Effect.flatMap(CurrentEndpoint, ({ client, conceal }) => {
    const body = HttpBody.uint8Array(what.bytes, what.type)
    const headers = { accept: "application/json", "x-scale-up-timeout": "60" }
    return answered(client.execute(HttpClientRequest.post(what.path, { body, headers })), conceal)
  })

/**
 * The same for an answer that is bytes: an image, a sound. An answer of another kind than `accept` asks for is a fault:
 * the bytes of something else would pass for it.
 */
export const requestBytes = Effect.fnUntraced(function* (
  what: Request
): Effect.fn.Return<Uint8Array, Fault, CurrentEndpoint> {
  const { client, conceal } = yield* CurrentEndpoint
  const response = yield* Effect.mapError(post(client, what), failed(conceal))
  if (!isOk(response.status)) return yield* refused(response, conceal)
  const type = conceal(response.headers["content-type"] ?? "nothing named")
  const wanted = (what.accept ?? "*/*").split("/")[0] ?? "*"
  if (wanted !== "*" && !type.startsWith(`${wanted}/`)) {
    return yield* new Fault({
      reason: "config",
      detail: `the endpoint answers ${type} where ${what.accept} was asked for`
    })
  }
  const bytes = yield* Effect.mapError(response.arrayBuffer, failed(conceal))
  return new Uint8Array(bytes)
})

/** One text, or several that share a request. */
type Texts = string | ReadonlyArray<string>

/**
 * The request that embeds one text or several, in the endpoint's protocol. TEI is told not to cut a long text in silence; the
 * engines that have only OpenAI's routes are asked for Base64, which is shorter than their numbers.
 */
export const embedRequest = (protocol: Protocol, text: Texts): Request =>
  protocol === "tei"
    ? { path: "/embed", body: { inputs: text, truncate: false } }
    : protocol === "openai"
      ? { path: "/v1/embeddings", body: { input: text, encoding_format: "base64" } }
      : { path: "/", body: { inputs: text } }

const embed = (text: Texts) =>
  Effect.flatMap(CurrentEndpoint, ({ client, endpoint }) =>
    Effect.mapError(
      Spelling.ask(client, embedRequest(protocolOf(endpoint), text), (what) =>
        Effect.flatMap(withModel(what), request)
      ),
      TooLong.explained
    )
  )

/**
 * The vector of a text.
 */
export const featureExtraction = (
  text: string
): Effect.Effect<ReadonlyArray<number>, Fault, CurrentEndpoint> =>
  Effect.flatMap(embed(text), Vectors.decodeOne)

/**
 * The vectors of several texts, by one request: one for each, in the texts' order. Another number of vectors, or an `index`
 * twice or not at all, is a fault.
 */
export const featureExtractions = (
  texts: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ReadonlyArray<number>>, Fault, CurrentEndpoint> =>
  texts.length === 0
    ? Effect.succeed([])
    : Effect.flatMap(embed(texts), ({ body }) => Effect.fromResult(Vectors.decode(body, texts.length)))

export { Label } from "./internal/protocol/labels.ts"

/** The request that classifies one text or several, in the endpoint's protocol. TEI is told not to cut a long text in silence. */
export const classifyRequest = (protocol: Protocol, text: Texts): Request =>
  protocol === "tei"
    ? {
        path: "/predict",
        // A flat list of two would be one pair of texts.
        body: { inputs: typeof text === "string" ? text : text.map((each) => [each]), truncate: false }
      }
    : { path: "/", body: { inputs: text } }

const classes = (text: Texts) =>
  Effect.flatMap(CurrentEndpoint, ({ endpoint }) =>
    Effect.mapError(request(classifyRequest(protocolOf(endpoint), text)), TooLong.explained)
  )

/** The classes of a text, surest first. */
export const textClassification = (
  text: string
): Effect.Effect<ReadonlyArray<Labels.Label>, Fault, CurrentEndpoint> =>
  Effect.flatMap(classes(text), Labels.decodeOne)

/**
 * The classes of several texts, by one request: a list for each, in the texts' order. Another number of lists is a fault.
 *
 * Not for a container of one's own that takes a list for something else: two texts may be a pair to it.
 */
export const textClassifications = (
  texts: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Labels.Label>>, Fault, CurrentEndpoint> =>
  texts.length === 0
    ? Effect.succeed([])
    : Effect.flatMap(classes(texts), ({ body }) => Effect.fromResult(Labels.decode(body, texts.length)))

/** What a text-generation model takes beside the text, as in `{ max_new_tokens: 100 }`. */
export type Parameters = { readonly [key: string]: Schema.Json }

const Generated = Schema.Struct({ generated_text: Schema.String })
const Completion = Schema.Struct({ choices: Schema.Tuple([Schema.Struct({ text: Schema.String })]) })
const decodeGenerated = decoding(
  Schema.Union([Generated, Schema.Tuple([Generated]), Completion]),
  "a text-generation model"
)

/** The request that continues one text, in the endpoint's protocol. */
export const generateRequest = (protocol: Protocol, text: string, parameters?: Parameters): Request =>
  protocol === "openai"
    ? { path: "/v1/completions", body: { prompt: text, ...parameters } }
    : { path: "/", body: parameters === undefined ? { inputs: text } : { inputs: text, parameters } }

/** The text that a model writes after another; what was cut off is given as it is, which `Job.generate` has a policy for. */
export const textGeneration = Effect.fnUntraced(function* (
  text: string,
  parameters?: Parameters
): Effect.fn.Return<string, Fault, CurrentEndpoint> {
  const { endpoint } = yield* CurrentEndpoint
  const what = yield* withModel(generateRequest(protocolOf(endpoint), text, parameters))
  const answer = yield* Effect.flatMap(request(what), decodeGenerated)
  if ("choices" in answer) return answer.choices[0].text
  return "generated_text" in answer ? answer.generated_text : answer[0].generated_text
})

/**
 * A message of a conversation: its `role`, its `content` (text, or parts as OpenAI has them), and what else the engine takes,
 * as in `tool_call_id`. All of it is sent.
 */
export interface Message {
  readonly role: string
  readonly [member: string]: Schema.Json
}

/** What `/v1/chat/completions` answers, as far as it is read here. */
export const ChatCompletion = Schema.Struct({
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      message: Schema.Struct({ content: Schema.NullOr(Schema.String) }),
      finish_reason: Schema.optionalKey(Schema.NullOr(Schema.String))
    })
  )
})

const decodeChat = decoding(ChatCompletion, "a chat model")

/** The request that continues a conversation. */
export const chatRequest = (messages: ReadonlyArray<Message>, parameters?: Parameters): Request => ({
  path: "/v1/chat/completions",
  body: { messages: [...messages], ...parameters }
})

/**
 * What a chat model says next. A model that says nothing is a fault of the row; what was cut off at its limit of tokens is
 * given as it is, which `Job.chat` has a policy for.
 */
export const chatCompletion = Effect.fnUntraced(function* (
  messages: ReadonlyArray<Message>,
  parameters?: Parameters
): Effect.fn.Return<string, Fault, CurrentEndpoint> {
  const what = yield* withModel(chatRequest(messages, parameters))
  const answer = yield* Effect.flatMap(request(what), decodeChat)
  const [{ finish_reason, message }] = answer.choices
  return message.content ?? (yield* new Fault({ reason: "row", detail: saidNothing(finish_reason) }))
})

/** The request for the picture of a text. */
export const imageRequest = (prompt: string, parameters?: Parameters): Request => ({
  path: "/",
  accept: "image/png",
  body: parameters === undefined ? { inputs: prompt } : { inputs: prompt, parameters }
})

/** A picture of a text, as PNG. */
export const textToImage = (
  prompt: string,
  parameters?: Parameters
): Effect.Effect<Uint8Array, Fault, CurrentEndpoint> => requestBytes(imageRequest(prompt, parameters))

/**
 * Fills in the model where the OpenAI routes want one and the request names none: vLLM knows its model by one name alone.
 */
export const withModel = (what: Request): Effect.Effect<Request, never, CurrentEndpoint> => {
  const { body } = what
  if (!what.path.startsWith("/v1/") || !isJsonObject(body) || "model" in body) return Effect.succeed(what)
  return Effect.flatMap(CurrentEndpoint, ({ modelName }) =>
    Effect.map(modelName, (model) => (model === undefined ? what : { ...what, body: { model, ...body } }))
  )
}

const isJsonObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)
