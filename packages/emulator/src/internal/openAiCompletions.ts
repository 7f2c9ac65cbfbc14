/** OpenAI's `/v1/completions`, as vLLM and llama.cpp answer it. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Token } from "../TextModel.ts"
import type { Generation } from "./generations.ts"
import * as OpenAiText from "./openAiText.ts"
import * as ServerSentEvents from "./serverSentEvents.ts"

const Ids = Schema.Array(Schema.Int)

const decode = Engine.decoder(
  Schema.Struct({
    ...OpenAiText.fields,
    prompt: Schema.Union([Schema.String, Ids, Schema.Array(Schema.String), Schema.Array(Ids)]),
    echo: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
    logprobs: Schema.optionalKey(Schema.NullOr(Schema.Int))
  })
)

type Prompt = string | ReadonlyArray<number> | ReadonlyArray<string> | ReadonlyArray<ReadonlyArray<number>>

const logprobs = (tokens: ReadonlyArray<Token>) => {
  const texts = tokens.filter(({ special }) => !special)
  let offset = 0
  return {
    text_offset: texts.map(({ text }) => (offset += text.length) - text.length),
    token_logprobs: texts.map(({ logprob }) => logprob),
    tokens: texts.map(({ text }) => text),
    top_logprobs: texts.map(({ logprob, text }) => ({ [text]: logprob }))
  }
}

/** Answers a completion of each prompt, whole or as it comes. */
export const handle = (server: OpenAiText.Server): Engine.Engine["handle"] => {
  const { generations, more } = server

  /** The texts of one prompt or many; a list of numbers is one prompt's tokens. */
  const texts = (prompt: Prompt): ReadonlyArray<string> => {
    if (typeof prompt === "string") return [prompt]
    const list: Array<string> = []
    const tokens: Array<number> = []
    for (const item of prompt) {
      if (typeof item === "number") tokens.push(item)
      else list.push(typeof item === "string" ? item : generations.model.detokenize(item))
    }
    return list.length > 0 ? list : [generations.model.detokenize(tokens)]
  }

  const answer = Effect.fnUntraced(function* (json: unknown) {
    const request = yield* decode(json)
    const prompts = texts(request.prompt)
    const counts = prompts.map((prompt) => generations.model.countTokens(prompt))
    const resolved = yield* Effect.forEach(counts, (count) => server.resolve(request, count, "completion"))
    const { created, id } = yield* OpenAiText.stamp(server.idPrefix.completion)
    const stop = OpenAiText.stops(request.stop)
    const model = resolved[0]?.model ?? ""
    const promptTokens = counts.reduce((sum, count) => sum + count, 0)
    const isEchoed = request.echo === true
    const choices = prompts.flatMap((prompt, i) =>
      Array.from({ length: request.n ?? 1 }, (_, choice) => ({
        echo: isEchoed ? prompt : "",
        generation: generations.start(
          prompt,
          OpenAiText.sampling(request, resolved[i]?.maxTokens ?? 1, choice)
        )
      }))
    )
    const wantsLogprobs = typeof request.logprobs === "number"

    if (request.stream !== true) {
      const whole = yield* Effect.forEach(
        choices,
        ({ echo, generation }) =>
          Effect.map(OpenAiText.whole(generation, stop), (text) => ({ ...text, text: echo + text.text })),
        { concurrency: "unbounded" }
      )
      const completionTokens = whole.reduce((sum, { tokens }) => sum + tokens.length, 0)
      const body = {
        id,
        object: "text_completion",
        created,
        model,
        ...more,
        choices: whole.map(({ finishReason, text, tokens }, index) => ({
          index,
          text,
          logprobs: wantsLogprobs ? logprobs(tokens) : null,
          finish_reason: OpenAiText.finishReason(finishReason),
          stop_reason: null,
          prompt_logprobs: null
        })),
        usage: OpenAiText.usage(promptTokens, completionTokens),
        ...(whole[0] === undefined ? {} : server.cost?.(whole[0].generation, completionTokens))
      }
      return HttpServerResponse.jsonUnsafe(body, { headers: server.headers })
    }

    const event = (rest: Readonly<Record<string, unknown>>) => ({
      id,
      object: "text_completion",
      created,
      model,
      ...more,
      ...rest
    })
    let completionTokens = 0
    const events = (generation: Generation, index: number, echo: string) =>
      generation.tokens.pipe(
        OpenAiText.show(stop),
        Stream.zipWithIndex,
        Stream.map(([{ text, token }, at]) => {
          completionTokens += 1
          return event({
            choices: [
              {
                index,
                text: at === 0 ? echo + text : text,
                logprobs: wantsLogprobs ? logprobs([token]) : null,
                finish_reason: OpenAiText.finishReason(token.finishReason),
                stop_reason: null
              }
            ]
          })
        })
      )
    const usage = Stream.suspend(() =>
      request.stream_options?.include_usage === true
        ? Stream.succeed(event({ choices: [], usage: OpenAiText.usage(promptTokens, completionTokens) }))
        : Stream.empty
    )
    const all: Stream.Stream<unknown> = Stream.mergeAll(
      choices.map(({ echo, generation }, index) => events(generation, index, echo)),
      { concurrency: "unbounded" }
    ).pipe(Stream.concat(usage), Stream.concat(Stream.succeed(ServerSentEvents.done)))
    return yield* ServerSentEvents.answer(all, server.headers)
  })

  return (request) => server.json(request).pipe(Effect.flatMap(answer), Engine.refuseWith(server.dialect))
}
