/** Begins an attempt. */
import * as Effect from "effect/Effect"
import * as Runs from "./runs.ts"
import { tokenOf, workflowOf } from "./workflow.ts"

/** Has the workflow of an attempt begin; one that has begun already goes on as it is. */
export const execute = Effect.fnUntraced(function* (run: Pick<Runs.Run, "id" | "attempt" | "definition">) {
  const runs = yield* Runs.make
  const payload = { id: run.id, attempt: run.attempt }
  yield* runs.setToken(run.id, run.attempt, yield* tokenOf(run.definition, payload))
  yield* workflowOf(run.definition).execute(payload, { discard: true })
})
