import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { safeName } from "../src/internal/output/safeName.ts"

// Keys that a file system may take for one another.
const Key = Schema.Union([
  Schema.String,
  Schema.Literals([
    "a",
    "A",
    "a.",
    "a ",
    "a/",
    "a\\",
    "../a",
    "",
    ".",
    "..",
    "con",
    "CON",
    "nul",
    "é",
    "e\u0301",
    "a~b"
  ])
])

describe("the name of a file for a key", () => {
  it.prop("is plain, short and the key's own", { one: Key, other: Key }, ({ one, other }) => {
    const name = safeName(one)
    assert.match(name, /^[a-z0-9_~-]{1,80}$/)
    assert.notMatch(name, /^(con|nul)$/)
    assert.strictEqual(name === safeName(other), one === other)
  })

  it("is the key where that is plain", () => {
    for (const key of ["a", "row-12", "0", "a_b"]) assert.strictEqual(safeName(key), key)
  })

  it("is short for a long key", () => {
    const long = "x".repeat(2048)
    assert.isAtMost(safeName(long).length, 80)
    assert.notStrictEqual(safeName(long), safeName(`${long}y`))
  })
})
