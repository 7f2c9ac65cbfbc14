import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Source } from "@stint/batch"
import { DateTime, Effect, FileSystem, Schema, SchemaGetter, Stream } from "effect"
import { folder } from "./folder.ts"

const Item = Schema.Struct({ id: Schema.String, at: Schema.DateTimeUtcFromString })
const at = DateTime.makeUnsafe(0)

describe("spilled", () => {
  it.effect("runs the stream once, and gives its items as often as one likes", () =>
    Effect.gen(function* () {
      let runs = 0
      const once = Stream.suspend(() => {
        runs++
        return Stream.make({ id: "a\nb\u2028", at }, { id: "", at })
      })
      const items = yield* Source.spilled(once, Item)
      const first = yield* Stream.runCollect(items)
      assert.deepStrictEqual(
        first.map(({ id }) => id),
        ["a\nb\u2028", ""]
      )
      assert.deepStrictEqual(yield* Stream.runCollect(items), first)
      assert.strictEqual(runs, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("removes its file with the scope, and when the stream fails", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const spill = <E>(items: Stream.Stream<typeof Item.Type, E>) =>
        Effect.scoped(
          Effect.gen(function* () {
            yield* Effect.asVoid(Source.spilled(items, Item, { directory }))
            return (yield* fs.readDirectory(directory, { recursive: true })).filter((name) =>
              name.endsWith(".jsonl")
            ).length
          })
        )
      assert.strictEqual(yield* spill(Stream.make({ id: "a", at })), 1)
      assert.strictEqual(
        yield* Effect.flip(spill(Stream.concat(Stream.make({ id: "a", at }), Stream.fail("lost")))),
        "lost"
      )
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("writes once a chunk", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      let writes = 0
      const counting = FileSystem.FileSystem.of({
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) => ({
            ...file,
            stat: file.stat,
            sync: file.sync,
            read: (buffer, at) => file.read(buffer, at),
            writeAll: (bytes) => {
              writes++
              return file.writeAll(bytes)
            }
          }))
      })
      const items = Stream.rechunk(
        Stream.map(Stream.range(1, 1000), (n) => ({ id: `${n}`, at })),
        100
      )
      const spilled = yield* Effect.provideService(
        Source.spilled(items, Item),
        FileSystem.FileSystem,
        counting
      )
      assert.strictEqual(writes, 10)
      assert.strictEqual((yield* Stream.runCollect(spilled)).length, 1000)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("an item that does not fit its schema is named by its place", () =>
    Effect.gen(function* () {
      const Small = Schema.Struct({ n: Schema.Int })
      const error = yield* Effect.flip(Source.spilled(Stream.make({ n: 1 }, { n: 1.5 }), Small))
      assert.match(error.message, /^items:2: n: Expected/)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a decoder that needs time keeps the items in order", () =>
    Effect.gen(function* () {
      const Slow = Schema.String.pipe(
        Schema.decode({
          decode: SchemaGetter.transformEffect((text: string) => Effect.as(Effect.yieldNow, text)),
          encode: SchemaGetter.passthrough()
        })
      )
      const items = yield* Source.spilled(Stream.make("a", "b", "c"), Slow)
      assert.deepStrictEqual(yield* Stream.runCollect(items), ["a", "b", "c"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
