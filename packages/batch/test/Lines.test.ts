import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import * as Lines from "../src/internal/input/lines.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const linesOf = (chunks: ReadonlyArray<Uint8Array>) =>
  Stream.fromArray(chunks.map((chunk) => [chunk])).pipe(
    Stream.flattenIterable,
    Lines.split,
    Stream.map(({ bytes, ...line }) => ({ ...line, text: decoder.decode(bytes) })),
    Stream.runCollect
  )

/** What it should come to, said another way. */
const model = (text: string) => {
  const parts = text.split("\n")
  const last = parts.pop() ?? ""
  const all = [
    ...parts.map((part) => ({ part, isWhole: true })),
    ...(last === "" ? [] : [{ part: last, isWhole: false }])
  ]
  let offset = 0
  return all.map(({ part, isWhole }, index) => {
    const length = encoder.encode(part).length + (isWhole ? 1 : 0)
    const line = { number: index + 1, offset, length, isWhole, text: part.replace(/\r$/, "") }
    offset += length
    return line
  })
}

const Text = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.schema(Schema.Literals(["a", "é", "😀", "\n", "\r\n", "\r", " ", "{}", "\n\n"])),
    {
      maxLength: 40
    }
  ),
  (parts) => parts.join("")
)
const Cuts = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })))

const cut = (bytes: Uint8Array, cuts: ReadonlyArray<number>) => {
  const chunks: Array<Uint8Array> = []
  let at = 0
  for (const size of cuts) {
    if (at >= bytes.length) break
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  if (at < bytes.length) chunks.push(bytes.slice(at))
  return chunks
}

describe("split", () => {
  it.effect.prop(
    "any chunking of any text gives the same lines",
    { text: Text, cuts: Cuts },
    ({ cuts, text }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* linesOf(cut(encoder.encode(text), cuts)), model(text))
      })
  )

  it.effect.prop(
    "a source may use its buffer again",
    { text: Text, size: Schema.Literals([1, 2, 3, 5]) },
    ({ size, text }) =>
      Effect.gen(function* () {
        const bytes = encoder.encode(text)
        const buffer = new Uint8Array(size)
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => index * size)
        const lines = yield* Stream.fromIterable(chunks).pipe(
          Stream.rechunk(1),
          Stream.mapEffect((at) =>
            Effect.sync(() => {
              const part = bytes.subarray(at, at + size)
              buffer.set(part)
              return buffer.subarray(0, part.length)
            })
          ),
          Lines.split,
          Stream.map(({ bytes }) => decoder.decode(bytes)),
          Stream.runCollect
        )
        assert.deepStrictEqual(
          lines,
          model(text).map((line) => line.text)
        )
      })
  )

  it.effect("offset and length find a line again in its bytes", () =>
    Effect.gen(function* () {
      const bytes = encoder.encode("één\r\n\ntwee\n😀")
      const lines = yield* linesOf([bytes])
      assert.deepStrictEqual(
        lines.map(({ length, offset }) => decoder.decode(bytes.subarray(offset, offset + length))),
        ["één\r\n", "\n", "twee\n", "😀"]
      )
    })
  )

  it.effect("no bytes are no lines, and an empty chunk is nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* linesOf([]), [])
      assert.deepStrictEqual(
        yield* linesOf([new Uint8Array(0), encoder.encode("a"), new Uint8Array(0)]),
        model("a")
      )
    })
  )

  it.effect("can be run again from the start", () =>
    Effect.gen(function* () {
      const lines = Lines.split(Stream.make(encoder.encode("a\nb")))
      const count = Effect.map(Stream.runCollect(lines), (all) => all.map(({ number }) => number))
      assert.deepStrictEqual(
        [yield* count, yield* count],
        [
          [1, 2],
          [1, 2]
        ]
      )
    })
  )

  it.effect("a failure of the source comes after the whole lines before it", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const source = Stream.concat(Stream.make(encoder.encode("a\nb\nto")), Stream.fail("torn"))
      const error = yield* Lines.split(source).pipe(
        Stream.runForEach(({ bytes }) => Effect.sync(() => void seen.push(decoder.decode(bytes)))),
        Effect.flip
      )
      assert.deepStrictEqual([seen, error], [["a", "b"], "torn"])
    })
  )
})
