/**
 * Vectors as OpenAI's protocol spells them in Base64: 32-bit floats, the low byte first.
 *
 * A third of the bytes of the same numbers as JSON, and nothing to parse. Bytes are decoded by what the platform has: a loop
 * of one's own takes ten times as long.
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Base64 from "effect/encoding/Base64"

type ToBytes = (text: string) => Uint8Array | undefined

const isMaker = (
  value: unknown
): value is { readonly from: (text: string, encoding: "base64") => Uint8Array } =>
  Predicate.hasProperty(value, "from") && typeof value.from === "function"

const isNative = (value: unknown): value is { readonly fromBase64: (text: string) => Uint8Array } =>
  Predicate.hasProperty(value, "fromBase64") && typeof value.fromBase64 === "function"

const slowly: ToBytes = (text) => Result.getOrElse(Base64.decode(text), () => undefined)

/** Base64 has this many characters for so many bytes; what passes over others is not to go unnoticed. */
const hasLength = (text: string, { length }: Uint8Array) => {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0
  return text.length % 4 === 0 && length === (text.length / 4) * 3 - padding
}

const toBytes: ToBytes = (() => {
  const buffer = Predicate.hasProperty(globalThis, "Buffer") ? globalThis.Buffer : undefined
  if (isMaker(buffer)) return (text) => buffer.from(text, "base64")
  const native: unknown = Uint8Array
  if (!isNative(native)) return slowly
  // Throws at what is not Base64; the other way says nothing.
  return (text) => (/^[A-Za-z0-9+/]*={0,2}$/.test(text) ? native.fromBase64(text) : undefined)
})()

const isLowByteFirst = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

const BYTES = Float32Array.BYTES_PER_ELEMENT

const floatsIn = (bytes: Uint8Array): ReadonlyArray<number> => {
  const count = bytes.length / BYTES
  if (isLowByteFirst) {
    // A view must begin at a whole number of floats.
    const { buffer, byteOffset } = bytes.byteOffset % BYTES === 0 ? bytes : bytes.slice()
    const floats = new Float32Array(buffer, byteOffset, count)
    // By index: an iterator takes several times as long.
    const numbers: Array<number> = []
    for (let at = 0; at < count; at++) numbers.push(floats[at] ?? Number.NaN)
    return numbers
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: count }, (_, at) => view.getFloat32(at * BYTES, true))
}

/** The numbers; nothing where the text is not such a vector. */
export const decode = (text: string): ReadonlyArray<number> | undefined => {
  const bytes = toBytes(text)
  if (bytes === undefined || bytes.length === 0 || bytes.length % BYTES !== 0 || !hasLength(text, bytes)) {
    return undefined
  }
  return floatsIn(bytes)
}
