/**
 * Which runs are traced, by `OTEL_TRACES_SAMPLER`: Effect's own tracer exports every span that is sampled, and has no sampler.
 *
 * A run is one trace: it is traced whole or not at all.
 */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"

/** How the first span of a run is decided about; the others follow it. */
export interface Sampler {
  /** Whether a parent from outside decides. */
  readonly isParentBased: boolean
  /** The share of traces that are kept. */
  readonly ratio: number
}

/** What OpenTelemetry takes for granted: `parentbased_always_on`. */
export const standard: Sampler = { isParentBased: true, ratio: 1 }

/** The sampler of that name, or what is wrong with it. */
export const parse = (
  name: string | undefined,
  argument: string | undefined
): Result.Result<Sampler, string> => {
  if (name === undefined) return Result.succeed(standard)
  const isParentBased = name.startsWith("parentbased_")
  const kind = name.replace(/^parentbased_/, "")
  if (kind === "always_on") return Result.succeed({ isParentBased, ratio: 1 })
  if (kind === "always_off") return Result.succeed({ isParentBased, ratio: 0 })
  if (kind !== "traceidratio") return Result.fail(`OTEL_TRACES_SAMPLER is ${name}, which is not known`)
  const ratio = argument === undefined ? 1 : Number(argument)
  return ratio >= 0 && ratio <= 1
    ? Result.succeed({ isParentBased, ratio })
    : Result.fail("OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1")
}

/**
 * Its last 56 bits as a share of all, below 1: the same trace is decided alike everywhere. The lowest four are left out: with
 * them a number would have to be rounded, at the end up to 1.
 */
const shareOf = (traceId: string) => Number.parseInt(traceId.slice(-14, -1), 16) / 2 ** 52

/** The tracer, with what is not to be kept marked so. */
export const sampled = (tracer: Tracer.Tracer, { isParentBased, ratio }: Sampler): Tracer.Tracer => {
  const decides = (parent: Option.Option<Tracer.AnySpan>) =>
    Option.match(parent, { onNone: () => false, onSome: ({ _tag }) => _tag === "Span" || isParentBased })
  return Tracer.make({
    ...tracer,
    span: (options) => {
      const span = tracer.span(options)
      if (decides(options.parent) || shareOf(span.traceId) < ratio) return span
      return tracer.span({ ...options, sampled: false })
    }
  })
}
