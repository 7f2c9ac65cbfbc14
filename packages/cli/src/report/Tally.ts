/**
 * What the records of a journal say of their rows: how long they took, what they cost in tokens, and why they failed.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Histogram from "@stint/batch/Histogram"
import type { Usage } from "@stint/batch/Job"
import type { Entry } from "@stint/batch/Journal"
import * as Row from "@stint/batch/Row"
import { type Failure, type RunReport, distributionOf } from "./RunReport.ts"

/** Examples of one cause, characters of each, and causes. */
const EXAMPLES = 3
const LENGTH = 400
const KEY_LENGTH = 120
const CAUSES = 50

const Refusal = Schema.Struct({
  reason: Schema.String,
  message: Schema.optional(Schema.String),
  status: Schema.optional(Schema.Int)
})
const decodeError = Schema.decodeUnknownOption(Refusal)

const cut = (text: string, length: number) => {
  if (text.length <= length) return text
  return `${text.slice(0, length).replace(/[\uD800-\uDBFF]$/, "")}…`
}

/** Counts records as they come. */
export interface Tally {
  readonly add: (entry: Entry) => void
  /** What was counted. */
  readonly sum: () => Pick<RunReport, "latency" | "tokens" | "tries" | "failures"> & {
    readonly succeeded: number
    readonly failed: number
    readonly attempts: number
  }
}

/** Makes one; `usage` tells what an output has cost, `conceal` takes the token out of texts. */
export const make = (
  options: {
    readonly usage?: ((output: Schema.Json) => Usage | undefined) | undefined
    readonly conceal?: ((text: string) => string) | undefined
  } = {}
): Tally => {
  const { conceal = (text: string) => text, usage = Row.usageOf } = options
  const latency = Histogram.make()
  const input = Histogram.make()
  const output = Histogram.make()
  const tries = new Map<number, number>()
  const failures = new Map<string, { -readonly [K in keyof Failure]: Failure[K] }>()
  const counts = { succeeded: 0, failed: 0, attempts: 0 }

  const fail = ({ error, key }: Entry) => {
    const {
      message = "",
      reason,
      status
    } = Option.getOrElse(decodeError(error), (): typeof Refusal.Type => ({
      reason: "unknown",
      message: JSON.stringify(error ?? null)
    }))
    const known = `${reason} ${status ?? ""}`
    const cause = failures.has(known) || failures.size < CAUSES ? known : "others"
    const found = failures.get(cause) ?? {
      reason: cause === "others" ? "others" : reason,
      ...(cause === "others" || status === undefined ? {} : { status }),
      rows: 0,
      examples: []
    }
    const words = cut(conceal(message), LENGTH)
    failures.set(cause, {
      ...found,
      rows: found.rows + 1,
      examples:
        found.examples.length >= EXAMPLES || found.examples.some((example) => example.message === words)
          ? found.examples
          : [...found.examples, { key: cut(conceal(key), KEY_LENGTH), message: words }]
    })
  }

  return {
    add: (entry) => {
      counts.attempts += entry.attempts
      tries.set(entry.attempts, (tries.get(entry.attempts) ?? 0) + 1)
      // A row that shares the answer of another took no time of its own.
      if (entry.attempts > 0) Histogram.add(latency, entry.durationMillis)
      if (entry.tag === "Failed") {
        counts.failed++
        return fail(entry)
      }
      counts.succeeded++
      const spent = entry.output === undefined || entry.attempts === 0 ? undefined : usage(entry.output)
      if (spent?.inputTokens !== undefined) Histogram.add(input, spent.inputTokens)
      if (spent?.outputTokens !== undefined) Histogram.add(output, spent.outputTokens)
    },
    sum: () => {
      const times = distributionOf(latency)
      // Tokens are whole: bars that are narrower than one would be empty in turn.
      const inputs = distributionOf(input, 12)
      const outputs = distributionOf(output, 12)
      return {
        ...counts,
        ...(times === undefined ? {} : { latency: times }),
        tokens: {
          ...(inputs === undefined ? {} : { input: inputs }),
          ...(outputs === undefined ? {} : { output: outputs })
        },
        tries: [...tries]
          .map(([attempts, rows]) => ({ attempts, rows }))
          .toSorted((a, b) => a.attempts - b.attempts),
        failures: [...failures.values()].toSorted((a, b) => b.rows - a.rows)
      }
    }
  }
}
