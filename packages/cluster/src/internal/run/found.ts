/** A run by its name. */
import * as Effect from "effect/Effect"
import { RunNotFound } from "../../RunError.ts"
import * as Runs from "./runs.ts"

/** The run of that name; it fails where there is none. */
export const found = Effect.fnUntraced(function* (name: string) {
  const runs = yield* Runs.make
  const run = yield* runs.find(name)
  return run ?? (yield* new RunNotFound({ run: name }))
})

/** The same of a run that is whole; one whose purge has begun is gone, for whoever wants something of it. */
export const whole = (name: string) =>
  Effect.filterOrFail(
    found(name),
    ({ report }) => report !== Runs.PURGED,
    () => new RunNotFound({ run: name })
  )

/** Whether an attempt goes on. */
export const isLive = (state: Runs.State) => state === "enqueuing" || state === "running"
