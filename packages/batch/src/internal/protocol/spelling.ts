/**
 * Whether an engine spells vectors in Base64: asked for until it refuses.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import type { Request } from "../../Inference.ts"

/** The clients of engines that refused it once. */
const spellOut = new WeakSet<object>()

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

const inNumbers = (what: Request): Request => {
  const { body } = what
  if (!isObject(body) || !("encoding_format" in body)) return what
  return {
    ...what,
    body: Object.fromEntries(Object.entries(body).filter(([key]) => key !== "encoding_format"))
  }
}

const refuses = (fault: Fault) => /encoding_format|base64/i.test(fault.detail ?? "")

/** Sends a request; without `encoding_format` to an engine that does not know it. */
export const ask = <A, R>(
  client: object,
  what: Request,
  send: (what: Request) => Effect.Effect<A, Fault, R>
): Effect.Effect<A, Fault, R> => {
  const plain = inNumbers(what)
  if (plain === what || spellOut.has(client)) return send(plain)
  return Effect.catchIf(send(what), refuses, () => {
    spellOut.add(client)
    return send(plain)
  })
}
