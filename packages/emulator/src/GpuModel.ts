/**
 * A model of a GPU that serves a language model by continuous batching: how long tokens take, and who waits.
 * Nothing is computed but time, on the clock of whoever runs it, virtual or real.
 *
 * **The model.** Each step gives every running sequence one token and takes `t0 + t1·b + tp·p`: b sequences
 * run, and p tokens of prompts are read in the step. A sequence holds memory for every token of its prompt and
 * of its output so far. Sequences are let in first come, first served, while there is memory for what they
 * have (and 1 % to spare), a place in the batch, and room in the step for their prompt. When a step finds no
 * memory, the sequence that was let in last loses its own and waits at the head of the line; it reads its
 * prompt and what it had generated again.
 *
 * **What it leaves out.** The network, prefixes in common, a prompt read in pieces, the growth of a step with
 * the length of what is attended to, and more than one replica.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Load } from "./TextModel.ts"
import * as Batch from "./internal/batch.ts"

/** A GPU with a language model on it. */
export interface Options {
  /** What it is like: `a10g`. */
  readonly name: string
  /** t0: what a step takes, however few sequences run. */
  readonly step: Duration.Input
  /** t1: what each running sequence adds to a step. */
  readonly perSequence: Duration.Input
  /** tp: what each token of a prompt adds to the step that reads it. */
  readonly perPromptToken: Duration.Input
  /** The tokens that the memory for keys and values holds. */
  readonly cacheTokens: number
  /** The sequences that run at a time at most; 256 when left out. */
  readonly maxSequences?: number | undefined
  /** The tokens of prompts that a step reads at most, more than one prompt taken together; 8192 when left out. */
  readonly maxStepTokens?: number | undefined
}

/**
 * A GPU like an A10G, as a reference job of 3,000 rows was reckoned for it: memory for 77,000 tokens, 19.6 ms a step and
 * 0.19 ms a sequence, and prompts at 8,500 tokens a second. 3,000 requests of 981 and 238 tokens on average take 12
 * minutes, or 4 hours one by one. Made up to be like one; not measured on one.
 *
 * @example
 * ```ts
 * import { GpuModel } from "@stint/emulator"
 *
 * export const doubled: GpuModel.Options = { ...GpuModel.a10g, name: "a10g-twice", cacheTokens: 154_000 }
 * ```
 */
export const a10g: Options = {
  name: "a10g",
  step: Duration.micros(19_600n),
  perSequence: Duration.micros(190n),
  perPromptToken: Duration.nanos(118_000n),
  cacheTokens: 77_000,
  maxSequences: 256
}

/**
 * A GPU like an H200, as a reference job of 3,000 rows was reckoned for it: memory for 600,000 tokens, 11.7 ms a step and
 * 0.08 ms a sequence, and prompts at 20,000 tokens a second. 3,000 requests of 981 and 238 tokens on average take 4
 * minutes, or 2½ hours one by one. Made up to be like one; not measured on one.
 *
 * @example
 * ```ts
 * import { GpuModel } from "@stint/emulator"
 *
 * export const gpu = GpuModel.make(GpuModel.h200)
 * ```
 */
export const h200: Options = {
  name: "h200",
  step: Duration.micros(11_700n),
  perSequence: Duration.micros(80n),
  perPromptToken: Duration.nanos(49_000n),
  cacheTokens: 600_000,
  maxSequences: 1024
}

/** What a request asks of a GPU. Together they have to fit into its memory. */
export interface Work {
  readonly promptTokens: number
  /** At least 1. */
  readonly outputTokens: number
}

/** When what happened to a request, in milliseconds of the clock. */
export interface Served {
  readonly arrived: number
  readonly firstToken: number
  readonly finished: number
  /** How often it lost its memory. */
  readonly preemptions: number
}

/** What a GPU has done since it was made. */
export interface Totals {
  readonly steps: number
  /** Tokens of prompts that were read, those read again included. */
  readonly promptTokens: number
  readonly outputTokens: number
  readonly preemptions: number
}

