/**
 * Answers of one shape: another one is a fault of the set-up.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"

/** The answer has another shape than the engine's own documentation gives it. */
const unexpected = (what: string) => (error: Schema.SchemaError) =>
  new Fault({ reason: "config", detail: `the endpoint does not answer as ${what} does: ${error.message}` })

export const decoding = <S extends Schema.ConstraintCodec<unknown, unknown>>(schema: S, what: string) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (response: { readonly body: Schema.Json }): Effect.Effect<S["Type"], Fault> =>
    Effect.mapError(decode(response.body), unexpected(what))
}
