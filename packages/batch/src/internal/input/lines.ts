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

const join = (pieces: ReadonlyArray<Uint8Array>, last: Uint8Array) => {
  if (pieces.length === 0) return last
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, last.length))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  whole.set(last, at)
  return whole
}

/**
 * Splits at line feeds; a carriage return before one belongs to the line's end. The lines of a chunk come together, and
 * their bytes are good until the next chunk is taken.
 */
export const splitArrays = <E, R>(
  source: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Arr.NonEmptyReadonlyArray<Line>, E, R> =>
  Stream.suspend(() => {
    /** The beginning of a line that has not ended yet. */
    let rest: Array<Uint8Array> = []
    let offset = 0
    let number = 0

    const lineOf = (bytes: Uint8Array, length: number, isWhole: boolean): Line => {
      const line = { number: ++number, offset, length, bytes: trimEnd(bytes), isWhole }
      offset += length
      return line
    }

    const take = (chunk: Uint8Array): Array<Line> => {
      const lines: Array<Line> = []
      let start = 0
      for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
        const line = join(rest, chunk.subarray(start, end))
        rest = []
        lines.push(lineOf(line, line.length + 1, true))
        start = end + 1
      }
      // Copied, because the source may reuse its buffer for the next chunk.
      if (start < chunk.length) rest.push(chunk.slice(start))
      return lines
    }

    return source.pipe(
      Stream.map(take),
      Stream.filter(Arr.isArrayNonEmpty),
      Stream.concat(
        Stream.suspend(() => {
          const last = join(rest, new Uint8Array(0))
          return last.length === 0 ? Stream.empty : Stream.succeed(Arr.of(lineOf(last, last.length, false)))
        })
      )
    )
  })

/** {@link splitArrays}, line by line. */
export const split = <E, R>(source: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E, R> =>
  Stream.flattenArray(splitArrays(source))
