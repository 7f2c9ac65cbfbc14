/** An input that is cut into pieces gives the same rows in pieces as in one, and notices a change. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import { ParquetSink } from "@stint/batch/parquet"
import { InputRef } from "@stint/cluster"
import { Effect, FileSystem, Layer, Path, Schema } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { SqlClient, Statement } from "effect/sql"
import { Reactivity } from "effect/reactivity"
import * as Readers from "../src/internal/chunk/readers.ts"
import { Cutter } from "../src/internal/input/cutter.ts"
import * as Pieces from "../src/internal/input/pieces.ts"

const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
type Row = typeof Row.Type
const key = (row: Row) => row.id
const read = Readers.ofSchema(Row, key)

const rows = (count: number): ReadonlyArray<Row> =>
  Array.from({ length: count }, (_, nth) => ({ id: `r${nth}`, text: `text ${nth}\n"with" a, comma — ü` }))

const jsonl = (all: ReadonlyArray<Row>) => all.map((row) => `${JSON.stringify(row)}\n`).join("")
const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
const csv = (all: ReadonlyArray<Row>) =>
  `id,text\r\n${all.map(({ id, text }) => `${quoted(id)},${quoted(text)}\r\n`).join("")}`

/** An object store that knows ranges; what it has may be replaced. */
const objects = new Map<string, { readonly bytes: Uint8Array; readonly etag: string }>()
const Http = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make((request, url) =>
    Effect.sync(() => {
      const object = objects.get(url.pathname)
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "")
      if (object === undefined || range === null) {
        return HttpClientResponse.fromWeb(
          request,
          new Response("no", { status: object === undefined ? 404 : 200 })
        )
      }
      const { bytes, etag } = object
      const from = Number(range[1])
      const part = bytes.slice(from, Math.min(bytes.length, Number(range[2]) + 1))
      const headers = { "content-range": `bytes ${from}-${from + part.length - 1}/${bytes.length}`, etag }
      return HttpClientResponse.fromWeb(request, new Response(part, { status: 206, headers }))
    })
  )
)

/** No table is asked for here. */
const NoSql = Layer.effect(
  SqlClient.SqlClient,
  SqlClient.make({
    driver: "none",
    acquirer: Effect.die("no table is asked for"),
    compiler: Statement.makeCompilerSqlite(),
    spanAttributes: []
  })
).pipe(Layer.provide(Reactivity.layer))

const file = Effect.fnUntraced(function* (name: string, content: string | Uint8Array) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at = path.join(yield* fs.makeTempDirectoryScoped({ prefix: "stint-pieces-" }), name)
  yield* typeof content === "string" ? fs.writeFileString(at, content) : fs.writeFile(at, content)
  return at
})

const parquet = Effect.fnUntraced(function* (all: ReadonlyArray<Row>) {
  const { end, write } = ParquetSink.format.open([
    { name: "id", type: "text" },
    { name: "text", type: "text" }
  ])
  const parts = [yield* write(all.map(({ id, text }) => [id, text])), yield* end]
  return Uint8Array.from(parts.flatMap((part) => [...part]))
})

const index = (input: InputRef.InputRef, chunk?: number) =>
  Pieces.index({ input, read, key, chunk, workers: 3 })

const inPieces = Effect.fnUntraced(function* (input: InputRef.InputRef, chunk?: number) {
  const { pieces, rows, stamp } = yield* index(input, chunk)
  const found = yield* Effect.forEach(pieces, (piece) => Pieces.read(input, stamp, piece, read))
  return { found: found.flat(), sizes: pieces.map(({ rows }) => rows), rows }
})

