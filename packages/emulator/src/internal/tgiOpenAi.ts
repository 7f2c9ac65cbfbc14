/** OpenAI's routes as TGI answers them: errors of a stream are events in it, and no id is given. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { FinishReason } from "../TextModel.ts"
import * as ChatMessages from "./chatMessages.ts"
import * as ForcedText from "./forcedText.ts"
import * as ServerSentEvents from "./serverSentEvents.ts"
import * as TgiGenerate from "./tgiGenerate.ts"
import type * as TgiParameters from "./tgiParameters.ts"
import * as Tgi from "./tgiProtocol.ts"
import * as TgiServer from "./tgiServer.ts"

const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const Natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const common = {
  model: optional(Schema.String),
  max_tokens: optional(Natural),
  temperature: optional(Schema.Finite),
  top_p: optional(Schema.Finite),
  frequency_penalty: optional(Schema.Finite),
  seed: optional(Natural),
  // TGI wants a list; OpenAI's clients may send one text.
  stop: optional(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
  stream: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
}

/** A chat request's body. */
export const Chat = Schema.Struct({
  ...common,
  ...ForcedText.fields,
  messages: ChatMessages.Messages,
  logprobs: optional(Schema.Boolean),
  stream_options: optional(Schema.Struct({ include_usage: optional(Schema.Boolean) }))
})

/** A completion request's body. */
export const Completion = Schema.Struct({
  ...common,
  prompt: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  suffix: optional(Schema.String),
  repetition_penalty: optional(Schema.Finite)
})

const CommonFields = Schema.Struct(common)

const parametersOf = (request: typeof CommonFields.Type): TgiParameters.Parameters => ({
  // 0 is the likeliest token each time, as in OpenAI's protocol.
  temperature: request.temperature === 0 ? null : (request.temperature ?? null),
  do_sample: request.temperature !== 0,
  max_new_tokens: request.max_tokens ?? null,
  top_p: request.top_p ?? null,
  frequency_penalty: request.frequency_penalty ?? null,
  seed: request.seed ?? null,
  stop: typeof request.stop === "string" ? [request.stop] : (request.stop ?? [])
})

const fingerprint = `${Tgi.version}-native`
const seconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
const usage = (prompt: number, completion: number) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion
})
const finishReason = (reason: FinishReason | undefined) =>
  reason === undefined ? null : reason === "eos" ? "stop" : TgiGenerate.finishReason(reason)

const parseJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** Answers a chat. */
export const chat = Effect.fnUntraced(function* (
  server: TgiServer.Server,
  request: typeof Chat.Type
): Effect.fn.Return<HttpServerResponse.HttpServerResponse, Engine.Refusal> {
  server.requests.count += 1
  if (request.response_format && request.tools) {
    return yield* new Engine.Refusal({
      reason: "Invalid",
      message: "Tool error: Grammar and tools are mutually exclusive"
    })
  }
  const forced = yield* ForcedText.read(request).pipe(
    Effect.mapError(
      ({ message }) => new Engine.Refusal({ reason: "Invalid", message: `Tool error: ${message}` })
    )
  )
  const prompt = server.model.chatPrompt(ChatMessages.read(request.messages))
  const parameters = parametersOf(request)
  const model = request.model && request.model !== "tgi" ? request.model : server.modelId
  const head = { id: "", model, system_fingerprint: fingerprint }
  const created = yield* seconds
  const logprobs = (tokens: ReadonlyArray<{ readonly text: string; readonly logprob: number }>) =>
    request.logprobs === true
      ? { content: tokens.map(({ logprob, text }) => ({ token: text, logprob, top_logprobs: [] })) }
      : null

  if (request.stream !== true) {
    const work = Effect.gen(function* () {
      const started = yield* TgiServer.start(server, prompt, parameters, { isStreaming: false, forced })
      return { ...started, tokens: yield* Stream.runCollect(started.generation.tokens) }
    })
    const { generation, tokens, valid } = yield* Effect.scoped(work)
    const text = TgiGenerate.textOf(tokens)
    const message =
      forced?.tool === undefined
        ? { role: "assistant", content: text }
        : {
            role: "assistant",
            tool_calls: [
              {
                id: "0",
                type: "function",
                // TGI gives arguments as JSON, not as a text of it.
                function: {
                  description: null,
                  name: forced.tool,
                  arguments: yield* Effect.orElseSucceed(parseJson(text), () => text)
                }
              }
            ]
          }
    const reason = finishReason(tokens.at(-1)?.finishReason)
    const body = {
      object: "chat.completion",
      ...head,
      created,
      choices: [{ index: 0, message, logprobs: logprobs(tokens), finish_reason: reason }],
      usage: usage(valid.promptTokens, tokens.length)
    }
    return HttpServerResponse.jsonUnsafe(body, {
      headers: { ...Tgi.costs(generation, Array.from(prompt).length, tokens.length), ...server.headers }
    })
  }

  const starting = Effect.gen(function* () {
    const { generation, valid } = yield* TgiServer.start(server, prompt, parameters, {
      isStreaming: true,
      forced
    })
    let count = 0
    const events = generation.tokens.pipe(
      Stream.map((token) => {
        count += 1
        const content = token.special ? "" : token.text
        const delta =
          forced?.tool === undefined
            ? { role: "assistant", content }
            : {
                role: "assistant",
                tool_calls: [
                  {
                    index: 0,
                    id: "0",
                    type: "function",
                    function: { name: count === 1 ? forced.tool : null, arguments: content }
                  }
                ]
              }
        return {
          object: "chat.completion.chunk",
          ...head,
          created,
          choices: [
            { index: 0, delta, logprobs: logprobs([token]), finish_reason: finishReason(token.finishReason) }
          ],
          usage: null
        }
      })
    )
    const last = Stream.suspend(() =>
      request.stream_options?.include_usage === true
        ? Stream.succeed({
            object: "chat.completion.chunk",
            ...head,
            created,
            choices: [],
            usage: usage(valid.promptTokens, count)
          })
        : Stream.empty
    )
    return Stream.concat(events, last)
  })
  return yield* ServerSentEvents.answer(
    TgiServer.events(starting, Tgi.openAiEvent).pipe(Stream.concat(Stream.succeed(ServerSentEvents.done))),
    { ...Tgi.streamHeaders(Array.from(prompt).length), ...server.headers }
  )
})

