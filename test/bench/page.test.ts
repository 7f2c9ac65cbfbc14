import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { PROFILE, page, pictures } from "../../bench/harness/page.ts"
import { brief, draw, ticks } from "../../bench/harness/plot.ts"
import { type Result, Text, figure } from "../../bench/harness/result.ts"
import { aligned, digits, markdown } from "../../bench/harness/text.ts"

const result: Result = {
  name: "wire",
  title: "The wire",
  measuredAt: "2026-01-02T03:04:05.000Z",
  command: "npm run bench -- --only wire",
  seconds: 12,
  machine: { processor: "a processor", cores: 2, memoryGigabytes: 8, system: "Linux", load: [1, 2] },
  versions: { node: "24.0.0" },
  figures: [
    figure("CPU", [1.2, 1.3, 1.25, 1.2, 1.4, 1.3], { most: 1.1 }),
    figure("speed", [1.2, 0.9, 1.1], { least: 0.95 })
  ],
  tables: [{ title: "A | B", columns: ["a", "b"], rows: [["x | y", "1"]] }],
  plots: [
    {
      kind: "lines",
      id: "lines",
      title: "Lines & <more>",
      x: "rows",
      y: "MB",
      isLogY: false,
      lines: [
        {
          label: "ours",
          points: [
            [1000, 100],
            [1_000_000, 140]
          ]
        }
      ]
    },
    {
      kind: "bars",
      id: "bars",
      title: "Bars",
      x: "dollars",
      isLog: true,
      bars: [{ label: "ours", value: 0.09, text: "$0.09", isOurs: true }]
    }
  ],
  notes: ["A note."]
}

describe("a result", () => {
  it.effect("comes back from its file as it went there", () =>
    Effect.gen(function* () {
      const text = yield* Schema.encodeEffect(Text)(result)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Text)(text), result)
    })
  )
})

describe("the page", () => {
  it("says how many goals are met, and which are short", () => {
    const text = page([result])
    assert.include(text, "1 of 2 are met.")
    assert.match(text, /\| CPU \| wire \| 1\.2\d \| 1\.20 to 1\.40 \| at most 1\.10 \| short \|/)
    assert.match(text, /\| speed \| wire \| 1\.10 \| 0\.900 to 1\.20 \| at least 0\.950 \| met \|/)
  })

  it("has what a busy machine gave beside each goal, and says how busy both were", () => {
    const loaded: Result = {
      ...result,
      machine: { ...result.machine, load: [8, 9.5] },
      figures: [figure("speed", [0.5, 0.6, 0.7], { least: 0.95 })]
    }
    const text = page([result], { loaded: [loaded] })
    assert.include(text, "at a load of 8 to 9.5; the other columns are of a load of 1 to 2")
    assert.match(text, /\| speed \| wire \| 1\.10 \|.*\| met \| 0\.600 \| short \|/)
    assert.match(text, /\| CPU \| wire \|.*\| short \| {2}\| {2}\|/)
    assert.notInclude(page([result]), "loaded, median")
  })

  it("has an earlier profile beside that of today, with what is there no more", () => {
    const profileOf = (rows: ReadonlyArray<ReadonlyArray<string>>): Result => ({
      ...result,
      tables: [{ title: PROFILE, columns: ["", "run", "undici alone"], rows }]
    })
    const now = profileOf([
      ["effect", "10", "3"],
      ["new", "4", "0"],
      ["all", "110", "100"]
    ])
    const before = profileOf([
      ["effect", "20", "4"],
      ["old", "5", "0"],
      ["all", "120", "100"]
    ])
    const text = page([now], { before: [before] })
    assert.include(text, "|  | run, before | run | undici alone |")
    assert.include(
      text,
      "| effect | 20 | 10 | 3 |\n| new |  | 4 | 0 |\n| old | 5 |  |  |\n| all | 120 | 110 | 100 |"
    )
    assert.include(text, "Before: 2026-01-02, at no commit.")
  })

  it("shows each picture that it writes", () => {
    const text = page([result])
    for (const [file, svg] of pictures([result])) {
      assert.include(text, `](${file})`)
      assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/)
    }
  })
})

describe("a picture", () => {
  it("has no number that is none, and no markup of its words", () => {
    for (const plot of result.plots) {
      const svg = draw(plot)
      assert.notInclude(svg, "NaN")
      assert.notInclude(svg, "Infinity")
      assert.notInclude(svg, "<more>")
    }
  })

  it("does not write the names of its lines over each other", () => {
    const names = ["a", "b", "c", "d"]
    const svg = draw({
      kind: "lines",
      id: "lines",
      title: "Lines",
      x: "rows",
      y: "MB",
      isLogY: false,
      lines: names.map((label, at) => ({
        label,
        points: [
          [1, 100],
          [10, at]
        ]
      }))
    })
    const heights = names.map((name) =>
      Number(new RegExp(`y="([\\d.]+)" class="[a-f]">${name}<`).exec(svg)?.[1])
    )
    for (const [at, height] of heights.toSorted((a, b) => a - b).entries()) {
      if (at > 0) assert.isAtLeast(height - (heights.toSorted((a, b) => a - b)[at - 1] ?? 0), 14)
    }
    assert.isAtMost(Math.max(...heights), 345)
  })

  it("has ticks that hold all of it", () => {
    assert.deepStrictEqual(ticks(1000, 1_000_000, true), [1000, 10_000, 100_000, 1_000_000])
    assert.deepStrictEqual(ticks(130, 480, true, true), [100, 200, 500])
    assert.deepStrictEqual(ticks(100, 100, true, true), [100, 200])
    assert.deepStrictEqual(ticks(3, 140, false), [0, 50, 100, 150])
  })

  it("writes large numbers short", () => {
    assert.deepStrictEqual([0.5, 20, 1000, 12_500, 10_000_000].map(brief), [
      "0.5",
      "20",
      "1k",
      "12.5k",
      "10M"
    ])
  })
})

describe("text", () => {
  it("has three digits that count, and thousands parted", () => {
    assert.deepStrictEqual([0, 0.9999, 9.999, 99.96, 999.9].map(digits), [
      "0",
      "1.00",
      "10.0",
      "100",
      "1,000"
    ])
    assert.deepStrictEqual([0.1234, 1.234, 12.34, 123.4, 1234.5].map(digits), [
      "0.123",
      "1.23",
      "12.3",
      "123",
      "1,235"
    ])
  })

  it("stands in columns on a terminal, and keeps its bars in Markdown", () => {
    const table = {
      title: "",
      columns: ["what", "n"],
      rows: [
        ["a", "10"],
        ["longer", "5"]
      ]
    }
    assert.strictEqual(aligned(table), "what     n\na       10\nlonger   5")
    assert.include(markdown({ ...table, rows: [["a|b", "1"]] }), "| a\\|b | 1 |")
  })
})
