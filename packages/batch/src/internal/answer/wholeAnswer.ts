/**
 * An answer under a policy for what was cut off.
 */
import * as Effect from "effect/Effect"
import { Fault } from "../../Fault.ts"
import type { Parameters } from "../../Inference.ts"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import { type Policy, type RetryWith, Truncated } from "../../Truncation.ts"
import { safe } from "../input/problemText.ts"
import { saidNothing } from "../engine/silence.ts"
import type { Said } from "./textAnswer.ts"

/** The names that a limit of tokens has, the newest first. */
const names = ["max_completion_tokens", "max_tokens", "max_new_tokens"] as const

/** The limit of tokens that a request names. */
export const limitOf = (
  parameters: Parameters | undefined
): { readonly name: string; readonly value: number } | undefined => {
  for (const name of names) {
    const value = parameters?.[name]
    if (typeof value === "number") return { name, value }
  }
  return undefined
}

/** Whether what was cut off is kept. */
export const keeps = (policy: Policy | undefined, parameters: Parameters | undefined): boolean =>
  policy === undefined ? limitOf(parameters) !== undefined : policy === "keep"

/** What of a policy belongs into a fingerprint: nothing where it is what it would be anyway. */
export const fingerprint = (
  policy: Policy | undefined,
  parameters: Parameters | undefined
): { readonly onLength?: "keep" | "whole" } => {
  const isKept = keeps(policy, parameters)
  return isKept === keeps(undefined, parameters) ? {} : { onLength: isKept ? "keep" : "whole" }
}

const grown = (
  { factor = 2, limit = Infinity }: RetryWith,
  parameters: Parameters | undefined,
  said: Said
): Parameters | undefined => {
  const named = limitOf(parameters)
  const now = named?.value ?? said.outputTokens
  if (now === undefined) return undefined
  const next = Math.min(Math.ceil(now * Math.min(16, Math.max(1, factor))), limit)
  return next > now ? { ...parameters, [named?.name ?? said.limitName]: next } : undefined
}

/** How much of what was said an error repeats, in characters. */
const SHOWN = 200

const truncated = (said: Said, parameters: Parameters | undefined) =>
  Effect.flatMap(CurrentEndpoint, ({ conceal }) =>
    Effect.fail(
      new Truncated({
        finishReason: said.finishReason ?? "length",
        maxTokens: limitOf(parameters)?.value,
        outputTokens: said.outputTokens,
        said: safe(conceal(said.text ?? ""), SHOWN)
      })
    )
  )

/** Tokens of two asks together. */
export const summed = <S extends Said>(first: Said, second: S): S => ({
  ...second,
  inputTokens: sum(first.inputTokens, second.inputTokens),
  outputTokens: sum(first.outputTokens, second.outputTokens)
})

const sum = (first: number | undefined, second: number | undefined) =>
  first === undefined && second === undefined ? undefined : (first ?? 0) + (second ?? 0)

/** How an answer is asked for, and what becomes of one that was cut off. */
export interface Options<E, R> {
  readonly ask: (parameters: Parameters | undefined) => Effect.Effect<Said, E, R>
  readonly parameters: Parameters | undefined
  readonly policy: Policy | undefined
  /** Run where an answer that was cut off is kept. */
  readonly onKept?: Effect.Effect<void> | undefined
}

/** A text, and what it has cost. */
export interface Whole extends Said {
  readonly text: string
}

const spoken = (said: Said): Effect.Effect<Whole, Fault> =>
  said.text === null
    ? Effect.fail(new Fault({ reason: "row", detail: saidNothing(said.finishReason) }))
    : Effect.succeed({ ...said, text: said.text })

/** Asks, and asks once more where the policy says so. */
export const make = Effect.fnUntraced(function* <E, R>(
  options: Options<E, R>
): Effect.fn.Return<Whole, E | Fault | Truncated, R | CurrentEndpoint> {
  const { ask, parameters, policy } = options
  const first = yield* ask(parameters)
  if (!first.isCut) return yield* spoken(first)
  if (keeps(policy, parameters)) {
    const kept = yield* spoken(first)
    if (options.onKept !== undefined) yield* options.onKept
    return kept
  }
  const more = typeof policy === "object" ? grown(policy.retryWith, parameters, first) : undefined
  if (more === undefined) return yield* truncated(first, parameters)
  const second = yield* ask(more)
  return second.isCut ? yield* truncated(second, more) : yield* spoken(summed(first, second))
})
