/**
 * What an input comes to, read against the journal and measured in tokens; nothing is written.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Identity } from "../../Batch.ts"
import type { Job } from "../../Job.ts"
import * as Journal from "../../Journal.ts"
import { canonicalJson } from "../canonicalJson.ts"
import * as Decision from "../engine/decision.ts"
import { fromHex } from "../digest.ts"
import { DigestSet } from "../engine/digestSet.ts"
import type { RequestTokens } from "./tokens.ts"

/** What an input comes to. `items` = `done` + `shared` + `requests`. */
export interface Survey {
  readonly items: number
  /** Items whose output the journal holds. */
  readonly done: number
  /** Items that get the answer of another one with the same request. */
  readonly shared: number
  /** Items that are sent. */
  readonly requests: number
  /** Tokens of a request's input, on average; 0 where there is none to send. */
  readonly inputTokens: number
  /** The same for the items that are done. */
  readonly doneInputTokens: number
  /** The mean and the greatest of what the requests allow their answers, where any says so. */
  readonly maxOutput?: { readonly mean: number; readonly most: number } | undefined
  /** How many items the tokens were counted of. */
  readonly counted: number
}

/** All of the first are counted, then one of so many: the mean of ten thousand is known to a per cent. */
const COUNT_ALL = 10_000
const COUNT_ONE_OF = 10

const mean = () => {
  let sum = 0
  let count = 0
  return {
    add: (value: number) => {
      sum += value
      count++
    },
    count: () => count,
    value: () => (count === 0 ? 0 : sum / count)
  }
}

/**
 * Reads the whole input once. Fails as `Batch.prepare` does: with `DuplicateKey`, with `FingerprintChanged`, and with what
 * the source fails with. The journal is the current one; it is asked, and not written.
 *
 * `tokens` is asked of the first 10,000 items and of every tenth after them.
 *
 * **Example** (Rows that share a call)
 *
 * ```ts
 * import { Forecast, Job } from "@stint/batch"
 * import { Effect, Stream } from "effect"
 *
 * const job = Job.embed({ key: ([id]: readonly [string, string]) => id, text: ([, text]) => text })
 * const rows = Stream.make(["1", "sea"] as const, ["2", "sea"] as const)
 * const program = Forecast.survey(rows, job, {
 *   tokens: ([, text]) => ({ input: Forecast.tokensOfText(text) })
 * })
 * Effect.runPromise(program).then(({ requests }) => console.log(requests)) // => 1
 * ```
 */
export const survey = Effect.fnUntraced(function* <In, SE, SR, Out, E, R>(
  items: Stream.Stream<In, SE, SR>,
  job: Job<In, Out, E, R>,
  options: {
    readonly tokens: (item: In) => RequestTokens
    readonly identity?: Identity | undefined
    readonly changed?: "refuse" | "redo" | "keep" | undefined
    readonly dedupe?: boolean | undefined
  }
): Effect.fn.Return<Survey, SE | Decision.DuplicateKey | Decision.FingerprintChanged, SR> {
  const journal = yield* Journal.Journal
  const { identity } = options
  const { decide } = Decision.decider(
    journal,
    job,
    canonicalJson([job.name, identity?.repository ?? null, identity?.revision ?? null]),
    options.changed ?? "refuse"
  )
  const isShared = options.dedupe ?? job.isDeterministic
  const keys = Decision.keySet()
  const requests = new DigestSet()
  const input = mean()
  const doneInput = mean()
  const allowed = mean()
  let most = 0
  let done = 0
  let shared = 0
  let sent = 0
  let changed: { readonly key: string; count: number } | undefined

  const measure = (item: In, isDone: boolean) => {
    const at = keys.size()
    if (at > COUNT_ALL && at % COUNT_ONE_OF !== 0) return
    const tokens = options.tokens(item)
    if (isDone) return doneInput.add(tokens.input)
    input.add(tokens.input)
    if (tokens.maxOutput === undefined) return
    allowed.add(tokens.maxOutput)
    most = Math.max(most, tokens.maxOutput)
  }

  const take = (item: In): Decision.DuplicateKey | undefined => {
    const key = job.key(item)
    if (!keys.add(key)) return new Decision.DuplicateKey({ key })
    const decision = decide(item, key)
    if (decision._tag === "Changed") {
      if (changed === undefined) changed = { key, count: 1 }
      else changed.count++
    } else if (decision._tag === "Skip") {
      done++
      measure(item, true)
    } else if (
      isShared &&
      (journal.knows(decision.fingerprint) || !requests.add(fromHex(decision.fingerprint)))
    ) {
      shared++
    } else {
      sent++
      measure(item, false)
    }
    return undefined
  }

  yield* Stream.runForEachArray(items, (chunk) =>
    Effect.suspend(() => {
      for (const item of chunk) {
        const twice = take(item)
        if (twice !== undefined) return Effect.fail(twice)
      }
      return Effect.void
    })
  )
  if (changed !== undefined) return yield* new Decision.FingerprintChanged(changed)
  return {
    items: keys.size(),
    done,
    shared,
    requests: sent,
    inputTokens: input.value(),
    doneInputTokens: doneInput.value(),
    maxOutput: allowed.count() === 0 ? undefined : { mean: allowed.value(), most },
    counted: input.count() + doneInput.count()
  }
})
