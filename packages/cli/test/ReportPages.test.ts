import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FileSystem, Schema } from "effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CommandLine from "../src/report/CommandLine.ts"
import { codeInMarkdown, inMarkdown } from "../src/report/Markup.ts"
import { html } from "../src/report/ReportHtml.ts"
import { markdown } from "../src/report/ReportMarkdown.ts"
import * as ReportText from "../src/report/ReportText.ts"
import { jsonSchema, RunReport, RunReportJson } from "../src/report/RunReport.ts"
import { report } from "./reportSamples.ts"

const hostile = {
  text: Arbitrary.map(
    Arbitrary.array(
      Arbitrary.schema(
        Schema.Union([
          Schema.Literals([
            "</script><script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "' onload='x",
            "<!--",
            "]]>",
            "&lt;b&gt;",
            "</style><style>*{display:none}",
            "</title></svg><svg onload=x>",
            "`` ` ``|a\n# b\n",
            "\u0000\u0007\u202Etxt.exe",
            "\uD800",
            "javascript:alert(1)"
          ]),
          Schema.String
        ])
      ),
      { minLength: 1, maxLength: 4 }
    ),
    (parts) => `x${parts.join("")}`
  )
}

/** The names of all elements with those of their attributes: what is left when all words are taken away. */
const skeleton = (page: string) =>
  Array.from(
    page.matchAll(/<(\/?[a-z!][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"]*")?)*)\s*>/gi),
    ([, name, rest = ""]) =>
      [name, ...Array.from(rest.matchAll(/([a-zA-Z-]+)=/g), ([, attribute]) => attribute)].join(" ")
  )

describe("the pages of a report", () => {
  const plain = html(report("words"))

  it.effect.prop("no row, key or answer adds an element or an attribute to the page", hostile, ({ text }) =>
    Effect.sync(() => {
      const page = html(report(text))
      assert.deepStrictEqual(skeleton(page), skeleton(plain))
      const angles = (what: string) => what.split("<").length
      assert.strictEqual(angles(page), angles(plain))
    })
  )

  it("the test above sees an element that is not escaped", () => {
    assert.notDeepEqual(skeleton(`${plain}<img src="x" onerror="y">`), skeleton(plain))
  })

  it("nothing leaves the page: no script, no address, and a policy that allows none", () => {
    const page = html(report("words"))
    assert.notMatch(page, /<script|<iframe|<img|<object|<embed|<form|url\(|@import|https?:/i)
    assert.include(page, "default-src 'none'")
    assert.isBelow(page.indexOf("Content-Security-Policy"), page.indexOf("<style>"))
  })

  it("every picture has a role, a name and a description of its own", () => {
    const pictures = Array.from(
      plain.matchAll(
        /<svg [^>]*role="img" aria-labelledby="(\S+) (\S+)">\s*<title id="(\S+)">([^<]+)<\/title><desc id="(\S+)">([^<]+)</g
      )
    )
    assert.strictEqual(pictures.length, plain.split("<svg").length - 1)
    assert.isAtLeast(pictures.length, 6)
    for (const [, name, words, title, , description] of pictures) {
      assert.strictEqual(name, title)
      assert.strictEqual(words, description)
    }
    assert.strictEqual(new Set(pictures.map(([, name]) => name)).size, pictures.length)
  })

  it("the first screen says cost, rows, failures and the next step", () => {
    const before = plain.slice(plain.indexOf("<main>"), plain.indexOf("<h2>"))
    for (const words of ["$0.200", "2 min", ">20<", ">4<", "5 left", "What to do next"]) {
      assert.include(before, words)
    }
  })

  it.effect.prop("Markdown of a row has no line, no cell and no tag of its own", hostile, ({ text }) =>
    Effect.sync(() => {
      const page = markdown(report(text))
      assert.strictEqual(page.split("\n").length, markdown(report("words")).split("\n").length)
      assert.notMatch(inMarkdown(text), /(?<!\\)[<|`[\]]/)
    })
  )

  it("code in Markdown is fenced by more marks than it holds", () => {
    assert.strictEqual(codeInMarkdown("a``b"), "```a``b```")
    assert.strictEqual(codeInMarkdown("`a"), "`` `a ``")
  })

  it.effect.prop("the terminal gets no control characters from a row", hostile, ({ text }) =>
    Effect.sync(() => {
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(ReportText.text(report(text)), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/)
    })
  )
})

describe("report.json", () => {
  it.effect.prop("is read back as it was written", { one: Arbitrary.schema(RunReport) }, ({ one }) =>
    Effect.gen(function* () {
      const text = yield* Schema.encodeEffect(RunReportJson)(one)
      const again = yield* Schema.decodeEffect(RunReportJson)(text)
      assert.strictEqual(yield* Schema.encodeEffect(RunReportJson)(again), text)
    })
  )

  it.effect("has the schema that is published: npm run schemas writes it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const published = yield* fs.readFileString(
        new URL("../schemas/report.schema.json", import.meta.url).pathname
      )
      const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))
      const now = yield* decode(JSON.stringify(jsonSchema()))
      assert.deepStrictEqual(yield* decode(published), now)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("the command in a report", () => {
  const conceal = (text: string) => text.replaceAll("hf_secret", "<the token>")

  it("has no token, and nothing that lets others in", () => {
    const words = [
      "--x=hf_secret",
      "https://me:pass@host.example/rows.parquet?X-Amz-Signature=abc#frag",
      "--url=https://token@host/a b"
    ]
    const shown = words.map((word) => CommandLine.concealed(word, conceal)).join(" ")
    assert.notMatch(shown, /hf_secret|pass|Signature|abc|token@|frag/)
    assert.include(shown, "https://host.example/rows.parquet?…")
  })

  it("is what a shell takes", () => {
    assert.strictEqual(
      CommandLine.lineOf(["stint", "run", "a b.jsonl", "it's"]),
      `stint run 'a b.jsonl' 'it'\\''s'`
    )
  })
})
