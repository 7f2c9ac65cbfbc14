/**
 * The JSON in what a model said.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as JsonText from "../input/jsonText.ts"
import { fieldOf } from "../input/problemText.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** A value that was found, and where its text says more than it holds. */
export interface Found {
  readonly value: Schema.Json
  /** A number that loses digits. */
  readonly lost?: string | undefined
}

const lostIn = (text: string) => {
  const lost = JsonText.lostNumber(text)
  if (lost === undefined) return undefined
  const field = fieldOf(lost)
  const detail = JsonText.losesDigitsAt(lost)
  return field === undefined ? detail : `${field}: ${detail}`
}

/** Looked at before it is decoded: to decode it is to walk it. */
const parse = (text: string): Option.Option<Found> =>
  JsonText.isTooDeep(text)
    ? Option.none()
    : Option.map(decode(text), (value) => ({ value, lost: lostIn(text) }))

const fenced = /^```[\w+-]*[ \t]*\r?\n([\s\S]*?)\r?\n?```$/

/**
 * The one JSON value of a text: the text itself, what stands in a code fence, or an object or list with prose around it.
 *
 * Everything from the first bracket to the last must be that one value. With a second one beside it, or with one that is
 * broken, there is none: to look for the piece that parses would take a part of an answer for the whole. There is none either
 * where it is nested more than 512 deep.
 */
export const find = (said: string): Option.Option<Found> => {
  const all = said.trim()
  const whole = parse(all)
  if (Option.isSome(whole)) return whole
  // What a model thought before it spoke is no answer.
  const thought = all.lastIndexOf("</think>")
  const text = thought === -1 ? all : all.slice(thought + "</think>".length).trim()
  const inside = parse(fenced.exec(text)?.[1] ?? text)
  if (Option.isSome(inside)) return inside
  const from = text.search(/[{[]/)
  const to = Math.max(text.lastIndexOf("}"), text.lastIndexOf("]"))
  return from === -1 || to < from ? Option.none() : parse(text.slice(from, to + 1))
}
