/** OpenAI's `/v1/chat/completions`, as vLLM and llama.cpp answer it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Token } from "../TextModel.ts"
import * as ChatMessages from "./chatMessages.ts"
import * as ForcedText from "./forcedText.ts"
import type { Generation } from "./generations.ts"
import * as OpenAiText from "./openAiText.ts"
import * as ServerSentEvents from "./serverSentEvents.ts"

const decode = Engine.decoder(
  Schema.Struct({
    ...OpenAiText.fields,
    ...ForcedText.fields,
    messages: ChatMessages.Messages,
    max_completion_tokens: Schema.optionalKey(Schema.NullOr(Schema.Int)),
    logprobs: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
  })
)

const logprob = ({ logprob, text }: Token) => ({
  token: text,
  logprob,
  bytes: Array.from(new TextEncoder().encode(text)),
  top_logprobs: []
})

/** Answers a chat, whole or as it comes. */
export const handle = (server: OpenAiText.Server): Engine.Engine["handle"] => {
  const { generations, more } = server

  const answer = Effect.fnUntraced(function* (json: unknown) {
    const body = yield* decode(json)
    const request = { ...body, max_tokens: body.max_completion_tokens ?? body.max_tokens ?? null }
    const forced = yield* ForcedText.read(request)
    const prompt = generations.model.chatPrompt(ChatMessages.read(request.messages))
    const promptTokens = generations.model.countTokens(prompt)
    const { maxTokens, model } = yield* server.resolve(request, promptTokens, "chat")
    const { created, id } = yield* OpenAiText.stamp(server.idPrefix.chat)
    const stop = OpenAiText.stops(request.stop)
    const choices = Array.from({ length: request.n ?? 1 }, (_, choice): Generation =>
      forced === undefined
        ? generations.start(prompt, OpenAiText.sampling(request, maxTokens, choice))
        : generations.given(prompt, ForcedText.tokens(generations.model, forced.text, maxTokens))
    )
    // A call that was asked for by name ends as a text does; one that was only required does not.
    const reason = (reason: Token["finishReason"]) =>
      reason === "eos" && forced?.tool !== undefined && request.tool_choice === "required"
        ? "tool_calls"
        : OpenAiText.finishReason(reason)
    const call = (tool: string) => ({
      id: `chatcmpl-tool-${id.slice(-24)}`,
      type: "function",
      function: { name: tool, arguments: "" }
    })
    const logprobs = (tokens: ReadonlyArray<Token>) =>
      request.logprobs === true ? { content: tokens.filter(({ special }) => !special).map(logprob) } : null

    if (request.stream !== true) {
      const texts = yield* Effect.forEach(choices, (choice) => OpenAiText.whole(choice, stop), {
        concurrency: "unbounded"
      })
      const completionTokens = texts.reduce((sum, { tokens }) => sum + tokens.length, 0)
      const body = {
        id,
        object: "chat.completion",
        created,
        model,
        ...more,
        choices: texts.map(({ finishReason, text, tokens }, index) => ({
          index,
          message:
            forced?.tool === undefined
              ? { role: "assistant", content: text, refusal: null, tool_calls: [] }
              : {
                  role: "assistant",
                  content: null,
                  refusal: null,
                  tool_calls: [{ ...call(forced.tool), function: { name: forced.tool, arguments: text } }]
                },
          logprobs: logprobs(tokens),
          finish_reason: reason(finishReason),
          stop_reason: null
        })),
        usage: OpenAiText.usage(promptTokens, completionTokens),
        ...(texts[0] === undefined ? {} : server.cost?.(texts[0].generation, completionTokens))
      }
      return HttpServerResponse.jsonUnsafe(body, { headers: server.headers })
    }

    const event = (rest: Readonly<Record<string, unknown>>) => ({
      id,
      object: "chat.completion.chunk",
      created,
      model,
      ...more,
      ...rest
    })
    let completionTokens = 0
    const delta = (text: string) =>
      forced?.tool === undefined
        ? { content: text }
        : { tool_calls: [{ index: 0, function: { arguments: text } }] }
    const opening = (index: number) => {
      const first =
        forced?.tool === undefined
          ? server.opening
          : { role: "assistant", tool_calls: [{ index: 0, ...call(forced.tool) }] }
      return event({ choices: [{ index, delta: first, logprobs: null, finish_reason: null }] })
    }
    const events = (choice: Generation, index: number) =>
      choice.tokens.pipe(
        OpenAiText.show(stop),
        Stream.map(({ text, token }) => {
          completionTokens += 1
          const isLast = token.finishReason !== undefined
          return event({
            choices: [
              {
                index,
                delta: text === "" && isLast ? {} : delta(text),
                logprobs: logprobs([token]),
                finish_reason: reason(token.finishReason),
                ...(isLast ? { stop_reason: null } : {})
              }
            ],
            ...(isLast ? server.cost?.(choice, completionTokens) : {})
          })
        }),
        Stream.prepend([opening(index)])
      )
    const includesUsage = request.stream_options?.include_usage === true
    const usage = Stream.suspend(() =>
      includesUsage
        ? Stream.succeed(event({ choices: [], usage: OpenAiText.usage(promptTokens, completionTokens) }))
        : Stream.empty
    )
    const all: Stream.Stream<unknown> = Stream.mergeAll(
      choices.map((choice, index) => events(choice, index)),
      { concurrency: "unbounded" }
    ).pipe(Stream.concat(usage), Stream.concat(Stream.succeed(ServerSentEvents.done)))
    return yield* ServerSentEvents.answer(all, server.headers)
  })

  return (request) => server.json(request).pipe(Effect.flatMap(answer), Engine.refuseWith(server.dialect))
}
