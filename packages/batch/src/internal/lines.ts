/**
 * The lines of a byte stream, each with its number and place, in memory bounded by the longest line.
 */
import * as Arr from "effect/Array"
import * as Stream from "effect/Stream"

/** One line without its end; `number` counts from 1, `offset` and `length` are in bytes, `length` with the line's end. */
export interface Line {
  readonly number: number
  readonly offset: number
  readonly length: number
  readonly bytes: Uint8Array
  /** Whether a line feed ended it; only the last line of a stream can lack one. */
  readonly isWhole: boolean
}

const LF = 10
const CR = 13

const trimEnd = (bytes: Uint8Array) => (bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes)

const concat = (left: Uint8Array, right: Uint8Array) => {
  if (left.length === 0) return right
  const both = new Uint8Array(left.length + right.length)
  both.set(left)
  both.set(right, left.length)
  return both
}

/** Splits at line feeds; a carriage return before one belongs to the line's end. */
export const split = <E, R>(source: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E, R> =>
  Stream.suspend(() => {
    let rest: Uint8Array = new Uint8Array(0)
    let offset = 0
    let number = 0

    const lineOf = (bytes: Uint8Array, length: number, isWhole: boolean): Line => {
      const line = { number: ++number, offset, length, bytes: trimEnd(bytes), isWhole }
      offset += length
      return line
    }

    const take = (chunk: Uint8Array): Array<Line> => {
      const lines: Array<Line> = []
      const firstEnd = chunk.indexOf(LF)
      if (firstEnd < 0) {
        // Copied, because the source may reuse its buffer for the next chunk.
        rest = rest.length === 0 ? chunk.slice() : concat(rest, chunk)
        return lines
      }
      const first = concat(rest, chunk.subarray(0, firstEnd))
      lines.push(lineOf(first, first.length + 1, true))
      let start = firstEnd + 1
      for (let end = chunk.indexOf(LF, start); end >= 0; end = chunk.indexOf(LF, start)) {
        lines.push(lineOf(chunk.subarray(start, end), end - start + 1, true))
        start = end + 1
      }
      rest = chunk.slice(start)
      return lines
    }

    return source.pipe(
      Stream.map(take),
      Stream.filter(Arr.isArrayNonEmpty),
      Stream.flattenArray,
      Stream.concat(
        Stream.suspend(() =>
          rest.length === 0 ? Stream.empty : Stream.make(lineOf(rest, rest.length, false))
        )
      )
    )
  })
