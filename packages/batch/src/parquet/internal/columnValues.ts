/**
 * The values of Parquet's columns as values of JSON, without losing a digit: what a number cannot hold is text.
 */
import type { SchemaElement, SchemaTree } from "hyparquet"
import * as JsonText from "../../internal/input/jsonText.ts"

/** A value that cannot be had: what is wrong with it. */
export class Unreadable {
  readonly detail: string
  constructor(detail: string) {
    this.detail = detail
  }
}

type Convert = (value: unknown) => unknown

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const textOf = (bytes: Uint8Array): string | Unreadable => {
  try {
    return strict.decode(bytes)
  } catch {
    return new Unreadable("is not UTF-8")
  }
}

/** For the reader of the file. Texts stay bytes until their row is used: a whole group of them would fill the memory. */
export const parsers = {
  stringFromBytes: (bytes: Uint8Array) => bytes,
  // The keys of maps are needed at once: see `asRead`.
  jsonFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : textOf(bytes)),
  timestampFromNanoseconds: (nanos: bigint) => nanos
}

type Logical = NonNullable<SchemaElement["logical_type"]>

const isText = ({ converted_type: converted, logical_type: logical }: SchemaElement) =>
  converted === "UTF8" || converted === "ENUM" || logical?.type === "STRING" || logical?.type === "ENUM"

const isJson = ({ converted_type: converted, logical_type: logical }: SchemaElement) =>
  converted === "JSON" || logical?.type === "JSON"

const bare = (element: SchemaElement): SchemaElement => {
  const { converted_type: _converted, logical_type: _logical, ...rest } = element
  return rest
}

const isRaw: ReadonlySet<string> = new Set(["DATE", "DECIMAL", "GEOGRAPHY", "GEOMETRY", "TIME", "TIMESTAMP"])
const isRawConverted = /^(DATE|DECIMAL|TIME|TIMESTAMP)(_|$)/

/** A column as the reader of the file should take it: what loses digits there, or their meaning, is made a value here. */
export const asRead = (element: SchemaElement): SchemaElement => {
  const { converted_type: converted, logical_type: logical } = element
  if (isText(element) || isJson(element)) {
    if (element.name === "key") return { ...bare(element), converted_type: "JSON" }
    return { ...bare(element), converted_type: "UTF8", logical_type: { type: "STRING" } }
  }
  // Readers go by the older of the two marks.
  if (logical?.type === "LIST") return { ...element, converted_type: "LIST" }
  if (logical?.type === "MAP") return { ...element, converted_type: "MAP" }
  return isRaw.has(logical?.type ?? "") || isRawConverted.test(converted ?? "") ? bare(element) : element
}

