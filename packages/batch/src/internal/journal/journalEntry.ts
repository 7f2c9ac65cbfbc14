/**
 * One record of the journal, as text and as bytes.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type Digest, digest, digestAscii, fromHex } from "../digest.ts"

/**
 * One record of the log. `fingerprint` is sixteen hexadecimal digits; a failed record holds the input, so that it can
 * be run again.
 */
export const Entry = Schema.Struct({
  key: Schema.String,
  fingerprint: Schema.String,
  tag: Schema.Literals(["Succeeded", "Failed"]),
  attempts: Schema.Int,
  durationMillis: Schema.Finite,
  output: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(Schema.Json),
  input: Schema.optionalKey(Schema.Json)
})

/** One record of the log. */
export type Entry = typeof Entry.Type

/** The log could not be read or written. Nothing that was reported done is lost. */
export class JournalError extends Schema.TaggedError<JournalError>()("JournalError", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The journal ${this.path} cannot be used: ${this.detail.replace(/\.?$/, ".")} Mend that and run again: what was reported done is in it.`
  }
}

/** A record as it lies in the log: read as far as needed. */
export interface Stored {
  readonly key: string
  readonly tag: Entry["tag"]
  /** The JSON text of a success's output, where it can be had without decoding the record. */
  readonly output: string | undefined
  readonly entry: Effect.Effect<Entry, JournalError>
}

/** A record that is decoded already. */
export const storedEntry = (entry: Entry): Stored => ({
  key: entry.key,
  tag: entry.tag,
  output: undefined,
  entry: Effect.succeed(entry)
})

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * The members in the order in which a reader wants them: first what finds the record, last the output, so that all from
 * there to the end is its text.
 */
const lineOf = (entry: Entry): string =>
  `${JSON.stringify({
    key: entry.key,
    fingerprint: entry.fingerprint,
    tag: entry.tag,
    attempts: entry.attempts,
    durationMillis: entry.durationMillis,
    error: entry.error,
    input: entry.input,
    output: entry.output
  })}\n`

/** Well under the longest string there can be. */
const PIECE = 2 ** 24

/** The lines of some entries, in few pieces, each of whole lines. */
export const encode = (entries: ReadonlyArray<Entry>): Array<Uint8Array<ArrayBuffer>> => {
  const pieces: Array<Uint8Array<ArrayBuffer>> = []
  let text = ""
  for (const entry of entries) {
    text += lineOf(entry)
    if (text.length >= PIECE) {
      pieces.push(encoder.encode(text))
      text = ""
    }
  }
  if (text !== "") pieces.push(encoder.encode(text))
  return pieces
}

/** What finds a record again. */
export interface Head {
  readonly key: Digest
  readonly print: Digest
  readonly succeeded: boolean
  /** Where the key's JSON text begins and ends, with its quotes. */
  readonly keyStart: number
  readonly keyEnd: number
  /** Where what follows the tag begins. */
  readonly rest: number
}

const QUOTE = 34
const BACKSLASH = 92
const CLOSE = 125

const keyName = encoder.encode('{"key":')
const printName = encoder.encode(',"fingerprint":"')
const tagName = encoder.encode('","tag":"')
const succeededTag = encoder.encode('Succeeded","attempts":')
const failedTag = encoder.encode('Failed","attempts":')

const isAt = (bytes: Uint8Array, at: number, text: Uint8Array): boolean => {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false
  return true
}

/** The value of a lower-case hexadecimal digit, or -1. */
const digitOf = (byte: number): number =>
  byte >= 48 && byte <= 57 ? byte - 48 : byte >= 97 && byte <= 102 ? byte - 87 : -1

/** Eight hexadecimal digits, or -1. */
const wordAt = (bytes: Uint8Array, at: number): number => {
  let word = 0
  for (let i = at; i < at + 8; i++) {
    const digit = digitOf(bytes[i] ?? 0)
    if (digit < 0) return -1
    word = word * 16 + digit
  }
  return word
}

const decodeText = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.String))
const toText = Option.liftThrowable((bytes: Uint8Array) => decoder.decode(bytes))

/**
 * Reads only the beginning of a line: nothing where it is not written as this module writes it, or has no end.
 */
export const readHead = (bytes: Uint8Array): Head | undefined => {
  const keyStart = keyName.length
  if (!isAt(bytes, 0, keyName) || bytes[keyStart] !== QUOTE || bytes.at(-1) !== CLOSE) return undefined
  let isPlain = true
  let at = keyStart + 1
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) break
    if (byte < 32) return undefined
    if (byte === BACKSLASH) {
      isPlain = false
      at++
    } else if (byte >= 128) isPlain = false
  }
  const keyEnd = at + 1
  const print = keyEnd + printName.length
  const tag = print + 16 + tagName.length
  if (!isAt(bytes, keyEnd, printName) || !isAt(bytes, print + 16, tagName)) return undefined
  const high = wordAt(bytes, print)
  const low = wordAt(bytes, print + 8)
  if (high < 0 || low < 0) return undefined
  const succeeded = isAt(bytes, tag, succeededTag)
  if (!succeeded && !isAt(bytes, tag, failedTag)) return undefined
  const rest = tag + (succeeded ? succeededTag : failedTag).length
  const key = isPlain
    ? digestAscii(bytes, keyStart + 1, at)
    : Option.getOrUndefined(Option.map(keyText(bytes, keyStart, keyEnd), digest))
  return key && { key, print: { high, low }, succeeded, keyStart, keyEnd, rest }
}

/** Of the text between quotes, without control characters; what has no backslash is as it stands. */
const keyText = (bytes: Uint8Array, start: number, end: number) =>
  Option.flatMap(toText(bytes.subarray(start, end)), (text) =>
    text.includes("\\") ? decodeText(text) : Option.some(text.slice(1, -1))
  )

const tagged = Schema.Literals(["Succeeded", "Failed"])
const Small = Schema.Struct({
  key: Schema.String,
  fingerprint: Schema.String,
  tag: tagged,
  attempts: Schema.Int,
  durationMillis: Schema.Finite
})
const isSmall = Schema.is(Small)

/** Of what `JSON.parse` gave: the other members are JSON already. */
const isEntry = (json: unknown): json is Entry => isSmall(json)

// Not through a schema: parsed JSON need not be checked again for being JSON, and outputs may be long.
const parse = Option.liftThrowable((text: string): unknown => JSON.parse(text))

/** Decodes the whole line; a failure says what is wrong with it. */
export const decode = (bytes: Uint8Array): Result.Result<Entry, string> => {
  const text = toText(bytes)
  if (Option.isNone(text)) return Result.fail("is not UTF-8")
  const json = parse(text.value)
  return Option.isSome(json) && isEntry(json.value)
    ? Result.succeed(json.value)
    : Result.fail("is damaged: take that line out to do its row again, or move the folder away to start anew")
}

/** What finds an entry again. */
export const headOf = (entry: Entry): Pick<Head, "key" | "print" | "succeeded"> => ({
  key: digest(entry.key),
  print: fromHex(entry.fingerprint),
  succeeded: entry.tag === "Succeeded"
})

const durationName = encoder.encode(',"durationMillis":')
const outputName = encoder.encode(',"output":')

const pastNumber = (bytes: Uint8Array, from: number): number => {
  let at = from
  for (; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0
    // Digits, and + - . E e.
    if (!((byte >= 48 && byte <= 57) || byte === 43 || byte === 45 || byte === 46 || (byte | 32) === 101))
      break
  }
  return at
}

/** The text of a success's output; nothing where something else stands there. */
const outputText = (bytes: Uint8Array, head: Head): string | undefined => {
  const duration = pastNumber(bytes, head.rest)
  if (!head.succeeded || !isAt(bytes, duration, durationName)) return undefined
  const output = pastNumber(bytes, duration + durationName.length)
  if (!isAt(bytes, output, outputName)) return undefined
  return Option.getOrUndefined(toText(bytes.subarray(output + outputName.length, -1)))
}

/** A line whose head was read, for whoever may not need the rest. */
export const stored = (
  bytes: Uint8Array,
  head: Head,
  entry: Effect.Effect<Entry, JournalError>
): Stored | undefined => {
  const key = keyText(bytes, head.keyStart, head.keyEnd)
  if (Option.isNone(key)) return undefined
  return {
    key: key.value,
    tag: head.succeeded ? "Succeeded" : "Failed",
    output: outputText(bytes, head),
    entry
  }
}
