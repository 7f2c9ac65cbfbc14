/** The status of a run for a program. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/** Prints the status of a run as one line of JSON. */
export const print = Effect.fnUntraced(function* (status: unknown) {
  const { RunStatus } = yield* Effect.promise(() => import("@stint/cluster"))
  const encode = Schema.encodeUnknownEffect(Schema.fromJsonString(RunStatus.RunStatus))
  yield* Console.log(yield* Effect.orDie(encode(status)))
})
