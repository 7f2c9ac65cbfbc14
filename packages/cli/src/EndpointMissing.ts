/**
 * A name that no endpoint has, with the names that come near it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { NotFound } from "@stint/core/EndpointError"
import type * as Endpoints from "@stint/core/Endpoints"

/** No endpoint of that name; `near` are names that may have been meant. */
export class EndpointMissing extends Schema.TaggedError<EndpointMissing>()("EndpointMissing", {
  namespace: Schema.String,
  name: Schema.String,
  near: Schema.Array(Schema.String)
}) {
  override get message() {
    const meant =
      this.near.length === 0
        ? "Look at what there is with: stint endpoints list --all-namespaces"
        : `Did you mean ${this.near.map((name) => `"${name}"`).join(", ")}? Look with: stint endpoints list`
    return `There is no endpoint "${this.name}" in ${this.namespace}, or the token may not see it. ${meant}`
  }
}

/** How many letters have to be put in, taken out or replaced. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** So many names are looked through, and so many told. */
const LOOKED_AT = 500
const TOLD = 3

/** The names that come near, nearest first: a few letters off, or one a part of the other. */
export const nearest = (name: string, names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names
    .map((other) => {
      const isPart = name.length > 2 && (other.includes(name) || name.includes(other))
      return { other, off: isPart ? 1 : distance(name, other) }
    })
    .filter(({ off }) => off <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.off - b.off)
    .slice(0, TOLD)
    .map(({ other }) => other)

const namesOf = (endpoints: Endpoints.Service) =>
  endpoints.list().pipe(
    Stream.take(LOOKED_AT),
    Stream.map(({ name }) => name),
    Stream.runCollect,
    Effect.timeoutOption("5 seconds"),
    Effect.map((names) => (names._tag === "Some" ? names.value : [])),
    // It only adds to another error.
    Effect.orElseSucceed((): ReadonlyArray<string> => [])
  )

/** The error for a name that was not found. */
const toMissing = Effect.fnUntraced(function* (endpoints: Endpoints.Service, error: NotFound) {
  const near = nearest(error.name, yield* namesOf(endpoints))
  const namespace =
    error.namespace ?? (yield* Effect.orElseSucceed(endpoints.namespace, () => "the namespace"))
  return new EndpointMissing({ namespace, name: error.name, near })
})

/** A `NotFound` becomes an {@link EndpointMissing}, which names what comes near it. */
export const withNear =
  (endpoints: Endpoints.Service) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.catchIf(
      effect,
      (error): error is E & NotFound => error instanceof NotFound,
      (error) => Effect.flatMap(toMissing(endpoints, error), Effect.fail)
    )
