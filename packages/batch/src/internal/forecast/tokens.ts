/**
 * About how many tokens a text has, without the model's own tokenizer.
 */
import type * as Schema from "effect/Schema"
import { type Row, isBatchLine } from "../row/rowShape.ts"

/** What one request is about: tokens that go in, and the most that may come out where the request says so. */
export interface RequestTokens {
  readonly input: number
  readonly maxOutput?: number | undefined
}

/** How many characters of a kind make a token: rules of thumb, not measured on any one vocabulary. */
const LETTERS = 4.4
const DIGITS = 2.5
const MARKS = 1.6
const OTHER_LETTERS = 2.2
const IDEOGRAPHS = 1.3

const isLatin = (code: number) => code < 128 && (code | 32) >= 97 && (code | 32) <= 122

/** Chinese, Japanese and Korean, from the first radical on, and emoji. */
const isIdeograph = (code: number) => code >= 0x2e80

/**
 * The tokens of a text, counted by kind of character: Latin letters and spaces, digits, marks, letters of other alphabets, and
 * ideographs. Taken to be off by a third for prose; by more for code, and for languages that the model knows badly.
 *
 * **Example** (A short sentence)
 *
 * ```ts
 * import { Forecast } from "@stint/batch"
 *
 * console.log(Forecast.tokensOfText("the sea and the shore")) // => 5
 * ```
 */
export const ofText = (text: string): number => {
  let letters = 0
  let digits = 0
  let marks = 0
  let others = 0
  let ideographs = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 32 || isLatin(code)) letters++
    else if (code >= 48 && code <= 57) digits++
    else if (code < 128) marks++
    else if (isIdeograph(code)) ideographs++
    else others++
  }
  return Math.ceil(
    letters / LETTERS + digits / DIGITS + marks / MARKS + others / OTHER_LETTERS + ideographs / IDEOGRAPHS
  )
}

/** What a chat template adds to each message. */
const PER_MESSAGE = 6

const isObject = (json: Schema.Json | undefined): json is Schema.JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)
const isArray = (json: Schema.Json | undefined): json is Schema.JsonArray => Array.isArray(json)

/** Only text is counted: a picture in a message has as many tokens as its model likes. */
const ofContent = (content: Schema.Json | undefined): number => {
  if (typeof content === "string") return ofText(content)
  if (!isArray(content)) return 0
  return content.reduce<number>((sum, part) => sum + ofContent(isObject(part) ? part["text"] : part), 0)
}

const ofMessages = (messages: Schema.JsonArray): number =>
  messages.reduce<number>(
    (sum, message) => sum + PER_MESSAGE + ofContent(isObject(message) ? message["content"] : message),
    0
  )

const ofInput = (input: Schema.Json | undefined): number => {
  if (typeof input === "string") return ofText(input)
  if (isArray(input)) {
    return input.some((item) => isObject(item) && "role" in item)
      ? ofMessages(input)
      : input.reduce<number>((sum, item) => sum + ofInput(item), 0)
  }
  return isObject(input) ? ofBody(input) : 0
}

const inputs = ["messages", "prompt", "input", "inputs", "text", "texts", "query"] as const

const ofBody = (body: Schema.JsonObject): number => {
  const found = inputs.filter((name) => body[name] !== undefined)
  return found.length === 0
    ? ofText(JSON.stringify(body))
    : found.reduce<number>((sum, name) => sum + ofInput(body[name]), 0)
}

const limits = ["max_completion_tokens", "max_tokens", "max_new_tokens", "max_output_tokens"] as const

const maxOutputOf = (body: Schema.JsonObject): number | undefined => {
  for (const name of limits) {
    const limit = body[name]
    if (typeof limit === "number" && limit >= 1) return Math.floor(limit)
  }
  return isObject(body["parameters"]) ? maxOutputOf(body["parameters"]) : undefined
}

/** What a row is about. */
export const ofRow = (row: Row): RequestTokens => {
  if (isBatchLine(row)) return { input: ofBody(row.body), maxOutput: maxOutputOf(row.body) }
  const { input } = row
  return { input: ofInput(input), maxOutput: isObject(input) ? maxOutputOf(input) : undefined }
}
