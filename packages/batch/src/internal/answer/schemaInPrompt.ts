/**
 * The shape of an answer in the prompt, for an engine that does not take a schema.
 */
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"
import type { Message } from "../../Inference.ts"

/** What a model is told. */
export const instruction = (jsonSchema: Schema.Json): string =>
  `Answer with one JSON value that fits this JSON Schema, and with nothing else:\n${JSON.stringify(jsonSchema)}`

const isText = (json: Schema.Json | undefined): json is string => typeof json === "string"

/** Some templates have room for one system message alone, in the first place. */
export const instructed = (messages: ReadonlyArray<Message>, words: string): ReadonlyArray<Message> => {
  const [first, ...rest] = messages
  const content = first?.["content"]
  return first?.role === "system" && isText(content)
    ? [{ ...first, content: `${content}\n\n${words}` }, ...rest]
    : [{ role: "system", content: words }, ...messages]
}

const speaksOfFormat =
  /response_?format|json_schema|json schema|guided|grammar|structured[ _]?output|xgrammar|outlines|llguidance/i

/** Whether the engine has refused the schema, as far as its words tell. */
export const refusesFormat = ({ detail, status }: Fault): boolean =>
  status !== undefined && [400, 404, 422, 500, 501].includes(status) && speaksOfFormat.test(detail ?? "")