const toNumber: Convert = (value) => {
  if (typeof value !== "bigint") return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

const bigOf = (value: unknown): bigint => {
  if (typeof value === "bigint") return value
  if (!(value instanceof Uint8Array)) return BigInt(Number(value))
  let big = 0n
  for (const byte of value) big = big * 256n + BigInt(byte)
  return BigInt.asIntN(8 * value.length, big)
}

const decimal =
  (scale: number): Convert =>
  (value) => {
    const big = bigOf(value)
    const sign = big < 0n ? "-" : ""
    const digits = (big < 0n ? -big : big).toString().padStart(scale + 1, "0")
    return scale === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
  }

const DAY = 86_400_000

const date: Convert = (value) => {
  const day = new Date(Number(value) * DAY)
  return Number.isNaN(day.getTime())
    ? new Unreadable("is a date beyond the calendar")
    : day.toISOString().slice(0, -14)
}

const perSecond = { MILLIS: 1_000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n }
const fractionDigits = { MILLIS: 3, MICROS: 6, NANOS: 9 }
type TimeUnit = keyof typeof perSecond

const floor = (a: bigint, b: bigint) => a / b - (a % b < 0n ? 1n : 0n)

const seconds = (value: unknown, unit: TimeUnit) => {
  const big = bigOf(value)
  const whole = floor(big, perSecond[unit])
  const fraction = (big - whole * perSecond[unit]).toString().padStart(fractionDigits[unit], "0")
  return { whole, fraction }
}

const timestamp =
  (unit: TimeUnit, zone: "Z" | ""): Convert =>
  (value) => {
    const { whole, fraction } = seconds(value, unit)
    const time = new Date(Number(whole) * 1000)
    return Number.isNaN(time.getTime())
      ? new Unreadable("is a time beyond the calendar")
      : `${time.toISOString().slice(0, -5)}.${fraction}${zone}`
  }

const timeOfDay =
  (unit: TimeUnit): Convert =>
  (value) => {
    const { whole, fraction } = seconds(value, unit)
    return `${new Date(Number(whole) * 1000).toISOString().slice(11, 19)}.${fraction}`
  }

const asText: Convert = (value) => (value instanceof Uint8Array ? textOf(value) : value)

const json: Convert = (value) => {
  const text = asText(value)
  if (typeof text !== "string") return text
  try {
    // One for each row of the column: a schema of JSON text takes twice as long.
    const read: unknown = JSON.parse(text)
    if (JsonText.isTooDeep(text)) return new Unreadable(JsonText.TOO_DEEP)
    const lost = JsonText.lostNumber(text)
    return lost === undefined ? read : new Unreadable(JsonText.losesDigitsAt(lost))
  } catch {
    return new Unreadable("is not JSON")
  }
}

const asIs: Convert = (value) => value

const timed = (logical: Logical | undefined, converted: string): Convert | undefined => {
  if (logical?.type === "TIMESTAMP") return timestamp(logical.unit, logical.isAdjustedToUTC ? "Z" : "")
  if (logical?.type === "TIME") return timeOfDay(logical.unit)
  if (logical?.type === "DATE" || converted === "DATE") return date
  const unit = converted.endsWith("_MILLIS") ? "MILLIS" : "MICROS"
  if (converted.startsWith("TIMESTAMP_")) return timestamp(unit, "Z")
  return converted.startsWith("TIME_") ? timeOfDay(unit) : undefined
}

/** How the value of a column without members is made. */
const leaf = (element: SchemaElement, binary: "bytes" | "text"): Convert => {
  const { converted_type: converted = "", logical_type: logical } = element
  const ofTime = timed(logical, converted)
  if (ofTime !== undefined) return ofTime
  if (logical?.type === "DECIMAL") return decimal(logical.scale)
  if (converted === "DECIMAL") return decimal(element.scale ?? 0)
  if (isJson(element)) return json
  if (element.type === "INT96") return timestamp("NANOS", "Z")
  if (element.type === "INT64") return toNumber
  return isText(element) || (element.type === "BYTE_ARRAY" && binary === "text") ? asText : asIs
}

const isRepeated = ({ element }: SchemaTree) => element.repetition_type === "REPEATED"

const isList = ({ children, element }: SchemaTree) => {
  const [list, ...others] = children
  return (
    (element.converted_type === "LIST" || element.logical_type?.type === "LIST") &&
    list !== undefined &&
    others.length === 0 &&
    list.children.length <= 1 &&
    isRepeated(list)
  )
}

const isNamed = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const members = (value: unknown, convertOf: (name: string) => Convert | undefined): unknown => {
  if (!isNamed(value)) return value
  const made: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    const one = (convertOf(name) ?? asIs)(value[name])
    if (one instanceof Unreadable) return one
    made[name] = one
  }
  return made
}

const each =
  (convert: Convert): Convert =>
  (value) => {
    if (!Array.isArray(value)) return convert(value)
    const made = value.map(convert)
    return made.find((one) => one instanceof Unreadable) ?? made
  }

const orNull =
  (convert: Convert): Convert =>
  (value) =>
    value === undefined || value === null ? null : value instanceof Unreadable ? value : convert(value)

const nested = (node: SchemaTree, binary: "bytes" | "text"): Convert => {
  const [first] = node.children
  if (first === undefined) return leaf(node.element, binary)
  if (isList(node)) {
    const [element] = first.children
    const convert = element === undefined ? leaf(first.element, binary) : converter(element, binary)
    return each(orNull(convert))
  }
  if (node.element.converted_type === "MAP" || node.element.logical_type?.type === "MAP") {
    const value = first.children.find(({ element }) => element.name === "value")
    const convert = value === undefined ? asIs : converter(value, binary)
    return (map) => members(map, () => convert)
  }
  const converts = new Map(node.children.map((child) => [child.element.name, converter(child, binary)]))
  return (struct) => members(struct, (name) => converts.get(name))
}

/** Makes the value of a column: of one that is empty, null. */
export const converter = (node: SchemaTree, binary: "bytes" | "text"): Convert => {
  const convert = orNull(nested(node, binary))
  return isRepeated(node) ? each(convert) : convert
}

/** Why a column's values cannot be had; nothing if they can. */
export const problemOf = (node: SchemaTree): string | undefined => {
  const { converted_type: converted, logical_type: logical } = node.element
  if (converted === "BSON" || logical?.type === "BSON") return "BSON"
  if (converted === "INTERVAL" || logical?.type === "INTERVAL") return "INTERVAL"
  if (logical?.type === "VARIANT") return "VARIANT"
  for (const child of node.children) {
    const problem = problemOf(child)
    if (problem !== undefined) return problem
  }
  return undefined
}
