import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Template } from "@stint/batch"
import { Parquet } from "@stint/batch/parquet"
import { Effect, FileSystem, Layer, Schema, Stream } from "effect"
import { HttpClient, type HttpClientRequest, HttpClientResponse } from "effect/http"
import { fileURLToPath } from "node:url"
import { file } from "./folder.ts"
import { Unreadable, converter } from "../src/parquet/internal/columnValues.ts"

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/parquet/${name}.parquet`, import.meta.url))

const Any = Schema.Record(Schema.String, Schema.Unknown)
const Row = Schema.Struct({ id: Schema.String, input: Schema.NullOr(Schema.String) })

const expected = Array.from({ length: 20 }, (_, at) => ({
  id: `row-${at}`,
  input: at % 7 === 3 ? null : `text ${at}: “quoted”, ünïcode 🐟`
}))

const whole = [
  "duckdb-brotli",
  "duckdb-gzip",
  "duckdb-lz4_raw",
  "duckdb-snappy",
  "duckdb-uncompressed",
  "duckdb-v2",
  "duckdb-zstd",
  "parquetjs",
  "polars-gzip",
  "polars-lz4",
  "polars-snappy",
  "polars-uncompressed",
  "polars-zstd"
]

const messageOf = (name: string) =>
  Effect.map(Effect.flip(Stream.runDrain(Parquet.source(name, Row))), ({ message }) => message)

describe("Parquet", () => {
  for (const name of whole) {
    it.effect(`of ${name} gives its rows`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Stream.runCollect(Parquet.source(fixture(name), Row)), expected)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  for (const name of ["arrow-rs-zstd", "arrow-rs-snappy-v1"]) {
    it.effect(`of ${name} gives its rows, which lie in groups of seven`, () =>
      Effect.gen(function* () {
        const rows = yield* Stream.runCollect(Parquet.source(fixture(name), Any))
        const texts = Array.from({ length: 20 }, (_, at) => ({
          id: `row-${at}`,
          input: `text ${at}: “quoted”, ünïcode 🐟`,
          n: at,
          ratio: at / 3
        }))
        assert.deepStrictEqual(rows, texts)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  for (const name of ["duckdb-v2", "duckdb-zstd"]) {
    it.effect(`of ${name} gives every type without losing a digit`, () =>
      Effect.gen(function* () {
        const rows = yield* Stream.runCollect(Parquet.source(fixture(name), Any))
        const {
          at,
          atz,
          big,
          bytes,
          clock,
          day,
          even,
          huge,
          js,
          list,
          most,
          n,
          nest,
          price,
          props,
          ratio,
          small,
          uid
        } = rows[3] ?? {}
        assert.strictEqual(n, 3)
        assert.strictEqual(big, "9007199254740996")
        assert.strictEqual(most, "18446744073709551615")
        assert.strictEqual(price, "3.015")
        assert.strictEqual(huge, "37037036703703703670.00")
        assert.strictEqual(rows[0]?.["huge"], "0.00")
        assert.strictEqual(at, "2024-02-29T12:34:59.789012")
        assert.strictEqual(atz, "2024-02-29T12:34:56.789000Z")
        assert.strictEqual(rows[0]?.["day"], "1969-12-31", "before 1970")
        assert.strictEqual(day, "1970-01-03")
        assert.strictEqual(clock, "23:59:59.123456")
        assert.strictEqual(even, false)
        assert.strictEqual(ratio, 1)
        assert.deepStrictEqual(bytes, new Uint8Array([0, 255, 51]))
        assert.deepStrictEqual(list, [3, null, 4])
        assert.deepStrictEqual(rows[0]?.["list"], [])
        assert.isNull(rows[1]?.["list"])
        assert.deepStrictEqual(nest, { a: 3, b: { c: "x3", d: "0.75" } })
        assert.deepStrictEqual(props, { k3: 3 })
        assert.strictEqual(uid, "123e4567-e89b-12d3-a456-426614174000")
        assert.strictEqual(small, 0)
        assert.strictEqual(js, '{"k": 3}')
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("with repeated columns gives lists, and bytes as text when they are said to be", () =>
    Effect.gen(function* () {
      const rows = yield* Stream.runCollect(Parquet.source(fixture("parquetjs"), Any, { binary: "text" }))
      const { at, raw, stock, tags } = rows[1] ?? {}
      assert.deepStrictEqual(
        { at, raw, stock, tags },
        {
          at: "2001-09-09T01:46:40.001Z",
          raw: "raw 1",
          stock: [{ price: 1, quantity: 1 }],
          tags: ["x", "y"]
        }
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("in several groups gives all rows in their order, twice", () =>
    Effect.gen(function* () {
      const { check, items } = Parquet.rows(fixture("duckdb-groups"), "embed")
      const first = yield* Stream.runCollect(items)
      assert.strictEqual(first.length, 6000)
      assert.deepStrictEqual(first[4999], { id: "4999", input: "text 4999" })
      assert.deepStrictEqual(yield* Stream.runCollect(items), first)
      assert.deepInclude(yield* check, { lines: 6000, items: 6000, invalid: 0 })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("names every bad row by its number and column", () =>
    Effect.gen(function* () {
      const { items } = Parquet.rows(fixture("polars-zstd"), "embed", { name: "p", mapping: { id: "flag" } })
      const error = yield* Effect.flip(Stream.runDrain(items))
      if (error._tag !== "InvalidInput") return assert.fail(error._tag)
      assert.strictEqual(error.count, 18)
      assert.include(
        error.message,
        '18 rows of p cannot be used:\np: row 3: the id "a" is that of row 1 as well'
      )
      assert.include(error.message, "p: row 4: input: ")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("leaves bad rows out and writes them down as rows", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const invalidPath = yield* file("", "invalid.jsonl")
      const { items } = Parquet.rows(fixture("duckdb-snappy"), "embed", { onInvalid: "skip", invalidPath })
      assert.strictEqual((yield* Stream.runCollect(items)).length, 17)
      assert.strictEqual((yield* Stream.runCollect(items)).length, 17)
      const lines = (yield* fs.readFileString(invalidPath)).trim().split("\n")
      assert.strictEqual(lines.length, 3)
      assert.include(lines[0], '{"row":4,"error":{"reason":"invalid","field":"input"')
      assert.include(lines[0], '\\"input\\":null')
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("fills a template with members of structs", () =>
    Effect.gen(function* () {
      const template = yield* Template.make("{{nest.b.c}} {{big}} {{day}}")
      const { items } = Parquet.rows(fixture("duckdb-zstd"), "generate", { mapping: { template } })
      assert.deepStrictEqual((yield* Stream.runCollect(items))[1], {
        id: "row-1",
        input: "x1 9007199254740994 1970-01-01"
      })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect(
    "is refused for a column that is not there or cannot be read, which is no matter if it is not asked for",
    () =>
      Effect.gen(function* () {
        const Wanting = Schema.Struct({ id: Schema.String, txt: Schema.String })
        const missing = yield* Effect.flip(Stream.runDrain(Parquet.source(fixture("polars-zstd"), Wanting)))
        assert.match(missing.message, /has no column txt; it has id, input, n, flag, list/)
        assert.match(yield* messageOf(fixture("duckdb-interval")), /has column input of type INTERVAL/)
        const Id = Schema.Struct({ id: Schema.String })
        assert.deepStrictEqual(yield* Stream.runCollect(Parquet.source(fixture("duckdb-interval"), Id)), [
          { id: "x" }
        ])
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is refused when it is cut off, broken, empty, or something else", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      // Of a buffer `slice` would be a view.
      const bytes = Uint8Array.from(yield* fs.readFile(fixture("duckdb-zstd")))
      const named = (content: Uint8Array | string) => Effect.flatMap(file(content, "rows.parquet"), messageOf)
      assert.match(yield* named(bytes.slice(0, -10)), /cut off, or still being written/)
      assert.match(yield* named("id,input\na,x\n"), /is no Parquet file.*--input-format/)
      assert.match(yield* named(""), /is empty/)
      assert.match(yield* named(new Uint8Array([0x1f, 0x8b, 8, 0])), /gunzip/)
      assert.match(yield* messageOf("nowhere.parquet"), /no such file/)
      const scratched = bytes.slice()
      scratched.fill(0xff, 100, 400)
      assert.match(yield* named(scratched), /cannot be read in its group of rows 1, column (id|input): /)
      const claims = bytes.slice()
      claims.fill(0xff, -8, -4)
      assert.match(yield* named(claims), /its footer claims/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("notices a file that is changed between two readings", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* file(yield* fs.readFile(fixture("polars-zstd")), "rows.parquet")
      const { items } = Parquet.checked(path, Row)
      yield* Stream.runDrain(items)
      yield* fs.writeFile(path, yield* fs.readFile(fixture("polars-gzip")))
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(items)))._tag, "InputChanged")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

/** A server of one file; `answer` may say something else than the range. */
const server = (
  content: Uint8Array,
  answer: (request: HttpClientRequest.HttpClientRequest, count: number) => Response | undefined = () =>
    undefined
) => {
  const seen: Array<HttpClientRequest.HttpClientRequest> = []
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      seen.push(request)
      const other = answer(request, seen.length)
      if (other !== undefined) return HttpClientResponse.fromWeb(request, other)
      const [, start = "0", end = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? []
      const part = content.slice(Number(start), Number(end) + 1)
      const headers = { "content-range": `bytes ${start}-${end}/${content.length}`, etag: '"one"' }
      return HttpClientResponse.fromWeb(request, new Response(part, { status: 206, headers }))
    })
  )
  return { seen, layer: Layer.merge(NodeServices.layer, Layer.succeed(HttpClient.HttpClient, client)) }
}

const url = new URL("https://data.example/rows.parquet?signature=secret")

const bytesOf = (name: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(fixture(name))).pipe(
    Effect.provide(NodeServices.layer)
  )

const remoteMessage = Effect.fnUntraced(function* (
  answer: (request: HttpClientRequest.HttpClientRequest, count: number) => Response | undefined,
  from = url
) {
  const { layer } = server(yield* bytesOf("polars-zstd"), answer)
  const error = yield* Effect.flip(Stream.runDrain(Parquet.source(from, Row))).pipe(Effect.provide(layer))
  assert.notInclude(error.message, "secret")
  return error.message
})

describe("a column of JSON", () => {
  const element = {
    name: "j",
    type: "BYTE_ARRAY",
    converted_type: "JSON",
    repetition_type: "OPTIONAL"
  } as const
  const convert = converter({ children: [], count: 1, element, path: ["j"] }, "bytes")
  const misfits: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["a number that loses digits", '{"n":12345678901234567890}', /loses digits/],
    ["what is nested too deep", "[".repeat(20_000) + "]".repeat(20_000), /nested more than 512 deep/]
  ]
  for (const [what, text, detail] of misfits) {
    it(`does not take ${what}`, () => {
      const value = convert(text)
      assert.match(value instanceof Unreadable ? value.detail : "", detail)
      assert.deepStrictEqual(convert('{"n":1}'), { n: 1 })
    })
  }
})

describe("Parquet at a URL", () => {
  it.effect("is read by range, only where the columns are, and nothing is sent with it", () =>
    Effect.gen(function* () {
      const content = yield* bytesOf("duckdb-groups")
      const { layer, seen } = server(content)
      const Id = Schema.Struct({ id: Schema.String })
      const rows = yield* Stream.runCollect(Parquet.source(url, Id)).pipe(Effect.provide(layer))
      assert.strictEqual(rows.length, 6000)
      for (const { headers } of seen) {
        assert.deepStrictEqual(Object.keys(headers).toSorted(), ["accept-encoding", "range"])
      }
    })
  )

  const refusals: ReadonlyArray<readonly [string, (count: number) => Response | undefined, RegExp]> = [
    [
      "a server without ranges",
      () => new Response("PAR1"),
      /^The input https:\/\/data\.example\/rows\.parquet cannot be read: .*ignores byte ranges.*Download it/
    ],
    ["a file that is not public", () => new Response("", { status: 401 }), /not public.*no token is sent/],
    ["a file that is not there", () => new Response("", { status: 404 }), /not there/],
    [
      "a file that is changed meanwhile",
      (count) =>
        count < 3
          ? undefined
          : new Response("PAR1PAR1", {
              status: 206,
              headers: { "content-range": "bytes 0-7/8", etag: '"two"' }
            }),
      /was changed while it was read/
    ]
  ]
  for (const [what, answer, message] of refusals) {
    it.effect(`is refused for ${what}`, () =>
      Effect.gen(function* () {
        assert.match(yield* remoteMessage((_, count) => answer(count)), message)
      })
    )
  }

  it.effect("is refused with a password in it, which is not told", () =>
    Effect.gen(function* () {
      const from = new URL("https://user:secret@data.example/rows.parquet")
      assert.match(yield* remoteMessage(() => undefined, from), /has a name or a password in it/)
    })
  )

  it.effect("follows to where it is moved, without its headers being more", () =>
    Effect.gen(function* () {
      const { layer, seen } = server(yield* bytesOf("polars-zstd"), (request) =>
        request.url.includes("data.example")
          ? new Response("", { status: 302, headers: { location: "https://cdn.example/x" } })
          : undefined
      )
      const rows = yield* Stream.runCollect(Parquet.source(url, Row)).pipe(Effect.provide(layer))
      assert.deepStrictEqual(rows, expected)
      assert.isTrue(seen.some((request) => request.url.startsWith("https://cdn.example/x")))
    })
  )

  it.effect("is known as changed when it is read again", () =>
    Effect.gen(function* () {
      let tag = '"one"'
      const content = yield* bytesOf("polars-zstd")
      const { layer } = server(content, (request) => {
        const [, start = "0", end = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? []
        const headers = { "content-range": `bytes ${start}-${end}/${content.length}`, etag: tag }
        return new Response(content.slice(Number(start), Number(end) + 1), { status: 206, headers })
      })
      const { items } = Parquet.checked(url, Row)
      yield* Effect.gen(function* () {
        yield* Stream.runDrain(items)
        tag = '"two"'
        assert.strictEqual((yield* Effect.flip(Stream.runDrain(items)))._tag, "InputChanged")
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("is known as changed by its footer, where the server tells no version", () =>
    Effect.gen(function* () {
      let content = yield* bytesOf("polars-zstd")
      const { layer } = server(content, (request) => {
        const [, start = "0", end = "0"] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? []
        const headers = { "content-range": `bytes ${start}-${end}/${content.length}` }
        return new Response(content.slice(Number(start), Number(end) + 1), { status: 206, headers })
      })
      const { items } = Parquet.checked(url, Row)
      yield* Effect.gen(function* () {
        yield* Stream.runDrain(items)
        assert.deepStrictEqual(yield* Stream.runCollect(items), expected)
        // Of the same length, and another within the footer.
        const other = content.slice()
        other[other.length - 12] = (other[other.length - 12] ?? 0) ^ 1
        content = other
        assert.strictEqual((yield* Effect.flip(Stream.runDrain(items)))._tag, "InputChanged")
      }).pipe(Effect.provide(layer))
    })
  )
})
