/**
 * A run as a span, and what the spans of its requests say, where somebody wants them.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type { Endpoint } from "@stint/core/Endpoint"
import { CurrentEndpoint } from "../../ManagedEndpoint.ts"
import type { Progress } from "../../Progress.ts"

/** The jobs that OpenTelemetry has a name for. */
const operations: Readonly<Record<string, string>> = {
  chat: "chat",
  object: "chat",
  generate: "text_completion",
  embed: "embeddings"
}

const attributesOf = (job: string, endpoint: Endpoint): Record<string, string> => {
  const operation = operations[job]
  const model = endpoint.model?.repository
  return {
    "stint.job": job,
    "stint.endpoint.name": endpoint.name,
    "gen_ai.provider.name": "huggingface",
    ...(operation === undefined ? {} : { "gen_ai.operation.name": operation }),
    ...(model ? { "gen_ai.request.model": model } : {}),
    ...(endpoint.url === undefined ? {} : { "server.address": endpoint.url.hostname })
  }
}

/** Makes an effect a span of that name. */
export const named =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withSpan(effect, name)

/** The run; its requests have no span of their own. In the end it says what came of its items. */
export const of = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  job: { readonly name: string },
  { cells }: Progress
): Effect.Effect<A, E, R | CurrentEndpoint> =>
  Effect.gen(function* () {
    const { endpoint } = yield* CurrentEndpoint
    yield* Effect.annotateCurrentSpan(attributesOf(job.name, endpoint))
    return yield* effect
  }).pipe(
    Effect.onExit(() =>
      Effect.annotateCurrentSpan({
        "stint.items.succeeded": cells.succeeded,
        "stint.items.failed": cells.failed,
        "stint.items.skipped": cells.skipped,
        "stint.attempts": cells.attempts,
        "stint.held_seconds": cells.heldMillis() / 1000
      })
    ),
    Effect.withSpan("Batch.run")
  )

/** What requests run in whose spans are wanted: each says which model is asked for what. */
export const withRequests = <R>(
  services: Context.Context<R>,
  job: { readonly name: string },
  endpoint: Endpoint
): Context.Context<R> => {
  const said = Context.get(services, References.TracerSpanAnnotations)
  const { "server.address": _, ...more } = attributesOf(job.name, endpoint)
  return Context.add(services, References.TracerSpanAnnotations, { ...said, ...more })
}
