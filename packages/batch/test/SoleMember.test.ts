import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { soleMember } from "../src/internal/journal/soleMember.ts"

describe("soleMember", () => {
  it.prop("is the text of the one member there is", { value: Schema.Json }, ({ value }) => {
    assert.strictEqual(soleMember(JSON.stringify({ output: value }), "output"), JSON.stringify(value))
  })

  it.prop("is nothing where there are two", { value: Schema.Json }, ({ value }) => {
    assert.isUndefined(soleMember(JSON.stringify({ output: value, more: value }), "output"))
  })

  it("is nothing where there is another one, or none, or no object", () => {
    for (const value of [{ input: 1 }, {}, [1, 2], "output", null]) {
      assert.isUndefined(soleMember(JSON.stringify(value), "output"))
    }
  })
})
