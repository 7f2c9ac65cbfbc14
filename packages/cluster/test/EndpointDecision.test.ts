/** What a claim comes to, whatever the rows say. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { decide } from "../src/internal/lease/decision.ts"

const text = Schema.Literals(["a", "b"])
const policy = Schema.Literals(["pause", "delete"])
const apiUrl = Schema.Literals(["https://one/v2", "https://two/v2"])
const living = Schema.Array(
  Schema.Struct({
    holder: text,
    worker: text,
    phase: Schema.Literals(["acquiring", "held", "releasing"]),
    since: text
  })
).check(Schema.isMaxLength(3))
const row = Schema.Struct({
  apiUrl,
  policy,
  state: Schema.Literals(["held", "released", "unconfirmed"]),
  facts: Schema.Struct({}),
  since: text,
  detail: Schema.Undefined
})
const claim = Schema.Struct({ apiUrl, policy, whenLeased: Schema.Literals(["refuse", "join", "wait"]) })
const given = { claim, seen: Schema.Struct({ living, row }) }
const often = { arbitrary: { runs: 1000 } }

describe("a claim", () => {
  it.prop(
    "comes in alone, or to holders that hold: one acquires at a time, and nobody comes in during a release",
    given,
    ({ claim, seen }) => {
      const { _tag } = decide(claim, seen)
      if (_tag === "Joined") {
        assert.isAbove(seen.living.length, 0)
        assert.isTrue(seen.living.every(({ phase }) => phase === "held"))
        assert.strictEqual(seen.row.state, "held")
      }
      if (_tag === "New" || _tag === "TakenOver") assert.strictEqual(seen.living.length, 0)
    },
    often
  )

  it.prop(
    "shares nothing that differs, and nothing with those who did not ask to share",
    given,
    ({ claim, seen }) => {
      if (decide(claim, seen)._tag !== "Joined") return
      assert.strictEqual(claim.whenLeased, "join")
      assert.strictEqual(claim.policy, seen.row.policy)
      assert.strictEqual(claim.apiUrl, seen.row.apiUrl)
    },
    often
  )

  it.prop(
    "that refuses to share is never left waiting",
    given,
    ({ claim, seen }) => {
      if (claim.whenLeased === "refuse") assert.notStrictEqual(decide(claim, seen)._tag, "Wait")
    },
    often
  )

  it.prop(
    "takes over what was left awake, with what is known of it, and begins anew with what was released",
    given,
    ({ claim, seen }) => {
      if (seen.living.length > 0) return
      const decision = decide(claim, seen)
      const expected =
        seen.row.state === "released" ? "New" : seen.row.apiUrl === claim.apiUrl ? "TakenOver" : "Conflict"
      assert.strictEqual(decision._tag, expected)
    },
    often
  )

  it("names those who hold it", () => {
    const one = { holder: "h", worker: "host-a (process 7)", phase: "releasing" as const, since: "T" }
    const decision = decide(
      { apiUrl: "u", policy: "pause", whenLeased: "refuse" },
      {
        living: [one],
        row: { apiUrl: "u", policy: "pause", state: "held", facts: {}, since: "T", detail: undefined }
      }
    )
    assert.deepStrictEqual(decision, {
      _tag: "Refused",
      holders: "host-a (process 7) since T, which is releasing it"
    })
  })
})
