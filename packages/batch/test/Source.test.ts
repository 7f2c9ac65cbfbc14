import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Source } from "@stint/batch"
import { Effect, Schema, Stream } from "effect"
import { file } from "./folder.ts"

const Item = Schema.Struct({ id: Schema.String, size: Schema.Int })

const read = Effect.fnUntraced(function* (content: string | Uint8Array) {
  return yield* Stream.runCollect(Source.jsonl(yield* file(content), Item))
})

const line = (id: string, size = 1) => JSON.stringify({ id, size })
const a = { id: "a", size: 1 }
const b = { id: "b", size: 1 }

const reads: ReadonlyArray<readonly [string, string, ReadonlyArray<typeof Item.Type>]> = [
  ["one value a line", `${line("a")}\n${line("b")}\n`, [a, b]],
  ["a last line without an end", `${line("a")}\n${line("b")}`, [a, b]],
  ["CRLF", `${line("a")}\r\n${line("b")}\r\n`, [a, b]],
  ["a byte order mark", `\u{feff}${line("a")}\n${line("b")}\n`, [a, b]],
  ["blank lines anywhere", `\n \t\n${line("a")}\n\r\n\n${line("b")}\n\n`, [a, b]],
  ["spaces around a value", `  ${line("a")} \n`, [a]],
  ["fields that nobody asked for", `${JSON.stringify({ ...a, more: true })}\n`, [a]],
  ["nothing", "", []],
  ["blank lines alone", "\n\n", []]
]

describe("jsonl", () => {
  for (const [what, content, items] of reads) {
    it.effect(`understands ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* read(content), items)
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  const refusals: ReadonlyArray<readonly [string, string, number, RegExp]> = [
    ["what is no JSON", `${line("a")}\n\n{"id":\n`, 3, /JSON/],
    ["two values in a line", `${line("a")}${line("b")}\n`, 1, /JSON/],
    ["a field that is missing", `${line("a")}\n{"id":"b"}\n`, 2, /size/],
    ["a field of another type", `${line("a")}\n${line("b", 1.5)}\n`, 2, /size/],
    ["a list", `[1]\n`, 1, /./],
    ["a torn last line", `${line("a")}\n{"id":"b","si`, 2, /JSON/]
  ]
  for (const [what, content, at, detail] of refusals) {
    it.effect(`refuses ${what}, naming file, line and field`, () =>
      Effect.gen(function* () {
        const path = yield* file(content)
        const error = yield* Effect.flip(Stream.runDrain(Source.jsonl(path, Item)))
        assert.strictEqual(error._tag, "SourceError")
        assert.strictEqual(error.line, at)
        assert.match(error.detail, detail)
        assert.isTrue(error.message.startsWith(`${path}:${at}: `), error.message)
        assert.notInclude(error.message, "\n")
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("refuses bytes that are not UTF-8", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array([...new TextEncoder().encode(`${line("a")}\n`), 0x22, 0xff, 0x22, 0x0a])
      const error = yield* Effect.flip(read(bytes))
      assert.strictEqual(error._tag === "SourceError" && error.line, 2)
      assert.include(error.message, "not UTF-8")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file that is not there is an error of the whole file", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Stream.runDrain(Source.jsonl("/nowhere/rows.jsonl", Item)))
      assert.strictEqual(error.line, 0)
      assert.isTrue(error.message.startsWith("The input /nowhere/rows.jsonl cannot be read: "))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("can be read again: once to check, once to send", () =>
    Effect.gen(function* () {
      const rows = Source.jsonl(yield* file(`${line("a")}\n${line("b")}\n`), Item)
      assert.deepStrictEqual(yield* Stream.runCollect(rows), yield* Stream.runCollect(rows))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("reads lines across its own chunks", () =>
    Effect.gen(function* () {
      const ids = Array.from({ length: 3000 }, (_, index) => `${index}-${"x".repeat(index % 1000)}`)
      const items = yield* read(ids.map((id) => line(id)).join("\n"))
      assert.deepStrictEqual(
        items.map(({ id }) => id),
        ids
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