layer(Layer.mergeAll(NodeServices.layer, Http, NoSql))("an input in pieces", (it) => {
  it.effect("gives the rows of JSONL, in pieces of as many rows as are asked for", () =>
    Effect.gen(function* () {
      const all = rows(100)
      const text = `\ufeff\n${jsonl(all.slice(0, 50))}\n  \r\n${jsonl(all.slice(50))}`.slice(0, -1)
      const { found, sizes } = yield* inPieces(InputRef.file(yield* file("a.jsonl", text)), 7)
      assert.deepStrictEqual(found, all)
      assert.deepStrictEqual(sizes, [...Array.from({ length: 14 }, () => 7), 2])
    })
  )

  it.effect("gives the rows of CSV, whose cells have line ends", () =>
    Effect.gen(function* () {
      const all = rows(60)
      const { found, sizes } = yield* inPieces(InputRef.file(yield* file("a.csv", csv(all))), 25)
      assert.deepStrictEqual(found, all)
      assert.deepStrictEqual(sizes, [25, 25, 10])
    })
  )

  it.effect("gives the rows of Parquet", () =>
    Effect.gen(function* () {
      const all = rows(60)
      const { found, sizes } = yield* inPieces(
        InputRef.file(yield* file("a.parquet", yield* parquet(all))),
        25
      )
      assert.deepStrictEqual(found, all)
      assert.deepStrictEqual(sizes, [25, 25, 10])
    })
  )

  it.effect("gives the rows of an object at a URL, read by range", () =>
    Effect.gen(function* () {
      const all = rows(30)
      const encoder = new TextEncoder()
      objects.set("/a.jsonl", { bytes: encoder.encode(jsonl(all)), etag: "1" })
      objects.set("/a.parquet", { bytes: yield* parquet(all), etag: "1" })
      for (const name of ["a.jsonl", "a.parquet"]) {
        const input = InputRef.url(new URL(`https://data.example/${name}?signature=secret`))
        assert.deepStrictEqual((yield* inPieces(input, 8)).found, all)
      }
    })
  )

  it.effect("has chunks of 256 to 1,024 rows, eight a worker at least", () =>
    Effect.gen(function* () {
      const { sizes } = yield* inPieces(InputRef.file(yield* file("a.jsonl", jsonl(rows(600)))))
      assert.deepStrictEqual(sizes, [256, 256, 88])
      assert.deepStrictEqual(
        [100, 10_000, 20_000, 1_000_000].map((total) => Pieces.rowsFor(total, 3)),
        [256, 256, 768, 1024]
      )
    })
  )

  it.effect("tells all that is wrong with it before anything is done", () =>
    Effect.gen(function* () {
      const text = `${jsonl(rows(3))}{"id": 4}\n${jsonl(rows(1))}`
      const error = yield* Effect.flip(index(InputRef.file(yield* file("a.jsonl", text))))
      assert.strictEqual(error._tag, "InvalidInput")
      assert.include(error.message, ":4:")
      assert.include(error.message, ":5:")
    })
  )

  it.effect("refuses a key that Postgres cannot keep", () =>
    Effect.gen(function* () {
      const at = yield* file("a.jsonl", jsonl([{ id: "a\u0000b", text: "" }]))
      assert.include((yield* Effect.flip(index(InputRef.file(at)))).message, "NUL")
    })
  )

  it.effect("notices that it was written to, whether or not its size is the same", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const at = yield* file("a.jsonl", jsonl(rows(20)))
      const input = InputRef.file(at)
      const { pieces, stamp } = yield* index(input, 5)
      const [, second] = pieces
      if (second === undefined) return assert.fail("one piece")
      yield* fs.writeFileString(at, jsonl(rows(21)))
      assert.strictEqual((yield* Effect.flip(Pieces.read(input, stamp, second, read)))._tag, "InputChanged")
      // The same size and, as far as a clock can tell, the same time.
      yield* fs.writeFileString(at, jsonl(rows(20)).replace("text 7", "text 8"))
      const { stamp: now } = yield* index(input, 5)
      const error = yield* Effect.flip(Pieces.read(input, now, second, read))
      assert.strictEqual(error._tag, "InputChanged")
      assert.include(error.message, "bytes from")
    })
  )

  it.effect(
    "takes a file that was touched or copied for the same, and notices another first line of CSV",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const text = "id,text\nr0,zero\nr1,one\n"
        const at = yield* file("a.csv", text)
        const input = InputRef.file(at)
        const { pieces, stamp } = yield* index(input, 1)
        const second = pieces.at(1)
        if (second === undefined) return assert.fail("one piece")
        const before = yield* Pieces.read(input, stamp, second, read)
        yield* fs.utimes(at, 1, 1)
        assert.deepStrictEqual(yield* Pieces.read(input, stamp, second, read), before)
        yield* fs.writeFileString(at, text.replace("id,text", "text,id"))
        const error = yield* Effect.flip(Pieces.read(input, stamp, second, read))
        assert.strictEqual(error._tag, "InputChanged")
        assert.include(error.message, "first line")
      })
  )

  it.effect("notices that an object was replaced", () =>
    Effect.gen(function* () {
      const bytes = new TextEncoder().encode(jsonl(rows(20)))
      objects.set("/b.jsonl", { bytes, etag: "1" })
      const input = InputRef.url(new URL("https://data.example/b.jsonl"))
      const { pieces, stamp } = yield* index(input, 5)
      objects.set("/b.jsonl", { bytes, etag: "2" })
      const [first] = pieces
      if (first === undefined) return assert.fail("no piece")
      assert.strictEqual((yield* Effect.flip(Pieces.read(input, stamp, first, read)))._tag, "InputChanged")
    })
  )

  it.effect("is told without what follows the path of a URL, which may be a secret", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(index(InputRef.url(new URL("https://data.example/c.jsonl?secret"))))
      assert.include(error.message, "https://data.example/c.jsonl")
      assert.notInclude(error.message, "secret")
    })
  )

  it.effect("that no worker could read by its URL belongs on storage that all of them share", () =>
    Effect.gen(function* () {
      const at = new URL("https://user:secret@data.example/a.jsonl")
      const error = yield* Effect.flip(index(InputRef.url(at)))
      assert.include(error.message, "put it on storage that all workers share")
      assert.notInclude(error.message, "secret")
    })
  )
})

describe("where an input is cut", () => {
  const Texts = Schema.Array(Schema.String).check(Schema.isMaxLength(30))
  it.prop(
    "is the same in whatever pieces its bytes come, and every byte after the header is in one cut",
    {
      texts: Texts,
      step: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
      isCsv: Schema.Boolean
    },
    ({ isCsv, step, texts }) => {
      const all = texts.map((text, nth) => ({ id: `r${nth}`, text }))
      const bytes = new TextEncoder().encode(isCsv ? csv(all) : jsonl(all))
      const cuts = (size: number) => {
        const cutter = new Cutter({ format: isCsv ? "csv" : "jsonl", hasHeader: isCsv, rows: 4, bytes: 1e6 })
        for (let at = 0; at < bytes.length; at += size) cutter.update(bytes.subarray(at, at + size))
        cutter.finish()
        return cutter
      }
      const whole = cuts(bytes.length + 1)
      assert.deepStrictEqual(cuts(step).cuts, whole.cuts)
      assert.strictEqual(
        whole.cuts.reduce((sum, cut) => sum + cut.rows, 0),
        all.length
      )
      let at = whole.header
      for (const { end, start } of whole.cuts) {
        assert.strictEqual(start, at)
        at = end
      }
      // But for the second byte of the last line's end.
      if (all.length > 0) assert.isAtLeast(at, bytes.length - 1)
    }
  )
})
