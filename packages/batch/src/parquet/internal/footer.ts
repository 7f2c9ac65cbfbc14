/**
 * What stands for the version of a Parquet file where its server tells none: its footer, which says where everything lies.
 */
import * as Effect from "effect/Effect"
import { type Range, PIECE } from "../../internal/input/byteFile.ts"
import { ByteDigest } from "../../internal/media/byteDigest.ts"

/** The length of the footer, and the mark after it. */
const TAIL = 8

/** Footers grow with columns and groups; one this long is a broken file. */
export const MAX_FOOTER_BYTES = 256 * 1024 * 1024

/** A digest of the footer; empty where there is none. */
export const footerOf = Effect.fnUntraced(function* <E>(
  get: (start: number, end: number) => Effect.Effect<Range, E>,
  size: number
) {
  if (size < TAIL) return ""
  const { bytes: tail } = yield* get(size - TAIL, size)
  if (tail.length !== TAIL) return ""
  const length = new DataView(tail.buffer).getUint32(0, true) + TAIL
  if (length > Math.min(size, MAX_FOOTER_BYTES)) return ""
  const digest = new ByteDigest()
  for (let at = size - length; at < size; at += PIECE)
    digest.update((yield* get(at, Math.min(at + PIECE, size))).bytes)
  return digest.hex()
})
