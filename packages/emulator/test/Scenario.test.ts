import { assert, describe, it } from "@effect/vitest"
import { Scenario } from "@stint/emulator"
import { Duration, Effect, Schema } from "effect"

describe("Scenario", () => {
  const problems: ReadonlyArray<readonly [string, unknown, string]> = [
    ["a duration that is none", { rules: [{ do: { delay: "soon" } }] }, '["rules"][0]["do"]["delay"]'],
    ["a misspelt fault", { rules: [{ do: { delays: "1 second" } }] }, '["rules"][0]["do"]["delays"]'],
    [
      "a misspelt condition",
      { rules: [{ on: { rout: "pause" }, do: { status: 500 } }] },
      '["rules"][0]["on"]["rout"]'
    ],
    [
      "an unknown route",
      { rules: [{ on: { route: "stop" }, do: { status: 500 } }] },
      '["rules"][0]["on"]["route"]'
    ],
    ["a status that is none", { rules: [{ do: { status: 99 } }] }, '["rules"][0]["do"]["status"]'],
    ["a rule that does nothing", { rules: [{ do: {} }] }, "expected at least one of delay, status"],
    ["a rule without a fault", { rules: [{ on: {} }] }, '["rules"][0]["do"]'],
    ["a body without a status", { rules: [{ do: { body: "no" } }] }, "body and headers need a status"],
    [
      "a boot and a request in one",
      { rules: [{ do: { bootTakes: "1 second", status: 500 } }] },
      "cannot share a rule"
    ],
    [
      "a boot on a route",
      { rules: [{ on: { route: "resume" }, do: { bootTakes: "1 second" } }] },
      '["rules"][0]["on"]["route"]'
    ],
    ["no rules", {}, '["rules"]']
  ]
  for (const [what, json, where] of problems)
    it.effect(`names the field of ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Scenario.fromJson(json))
        assert.include(error.message, where)
      })
    )

  it.effect("reads a file's text, and says when it is no JSON", () =>
    Effect.gen(function* () {
      const scenario = yield* Scenario.fromText('{"rules": [{"do": {"bootTakes": "2 minutes"}}]}')
      assert.deepStrictEqual(scenario.rules[0]?.do, { bootTakes: Duration.minutes(2) })
      assert.strictEqual((yield* Effect.flip(Scenario.fromText("rules:")))._tag, "SchemaError")
    })
  )

  it("throws on a rule that was written wrongly in code", () => {
    assert.throws(() => Scenario.make({ rules: [{ do: { delay: "soon" } }] }))
  })

  describe("seeded", () => {
    it("draws the same from the same seed, and something else from another", () => {
      assert.deepStrictEqual(Scenario.seeded(7), Scenario.seeded(7))
      assert.notDeepEqual(Scenario.seeded(7).rules, Scenario.seeded(8).rules)
    })

    it("draws every kind of fault, as many as asked for, and only what passes", () => {
      const { rules } = Scenario.seeded(1, { faults: 300, requests: 50 })
      assert.strictEqual(rules.length, 300)
      const kinds = new Set(rules.flatMap((rule) => Object.keys(rule.do)))
      assert.deepStrictEqual([...kinds].toSorted(), [
        "bootTakes",
        "cutBody",
        "delay",
        "garbage",
        "replicaDies",
        "reset",
        "slowBody",
        "status"
      ])
      for (const { on } of rules) assert.isAtMost(on?.to ?? Infinity, 54)
    })

    it("keeps to the kinds, planes and endpoint asked for", () => {
      const { rules } = Scenario.seeded(1, { faults: 50, kinds: ["hang"], planes: ["data"], endpoint: "a" })
      for (const rule of rules) {
        assert.deepStrictEqual(Object.keys(rule.do), ["hang"])
        assert.deepInclude(rule.on, { plane: "data", endpoint: "a" })
      }
    })

    it.effect("can be written to a file and read back", () =>
      Effect.gen(function* () {
        const scenario = Scenario.seeded(3, { faults: 50 })
        const text = yield* Schema.encodeEffect(Schema.fromJsonString(Scenario.Scenario))(scenario)
        assert.deepStrictEqual(yield* Scenario.fromText(text), scenario)
      })
    )
  })
})
