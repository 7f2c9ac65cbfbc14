import { crc32, inflateSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { PatternPainter, TextToImage } from "@stint/emulator"
import { Effect, Result, Schema } from "effect"
import { Base64 } from "effect/encoding"
import { HttpServerRequest, HttpServerResponse } from "effect/http"
import { get, postJson, read } from "./fixture/ask.ts"

interface Chunk {
  readonly type: string
  readonly data: Uint8Array
  readonly isIntact: boolean
}

/** A PNG's chunks, each with whether its checksum is right. */
const chunksOf = (png: Uint8Array): ReadonlyArray<Chunk> => {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength)
  const chunks: Array<Chunk> = []
  for (let at = 8; at < png.length;) {
    const length = view.getUint32(at)
    const body = png.subarray(at + 4, at + 8 + length)
    chunks.push({
      type: new TextDecoder().decode(body.subarray(0, 4)),
      data: body.subarray(4),
      isIntact: view.getUint32(at + 8 + length) === crc32(body)
    })
    at += length + 12
  }
  return chunks
}

const draw = Effect.fnUntraced(function* (body: unknown, accept?: string) {
  const json = yield* Schema.encodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))(body)
  const headers = { "content-type": "application/json", ...(accept === undefined ? {} : { accept }) }
  const request = new Request("http://endpoint.local/", { method: "POST", body: json, headers })
  const response = yield* TextToImage.toolkit().handle(HttpServerRequest.fromWeb(request))
  const web = HttpServerResponse.toWeb(response)
  return {
    status: web.status,
    type: web.headers.get("content-type"),
    bytes: new Uint8Array(yield* Effect.promise(() => web.arrayBuffer()))
  }
})

describe("PatternPainter", () => {
  it("writes a PNG: signature, header, checksums, and rows of the right length", () => {
    const png = PatternPainter.paint("a horse", { width: 24, height: 16 })
    assert.deepStrictEqual(Array.from(png.subarray(0, 8)), [137, 80, 78, 71, 13, 10, 26, 10])
    const chunks = chunksOf(png)
    assert.deepStrictEqual(
      chunks.map(({ type }) => type),
      ["IHDR", "tEXt", "IDAT", "IEND"]
    )
    assert.isTrue(chunks.every(({ isIntact }) => isIntact))
    const [header, note, pixels] = chunks
    assert.deepStrictEqual(Array.from(header?.data ?? []), [0, 0, 0, 24, 0, 0, 0, 16, 8, 2, 0, 0, 0])
    assert.include(new TextDecoder().decode(note?.data), "pattern-painter")
    const raw = inflateSync(pixels?.data ?? new Uint8Array())
    assert.strictEqual(raw.length, 16 * (1 + 24 * 3))
    for (let y = 0; y < 16; y++) assert.strictEqual(raw[y * 73], 0)
  })

  it("paints a prompt alike every time, and every prompt and seed otherwise", () => {
    const paint = (prompt: string, seed?: number) =>
      Base64.encode(PatternPainter.paint(prompt, { width: 8, height: 8, seed }))
    assert.strictEqual(paint("a"), paint("a"))
    assert.strictEqual(new Set([paint("a"), paint("b"), paint("a", 1), paint("")]).size, 4)
  })
})

describe("text-to-image in the toolkit", () => {
  it.effect("answers the bytes of a picture of the size asked for", () =>
    Effect.gen(function* () {
      const parameters = { width: 64, height: 32, num_inference_steps: 4, guidance_scale: 7.5, seed: 3 }
      for (const accept of ["image/png", "*/*", undefined]) {
        const answer = yield* draw({ inputs: "a horse", parameters }, accept)
        assert.deepStrictEqual([answer.status, answer.type], [200, "image/png"])
        const expected = PatternPainter.paint("a horse", { width: 64, height: 32, seed: 3 })
        assert.deepStrictEqual(answer.bytes, expected)
      }
      const plain = yield* draw({ inputs: "a horse" }, "image/png")
      assert.deepStrictEqual(
        Array.from(chunksOf(plain.bytes)[0]?.data.subarray(0, 8) ?? []),
        [0, 0, 2, 0, 0, 0, 2, 0]
      )
    })
  )

  it.effect("answers the same in base64 to whoever accepts JSON alone", () =>
    Effect.gen(function* () {
      const engine = TextToImage.toolkit()
      const parameters = { width: 16, height: 16 }
      const answer = yield* draw({ inputs: "a", parameters }, "application/json")
      assert.strictEqual(answer.type, "application/json")
      const { image } = yield* Schema.decodeUnknownEffect(
        Schema.fromJsonString(Schema.Struct({ image: Schema.String }))
      )(new TextDecoder().decode(answer.bytes))
      assert.deepStrictEqual(
        Result.getOrThrow(Base64.decode(image)),
        PatternPainter.paint("a", { width: 16, height: 16 })
      )
      assert.strictEqual((yield* get(engine, "GET /health")).text, "Ok")
    })
  )

  it.effect("says 400 with an error, whatever is wrong", () =>
    Effect.gen(function* () {
      const engine = TextToImage.toolkit()
      const answers = yield* Effect.all([
        postJson(engine, "/", { inputs: ["a"] }),
        postJson(engine, "/", { prompt: "a" }),
        postJson(engine, "/", { inputs: "a", parameters: { width: 100_000 } }),
        postJson(engine, "/", { inputs: "a", parameters: { height: 63 } })
      ])
      for (const answer of answers) {
        assert.strictEqual(answer.status, 400)
        yield* read(Schema.Struct({ error: Schema.NonEmptyString }))(answer)
      }
      assert.strictEqual((yield* draw({ inputs: "a" }, "audio/flac")).status, 400)
    })
  )
})
