/** TGI's own routes: `/generate`, `/generate_stream`, and `/`, which is either. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { FinishReason, Token } from "../TextModel.ts"
import * as ServerSentEvents from "./serverSentEvents.ts"
import * as TgiParameters from "./tgiParameters.ts"
import * as Tgi from "./tgiProtocol.ts"
import * as TgiServer from "./tgiServer.ts"

/** A request's body. */
export const Request = Schema.Struct({
  inputs: Schema.String,
  parameters: Schema.optionalKey(TgiParameters.Parameters),
  stream: Schema.optionalKey(Schema.Boolean)
})

/** A read request. */
export interface Request extends Schema.Schema.Type<typeof Request> {}

/** Reads a request off its JSON. */
export const decode: (json: unknown) => Effect.Effect<Request, Engine.Refusal> = Engine.decoder(Request)

/** Why a text ended, in TGI's words. */
export const finishReason = (reason: FinishReason): string =>
  reason === "eos" ? "eos_token" : reason === "stop" ? "stop_sequence" : "length"

/** Without `parameters` tokens are drawn; with them only when they say so. */
const parametersOf = ({ parameters }: Request): TgiParameters.Parameters => parameters ?? { do_sample: true }

const token = ({ id, logprob, special, text }: Token) => ({
  id,
  text: special ? "</s>" : text,
  logprob,
  special
})

/** A text made of tokens: what marks it is no part of it. */
export const textOf = (tokens: ReadonlyArray<Token>): string =>
  tokens.map(({ special, text }) => (special ? "" : text)).join("")

/** Generates a whole text. */
export const whole = (server: TgiServer.Server, request: Request, choice = 0) =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = yield* TgiServer.start(server, request.inputs, parametersOf(request), {
        isStreaming: false,
        choice
      })
      const tokens = yield* Stream.runCollect(started.generation.tokens)
      return { ...started, tokens, text: textOf(tokens), reason: tokens.at(-1)?.finishReason ?? "length" }
    })
  )

/** Answers a whole text: TGI's object, to be wrapped as the route does. */
export const generate = Effect.fnUntraced(function* (
  server: TgiServer.Server,
  request: Request,
  returnsFullText: boolean
) {
  server.requests.count += 1
  const parameters = parametersOf(request)
  const best = Math.max(1, parameters.best_of ?? 1)
  const texts = yield* Effect.forEach(
    Array.from({ length: Math.min(best, server.bounds.maxBestOf) }),
    (_, choice) => whole(server, request, choice),
    { concurrency: "unbounded" }
  )
  const likelihood = ({ tokens }: (typeof texts)[number]) =>
    tokens.reduce((sum, { logprob }) => sum + logprob, 0) / tokens.length
  const [first, ...others] = texts.toSorted((a, b) => likelihood(b) - likelihood(a))
  if (first === undefined) return yield* TgiParameters.invalid("`best_of` must be > 0")
  const before = (parameters.return_full_text ?? returnsFullText) ? request.inputs : ""

  const sequence = (text: typeof first) => ({
    finish_reason: finishReason(text.reason),
    generated_tokens: text.tokens.length,
    seed: text.seed,
    prefill:
      parameters.decoder_input_details === true
        ? server.model.tokenize(text.valid.prompt).map(({ id, text }) => ({ id, text, logprob: null }))
        : [],
    tokens: text.tokens.map(token)
  })
  const hasDetails = parameters.details === true || parameters.decoder_input_details === true
  const output = {
    generated_text: before + first.text,
    ...(hasDetails
      ? {
          details: {
            ...sequence(first),
            ...(best > 1
              ? {
                  best_of_sequences: others.map((text) => ({
                    generated_text: before + text.text,
                    ...sequence(text)
                  }))
                }
              : {})
          }
        }
      : {})
  }
  const headers = {
    ...Tgi.costs(first.generation, Array.from(request.inputs).length, first.tokens.length),
    ...server.headers
  }
  return { output, headers }
})

/** Answers a text as it comes. What is wrong is an event, after a 200. */
export const stream = (
  server: TgiServer.Server,
  request: Request,
  returnsFullText: boolean
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  server.requests.count += 1
  const parameters = parametersOf(request)
  const before = (parameters.return_full_text ?? returnsFullText) ? request.inputs : ""

  const starting = Effect.gen(function* () {
    if ((parameters.best_of ?? 1) !== 1)
      return yield* TgiParameters.invalid("`best_of` != 1 is not supported when streaming tokens")
    if (parameters.decoder_input_details === true) {
      return yield* TgiParameters.invalid(
        "`decoder_input_details` == true is not supported when streaming tokens"
      )
    }
    const { generation, seed, valid } = yield* TgiServer.start(server, request.inputs, parameters, {
      isStreaming: true
    })
    let text = ""
    let count = 0
    return generation.tokens.pipe(
      Stream.map((next) => {
        count += 1
        if (!next.special) text += next.text
        const isLast = next.finishReason !== undefined
        return {
          index: count,
          token: token(next),
          generated_text: isLast ? before + text : null,
          details:
            isLast && parameters.details === true
              ? {
                  finish_reason: finishReason(next.finishReason ?? "length"),
                  generated_tokens: count,
                  seed,
                  input_length: valid.promptTokens
                }
              : null
        }
      })
    )
  })
  return ServerSentEvents.answer(TgiServer.events(starting, Tgi.event), {
    ...Tgi.streamHeaders(Array.from(request.inputs).length),
    ...server.headers
  })
}
