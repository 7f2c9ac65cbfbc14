/**
 * The page of a report in a real browser: silent, asking for nothing, no wider than a phone, and with a name for each picture.
 * Needs Chromium; where there is none, it says so and is left out.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { pathToFileURL } from "node:url"
import { report } from "../../packages/cli/test/reportSamples.ts"
import { html } from "../../packages/cli/src/report/ReportHtml.ts"
import type { RunReport } from "../../packages/cli/src/report/RunReport.ts"

interface Browser {
  readonly look: (
    file: string,
    look: { readonly width: number; readonly isDark?: boolean }
  ) => Promise<{
    readonly said: ReadonlyArray<string>
    readonly asked: ReadonlyArray<string>
    readonly isTooWide: boolean
  }>
  readonly print: (file: string) => Promise<Uint8Array>
  readonly evaluate: (file: string, expression: string) => Promise<unknown>
  readonly close: () => Promise<void>
}

// By path: the scripts are a project of their own.
const Chromium: {
  readonly program: () => string | undefined
  readonly start: (program: string) => Promise<Browser>
} = await import(pathToFileURL("scripts/chromium.ts").href)

const program = Chromium.program()
if (program === undefined) console.log("The page of a report in a browser: skipped, no Chromium.")

const whole = report("words of a server")
const {
  bill: _bill,
  endpoint: _endpoint,
  floor: _floor,
  latency: _latency,
  timeline: _timeline,
  ...bare
} = whole

const one: RunReport = {
  ...whole,
  items: 1,
  succeeded: 1,
  failed: 0,
  latency: {
    count: 1,
    mean: 23,
    p50: 23,
    p90: 23,
    p95: 23,
    p99: 23,
    most: 23,
    bars: [{ from: 22.6, to: 24.7, count: 1 }]
  }
}

const reports: ReadonlyArray<readonly [name: string, report: RunReport]> = [
  ["with everything in it", whole],
  ["with long words and wide letters", report(`${"x".repeat(400)} ${"海の夜".repeat(80)} 👩‍👩‍👧‍👦`)],
  ["of one row", one],
  [
    "of nothing to do",
    {
      ...bare,
      items: 0,
      succeeded: 0,
      failed: 0,
      phases: [],
      moments: [],
      tokens: {},
      tries: [],
      failures: []
    }
  ]
]

const nameless = `[...document.querySelectorAll("svg, table")].filter((e) => !(e.getAttribute("aria-label")
  ?? document.getElementById((e.getAttribute("aria-labelledby") ?? "").split(" ")[0])?.textContent)).length`

describe.skipIf(program === undefined)("the page of a report in a browser", () => {
  it.live(
    "says nothing, asks for nothing, fits a phone by day and by night, names its pictures and prints",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const folder = yield* fs.makeTempDirectoryScoped()
        const browser = yield* Effect.acquireRelease(
          Effect.promise(() => Chromium.start(program ?? "")),
          ({ close }) => Effect.promise(close)
        )
        for (const [name, one] of reports) {
          const file = `${folder}/report.html`
          yield* fs.writeFileString(file, html(one))
          for (const width of [320, 390, 1000]) {
            for (const isDark of [false, true]) {
              const seen = yield* Effect.promise(() => browser.look(file, { width, isDark }))
              assert.deepStrictEqual(
                [seen.said, seen.asked, seen.isTooWide],
                [[], [], false],
                `${name}, ${width}`
              )
            }
          }
          assert.strictEqual(yield* Effect.promise(() => browser.evaluate(file, nameless)), 0, name)
          const paper = yield* Effect.promise(() => browser.print(file))
          assert.strictEqual(new TextDecoder().decode(paper.slice(0, 4)), "%PDF")
        }
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
