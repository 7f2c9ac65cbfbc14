/** The generations of a server: a bounded number runs, the rest waits in order, and what happens is counted. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { FinishReason, GenerateOptions, Load, TextModel, Token } from "../TextModel.ts"
import * as Prometheus from "./prometheus.ts"

/** When something happened to a generation, in milliseconds of the clock. */
export interface Timing {
  queued: number
  /** It left the queue. */
  started: number
  first: number
  finished: number
}

/** A generation that starts when its tokens are taken, and ends when they are no longer. */
export interface Generation {
  readonly promptTokens: number
  /** Filled in while the tokens come. */
  readonly timing: Timing
  readonly tokens: Stream.Stream<Token>
}

/** What has been counted. */
export interface Counts {
  promptTokens: number
  generatedTokens: number
  /** Why generations ended; `abort` is a client that went away. */
  readonly finished: Record<FinishReason | "abort", number>
  /** Milliseconds that prompts, and that tokens after the first, took. */
  promptMillis: number
  generationMillis: number
  readonly queueSeconds: Prometheus.Histogram
  readonly firstTokenSeconds: Prometheus.Histogram
  readonly inferenceSeconds: Prometheus.Histogram
  readonly totalSeconds: Prometheus.Histogram
  readonly promptLength: Prometheus.Histogram
  readonly generatedLength: Prometheus.Histogram
}

/** A server's generations. */
export interface Generations {
  readonly model: TextModel
  readonly counts: Counts
  readonly load: Effect.Effect<Load>
  readonly start: (prompt: string, options: GenerateOptions) => Generation
  /** The same, with the tokens already known: they wait their turn, and no model is asked. */
  readonly given: (prompt: string, tokens: ReadonlyArray<Token>) => Generation
}

/** Makes room for `maxRunning` generations at a time. A model with a queue of its own is not held back. */
export const make = (model: TextModel, maxRunning: number): Generations => {
  const places = Semaphore.makeUnsafe(maxRunning)
  const counts: Counts = {
    promptTokens: 0,
    generatedTokens: 0,
    finished: { length: 0, stop: 0, eos: 0, abort: 0 },
    promptMillis: 0,
    generationMillis: 0,
    queueSeconds: Prometheus.histogram(Prometheus.seconds),
    firstTokenSeconds: Prometheus.histogram(Prometheus.seconds),
    inferenceSeconds: Prometheus.histogram(Prometheus.seconds),
    totalSeconds: Prometheus.histogram(Prometheus.seconds),
    promptLength: Prometheus.histogram(Prometheus.tokens),
    generatedLength: Prometheus.histogram(Prometheus.tokens)
  }
  let running = 0
  let waiting = 0
  let used = 0

  /** Takes a place until the scope closes, and is counted as waiting until it has one. */
  const place = Effect.acquireRelease(
    Effect.suspend(() => {
      waiting += 1
      return places.take(1).pipe(
        Effect.tap(() =>
          Effect.sync(() => {
            running += 1
          })
        ),
        Effect.ensuring(
          Effect.sync(() => {
            waiting -= 1
          })
        )
      )
    }),
    () =>
      Effect.suspend(() => {
        running -= 1
        return places.release(1)
      }),
    { interruptible: true }
  )

  const counted = (promptTokens: number, isQueuedHere: boolean, source: Stream.Stream<Token>): Generation => {
    const timing: Timing = { queued: 0, started: 0, first: 0, finished: 0 }
    let generated = 0
    let reason: FinishReason | "abort" = "abort"

    const observe = Effect.fnUntraced(function* (token: Token) {
      if (generated === 0) {
        timing.first = yield* Clock.currentTimeMillis
        // A model with a queue of its own does not say when a prompt left it.
        if (!isQueuedHere) timing.started = timing.first
      }
      generated += 1
      if (token.finishReason === undefined) return
      reason = token.finishReason
      timing.finished = yield* Clock.currentTimeMillis
    })

    const finish = Effect.sync(() => {
      counts.finished[reason] += 1
      counts.generatedTokens += generated
      used -= promptTokens
      if (reason === "abort") return
      counts.promptTokens += promptTokens
      counts.promptMillis += timing.first - timing.started
      counts.generationMillis += timing.finished - timing.first
      counts.queueSeconds.observe((timing.started - timing.queued) / 1000)
      counts.firstTokenSeconds.observe((timing.first - timing.queued) / 1000)
      counts.inferenceSeconds.observe((timing.finished - timing.started) / 1000)
      counts.totalSeconds.observe((timing.finished - timing.queued) / 1000)
      counts.promptLength.observe(promptTokens)
      counts.generatedLength.observe(generated)
    })

    const tokens = Effect.gen(function* () {
      timing.queued = yield* Clock.currentTimeMillis
      if (isQueuedHere) yield* place
      timing.started = yield* Clock.currentTimeMillis
      used += promptTokens
      return source.pipe(
        Stream.mapArrayEffect((chunk) => Effect.as(Effect.forEach(chunk, observe, { discard: true }), chunk)),
        Stream.ensuring(finish)
      )
    })
    return { promptTokens, timing, tokens: Stream.unwrap(tokens) }
  }

  return {
    model,
    counts,
    load:
      model.load ??
      Effect.sync(() => ({
        running,
        waiting,
        // As if its memory held the longest text in every place.
        cacheUsage: Math.min(1, used / (model.maxLength * maxRunning)),
        preemptions: 0
      })),
    start: (prompt, options) =>
      counted(model.countTokens(prompt), model.load === undefined, model.generate(prompt, options)),
    given: (prompt, tokens) =>
      counted(model.countTokens(prompt), model.load === undefined, Stream.fromArray(tokens))
  }
}
