/**
 * Whether an answer of 200 is one: some engines put an error into it, and some answer an empty object.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type Fault, classify, transport } from "../../Fault.ts"

const Choices = Schema.Struct({ choices: Schema.NonEmptyArray(Schema.Json) })
const Data = Schema.Struct({ data: Schema.NonEmptyArray(Schema.Json) })

/** What the OpenAI routes answer at the least. */
const shapes: Record<string, (body: unknown) => boolean> = {
  "/v1/chat/completions": Schema.is(Choices),
  "/v1/completions": Schema.is(Choices),
  "/v1/embeddings": Schema.is(Data)
}

const Code = Schema.Struct({
  error: Schema.Struct({ code: Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 })) })
})
const codeOf = Schema.decodeUnknownOption(Code)

const hasError = (body: Schema.Json) =>
  Predicate.hasProperty(body, "error") && body.error !== null && body.error !== undefined

/** What is wrong with the answer to a request to this path, if anything. */
export const faultOf = (path: string, body: Schema.Json): Fault | undefined => {
  if (hasError(body)) {
    // The code inside counts; without one the engine broke on the way.
    const status = Option.match(codeOf(body), { onNone: () => 500, onSome: ({ error }) => error.code })
    return classify({ status, body: JSON.stringify(body) })
  }
  const fits = shapes[path.split("?")[0] ?? path]
  return fits === undefined || fits(body) ? undefined : transport(`the answer is not what ${path} gives`)
}
