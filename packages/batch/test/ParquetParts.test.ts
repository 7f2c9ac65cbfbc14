/** A part of a Parquet file: its rows and no others, numbered as in the whole. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import { Parquet, ParquetSink } from "@stint/batch/parquet"
import { Effect, FileSystem, Layer, Path, Schema, Stream } from "effect"
import { FetchHttpClient } from "effect/http"

const Row = Schema.Struct({ id: Schema.String, text: Schema.String })
const COUNT = 30

const all = Array.from({ length: COUNT }, (_, nth) => ({ id: `r${nth}`, text: `t${nth}` }))

const file = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at = path.join(yield* fs.makeTempDirectoryScoped({ prefix: "stint-parts-" }), "rows.parquet")
  const { end, write } = ParquetSink.format.open([
    { name: "id", type: "text" },
    { name: "text", type: "text" }
  ])
  const parts = [yield* write(all.map(({ id, text }) => [id, text])), yield* end]
  yield* fs.writeFile(at, Uint8Array.from(parts.flatMap((part) => [...part])))
  return at
})

layer(Layer.mergeAll(NodeServices.layer, FetchHttpClient.layer))("a part of a Parquet file", (it) => {
  it.effect("has the rows that were asked for, at its beginning, in its middle, and past its end", () =>
    Effect.gen(function* () {
      const at = yield* file
      for (const [start, end] of [
        [0, 7],
        [7, 29],
        [29, 100],
        [40, 50]
      ] as const) {
        const rows = yield* Stream.runCollect(Parquet.source(at, Row, { rows: { start, end } }))
        assert.deepStrictEqual(rows, all.slice(start, end))
      }
    })
  )

  it.effect("has the numbers of the whole in what is said of it", () =>
    Effect.gen(function* () {
      const Other = Schema.Struct({ id: Schema.Literals(["r10", "r11"]), text: Schema.String })
      const { items } = Parquet.checked(yield* file, Other, { rows: { start: 10, end: 13 } })
      const error = yield* Effect.flip(Stream.runDrain(items))
      assert.deepStrictEqual(error._tag === "InvalidInput" && error.problems.map(({ line }) => line), [13])
    })
  )

  it.effect("is found by the sizes of the groups", () =>
    Effect.gen(function* () {
      const groups = yield* Parquet.groups(yield* file)
      assert.strictEqual(
        groups.reduce((sum, rows) => sum + rows, 0),
        COUNT
      )
      assert.strictEqual((yield* Effect.flip(Parquet.groups("/nowhere.parquet")))._tag, "SourceError")
    })
  )
})