/** A GPU at work. */
export interface GpuModel {
  readonly options: Options
  /** Waits until a request is served. Interrupted, it gives its memory back. */
  readonly run: (work: Work) => Effect.Effect<Served>
  /** How many tokens came in each step that gave any: for whoever watches them come. */
  readonly stream: (work: Work) => Stream.Stream<number>
  readonly load: Effect.Effect<Load>
  readonly totals: Effect.Effect<Totals>
}

/**
 * Makes a GPU, at rest until it is asked.
 *
 * @example
 * ```ts
 * import { GpuModel } from "@stint/emulator"
 * import { Effect } from "effect"
 *
 * export const program = Effect.gen(function* () {
 *   const gpu = yield* GpuModel.make(GpuModel.a10g)
 *   const { arrived, finished } = yield* gpu.run({ promptTokens: 981, outputTokens: 238 })
 *   return finished - arrived // 4,826 ms of the clock
 * })
 * ```
 */
export const make = (options: Options): Effect.Effect<GpuModel> =>
  Effect.sync(() => {
    const batch = Batch.make({
      step: Duration.toMillis(options.step),
      perSequence: Duration.toMillis(options.perSequence),
      perPromptToken: Duration.toMillis(options.perPromptToken),
      cacheTokens: options.cacheTokens,
      maxSequences: options.maxSequences ?? 256,
      maxStepTokens: options.maxStepTokens ?? 8192
    })
    let isDriven = false
    let bell = Deferred.makeUnsafe<void>()

    const ring = () => Deferred.doneUnsafe(bell, Effect.void)

    /** Runs the batch until nothing is left; what arrives in the meantime rings when it matters. */
    const drive = Effect.gen(function* () {
      let at = yield* Clock.currentTimeMillis
      while (batch.prepare(at)) {
        const { millis, steps } = batch.plan()
        bell = Deferred.makeUnsafe()
        const end = at + steps * millis
        const now = yield* Clock.currentTimeMillis
        if (end > now) yield* Effect.timeoutOption(Deferred.await(bell), Duration.millis(end - now))
        const woken = yield* Clock.currentTimeMillis
        // A step is not cut short: whoever rang is let in after it.
        const done = Math.min(steps, Math.max(1, Math.ceil((woken - at) / millis - 1e-9)))
        const rest = at + done * millis - woken
        if (rest > 0) yield* Effect.sleep(Duration.millis(rest))
        at += done * millis
        batch.advance(done, at)
      }
      isDriven = false
    })

    const submit = Effect.fnUntraced(function* (work: Work, onTokens?: (count: number) => void) {
      const done = Deferred.makeUnsafe<Served>()
      const sequence = Batch.sequence({
        promptTokens: Math.max(0, work.promptTokens),
        outputTokens: Math.max(1, work.outputTokens),
        arrived: yield* Clock.currentTimeMillis,
        onTokens,
        onFinished: (served) => Deferred.doneUnsafe(done, Effect.succeed(served))
      })
      if (work.promptTokens + work.outputTokens > options.cacheTokens) {
        // The servers refuse it before; here it would wait for ever.
        return yield* Effect.die(
          new RangeError(
            `${work.promptTokens} + ${work.outputTokens} tokens do not fit into ${options.cacheTokens}`
          )
        )
      }
      if (batch.add(sequence)) ring()
      if (!isDriven) {
        isDriven = true
        // Detached: it works for everybody, and ends by itself.
        yield* Effect.forkDetach(drive)
      }
      const leave = Effect.sync(() => {
        if (batch.remove(sequence)) ring()
      })
      return yield* Effect.onInterrupt(Deferred.await(done), () => leave)
    })

    return {
      options,
      run: (work) => submit(work),
      stream: (work) =>
        Stream.callback<number>((queue) =>
          submit(work, (count) => Queue.offerUnsafe(queue, count)).pipe(
            Effect.andThen(Queue.end(queue)),
            Effect.forkScoped
          )
        ),
      load: Effect.map(Clock.currentTimeMillis, batch.load),
      totals: Effect.sync(batch.totals)
    }
  })