/** Answers completions, one for each prompt. */
export const completions = Effect.fnUntraced(function* (
  server: TgiServer.Server,
  request: typeof Completion.Type
): Effect.fn.Return<HttpServerResponse.HttpServerResponse, Engine.Refusal> {
  server.requests.count += 1
  const prompts = typeof request.prompt === "string" ? [request.prompt] : request.prompt
  if (typeof request.suffix === "string") {
    return yield* new Engine.Refusal({
      reason: "Invalid",
      message: "Suffix is not supported and can be achieved by preprocessing the prompt."
    })
  }
  if (prompts.length > server.maxClientBatchSize) {
    return yield* new Engine.Refusal({
      reason: "Invalid",
      message: `Number of prompts exceeds the maximum allowed batch size of ${server.maxClientBatchSize}`
    })
  }
  const parameters = { ...parametersOf(request), repetition_penalty: request.repetition_penalty ?? null }
  const head = { id: "", model: server.modelId, system_fingerprint: fingerprint }
  const created = yield* seconds

  if (request.stream !== true) {
    const texts = yield* Effect.forEach(
      prompts,
      (inputs) => TgiGenerate.whole(server, { inputs, parameters }),
      { concurrency: "unbounded" }
    )
    const tokens = texts.reduce((sum, text) => sum + text.tokens.length, 0)
    const body = {
      object: "text_completion",
      ...head,
      created,
      choices: texts.map(({ reason, text }, index) => ({
        index,
        text,
        logprobs: null,
        finish_reason: finishReason(reason)
      })),
      usage: usage(
        texts.reduce((sum, { valid }) => sum + valid.promptTokens, 0),
        tokens
      )
    }
    const [first] = texts
    const characters = prompts.reduce((sum, prompt) => sum + Array.from(prompt).length, 0)
    return HttpServerResponse.jsonUnsafe(body, {
      headers: {
        ...(first === undefined ? {} : Tgi.costs(first.generation, characters, tokens)),
        ...server.headers
      }
    })
  }

  const events = prompts.map((inputs, index) =>
    TgiServer.events(
      Effect.gen(function* () {
        const { generation, valid } = yield* TgiServer.start(server, inputs, parameters, {
          isStreaming: true
        })
        let count = 0
        return Stream.map(generation.tokens, (token) => {
          count += 1
          const isLast = token.finishReason !== undefined
          return {
            object: "text_completion",
            ...head,
            created,
            choices: [
              {
                index,
                text: token.special ? "" : token.text,
                logprobs: null,
                finish_reason: isLast ? TgiGenerate.finishReason(token.finishReason ?? "length") : ""
              }
            ],
            ...(isLast ? { usage: usage(valid.promptTokens, count) } : {})
          }
        })
      }),
      Tgi.openAiEvent
    )
  )
  return yield* ServerSentEvents.answer(
    Stream.mergeAll(events, { concurrency: "unbounded" }).pipe(
      Stream.concat(Stream.succeed(ServerSentEvents.done))
    ),
    { ...Tgi.streamHeaders(prompts.join("").length), ...server.headers }
  )
})
