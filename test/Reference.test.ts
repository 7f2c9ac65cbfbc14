/** The reference says what the docstrings say, and every public export has one. */
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import { type Module, modules } from "./reference/Declarations.ts"
import { formatted } from "./reference/formatted.ts"
import { pages } from "./reference/page.ts"

const home = path.join(import.meta.dirname, "../docs/reference")
const remedy = "run `npm run reference`; by itself, this test needs `npx tsc -b` first"
const all = modules()

const names = (wanted: (one: Module["exports"][number]) => boolean) =>
  all.flatMap(({ exports, source }) => exports.filter(wanted).map(({ name }) => `${source}: ${name}`))

const module: Module = {
  folder: "core",
  name: "Thing",
  specifier: "@stint/core",
  isAtRoot: true,
  source: "packages/core/src/Thing.ts",
  doc: "Things. And more.",
  exports: [
    {
      name: "Use",
      kinds: ["interface"],
      signature: "interface Use {}",
      doc: "What it is for.",
      fails: [],
      from: undefined
    },
    {
      name: "use",
      kinds: ["function"],
      signature: "declare const use: (a: Use) => Effect.Effect<void, Worn | Torn>",
      doc: 'Uses {@link Use} at 0.5 of it.\n\n@source contract: 1.2\n\n@example\n```ts run\nconst a = "{@link b}" /* c *\\/\n```',
      fails: ["Worn", "Torn"],
      from: undefined
    },
    {
      name: "Worn",
      kinds: ["class"],
      signature: "declare class Worn {}",
      doc: "It is worn.",
      fails: [],
      from: "batch/Worn"
    }
  ]
}

describe("the reference", () => {
  it("has a docstring and a signature for every public export", () => {
    assert.isAbove(all.length, 90)
    assert.deepStrictEqual(
      names(({ doc }) => doc === undefined),
      []
    )
    assert.deepStrictEqual(
      names(({ kinds, signature }) => kinds.length === 0 || signature === ""),
      []
    )
    assert.deepStrictEqual(
      all.filter(({ doc }) => doc === undefined).map(({ source }) => source),
      []
    )
  })

  it("is as `npm run reference` writes it", () => {
    const written = formatted(pages(all))
    const found = fs
      .readdirSync(home, { recursive: true, encoding: "utf8" })
      .map((file) => file.split(path.sep).join("/"))
      .filter((file) => file.endsWith(".md"))
    assert.deepStrictEqual(found.toSorted(), written.map((page) => page.path).toSorted(), remedy)
    const stale = written.filter((page) => fs.readFileSync(path.join(home, page.path), "utf8") !== page.text)
    assert.deepStrictEqual(
      stale.map((page) => page.path),
      [],
      remedy
    )
  })

  it("has links that work, and code that is not compiled a second time", () => {
    const page = pages([module]).find(({ path }) => path === "core/Thing.md")
    const text = page?.text ?? ""
    assert.include(text, 'import { Thing } from "@stint/core"')
    assert.include(text, "- [`Use`](#use-interface): What it is for.")
    assert.include(text, "- [`use`](#use-function): Uses `Use` at 0.5 of it.")
    assert.include(
      text,
      "## use (function)\n\nUses `Use` at 0.5 of it.\n\nSource: contract: 1.2\n\n**Example**"
    )
    assert.include(text, '```typescript\nconst a = "{@link b}" /* c */\n```')
    assert.include(text, "Fails with `Worn`, `Torn`.")
    assert.include(text, "As in [Worn](../batch/Worn.md#worn).")
    assert.notMatch(text, /```ts\b/)
  })

  it("follows a name to the module that declares it", () => {
    const find = (folder: string, name: string, what: string) =>
      all.find((one) => one.folder === folder && one.name === name)?.exports.find((one) => one.name === what)
    assert.strictEqual(find("batch", "Source", "SourceError")?.from, "batch/SourceError")
    const renamed = find("batch", "Source", "CheckOptions")
    assert.strictEqual(renamed?.from, undefined)
    assert.match(renamed?.signature ?? "", /^interface CheckOptions</)
    assert.deepStrictEqual(find("batch-parquet", "HubDataset", "open")?.fails, ["DatasetError"])
  })
})
