/** A TGI server under way: its bounds, the requests that are in, and what they count. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Scope from "effect/Scope"
import type * as Engine from "../Engine.ts"
import type { TextModel } from "../TextModel.ts"
import type * as Admission from "./admission.ts"
import type { Generation, Generations } from "./generations.ts"
import * as ForcedText from "./forcedText.ts"
import * as SeededRandom from "./seededRandom.ts"
import * as TgiParameters from "./tgiParameters.ts"
import * as Tgi from "./tgiProtocol.ts"

/** What the routes work with. */
export interface Server {
  readonly model: TextModel
  readonly modelId: string
  readonly bounds: TgiParameters.Bounds
  readonly maxClientBatchSize: number
  readonly admission: Admission.Admission
  readonly generations: Generations
  readonly requests: Tgi.Requests
  readonly headers: Readonly<Record<string, string>>
}

/** A generation that was let in, and what it was asked. */
export interface Started {
  readonly generation: Generation
  readonly valid: TgiParameters.Valid
  /** The seed that was used; none when nothing was drawn. */
  readonly seed: number | null
}

/** Counts a refusal by its kind. */
export const failed = (server: Server, refusal: Engine.Refusal): void => {
  const { type } = Tgi.judge(refusal)
  server.requests.failures[type] = (server.requests.failures[type] ?? 0) + 1
}

/** Lets a request in while the scope lasts, checks it, and starts it: in this order, as TGI does. */
export const start = Effect.fnUntraced(function* (
  server: Server,
  inputs: string,
  parameters: TgiParameters.Parameters,
  options: {
    readonly isStreaming: boolean
    readonly forced?: ForcedText.Forced | undefined
    readonly choice?: number | undefined
  }
): Effect.fn.Return<Started, Engine.Refusal, Scope.Scope> {
  const { generations, model } = server
  const starting = Effect.gen(function* () {
    yield* server.admission.enter
    const valid = yield* TgiParameters.validate(model, server.bounds, inputs, parameters)
    const forced = options.forced ?? (yield* grammar(parameters))
    const drawn = (valid.seed ?? SeededRandom.seedOf(valid.prompt)) + (options.choice ?? 0)
    const generation =
      forced === undefined
        ? generations.start(valid.prompt, {
            maxTokens: valid.maxTokens,
            temperature: valid.temperature,
            seed: drawn,
            stop: valid.stop,
            streaming: options.isStreaming
          })
        : generations.given(valid.prompt, ForcedText.tokens(model, forced.text, valid.maxTokens))
    return { generation, valid, seed: TgiParameters.samples(parameters) ? drawn : null }
  })
  return yield* Effect.tapError(starting, (refusal) => Effect.sync(() => failed(server, refusal)))
})

const grammar = ({ grammar }: TgiParameters.Parameters) =>
  grammar === null || grammar === undefined || grammar.type === "regex"
    ? Effect.undefined
    : ForcedText.read({ response_format: { type: grammar.type, value: grammar.value } })

/** A stream whose refusal is its only, or its last, event. */
export const events = <R>(
  stream: Effect.Effect<Stream.Stream<unknown, never, R>, Engine.Refusal, Scope.Scope | R>,
  word: (refusal: Engine.Refusal) => unknown
): Stream.Stream<unknown, never, Exclude<R, Scope.Scope>> =>
  Stream.scoped(Stream.unwrap(stream)).pipe(
    Stream.catch((refusal: Engine.Refusal) => Stream.succeed(word(refusal)))
  )
