/** Rules of the house that no linter knows. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"

type Files = ReadonlyMap<string, string>
type House = (files: Files) => ReadonlyArray<string>

const limit = 400

const tooLong: House = (files) =>
  [...files]
    .map(([file, text]) => ({ file, lines: text.trimEnd().split("\n").length }))
    .filter(({ lines }) => lines > limit)
    .map(({ file, lines }) => `${file}: ${lines} lines, at most ${limit}`)

const saysNothing: House = (files) =>
  [...files.keys()]
    .filter((file) => /(^|\/)(utils?|helpers?|types?|common)(\.\w+$|\/)/i.test(file))
    .map((file) => `${file}: a name that says nothing`)

/** Places that exist on the machine of whoever wrote the line, and on no other. */
const machinePath: House = (files) =>
  [...files].flatMap(([file, text]) =>
    Array.from(
      text.matchAll(/(?<![\w.}$-])\/(?:work|home|root)\/[^\s"'`)]*/g),
      (found) => `${file}: ${found[0]}`
    )
  )

/** Parts of Effect that may change with any minor version, and need a database: one package stands for them. */
const engineElsewhere: House = (files) =>
  [...files]
    .filter(([file]) => !file.startsWith("packages/cluster/"))
    .flatMap(([file, text]) =>
      Array.from(
        text.matchAll(
          /["'](effect\/(?:cluster|workflow|sql|persistence)(?:\/\w+)?|@effect\/sql-[\w/-]+)["']/g
        ),
        (found) => `${file}: ${found[1]} belongs in packages/cluster`
      )
    )

/** A lockfile names no host, so that any registry serves it. */
const registryHost: House = (files) =>
  [...files].flatMap(([file, text]) =>
    text
      .split("\n")
      .filter((line) => /https?:\/\//.test(line) && !/^\s*deprecated:/.test(line))
      .map((line) => `${file}: ${line.trim()}`)
  )

const texts = /\.(ts|mjs|md|json|jsonc|yaml|yml|sh)$/
const skipped = /(^|\/)(node_modules|dist|models|training|\.stint)(\/|$)/

const list = Effect.fn(function* (dir: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(dir))) return []
  const walk = (at: string): Effect.Effect<ReadonlyArray<string>, unknown> =>
    Effect.gen(function* () {
      if (skipped.test(at)) return []
      if ((yield* fs.stat(at)).type !== "Directory") return [at]
      const names = yield* fs.readDirectory(at)
      return (yield* Effect.forEach(names, (name) => walk(`${at}/${name}`), { concurrency: 16 })).flat()
    })
  return yield* walk(dir)
})

const read = Effect.fn(function* (...places: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const files = (yield* Effect.forEach(places, list)).flat()
  const contents = yield* Effect.forEach(
    files,
    (file) => Effect.map(fs.readFileString(file), (text) => [file, text] as const),
    { concurrency: 16 }
  )
  return new Map(contents)
})

const only = (files: Files, wanted: (file: string) => boolean): Files =>
  new Map([...files].filter(([file]) => wanted(file)))
const isSource = (file: string): boolean => /^packages\/\w+\/src\/.*\.ts$/.test(file)

describe("the rules of the house", () => {
  const one = (house: House, file: string, text: string) => house(new Map([[file, text]])).length

  it("can each be broken", () => {
    assert.strictEqual(one(tooLong, "A.ts", "\n".repeat(limit) + "x"), 1)
    assert.strictEqual(one(tooLong, "A.ts", "\n".repeat(limit - 1) + "x\n"), 0)
    for (const name of ["src/utils.ts", "src/Types.ts", "src/common/A.ts", "src/internal/helper.ts"]) {
      assert.strictEqual(one(saysNothing, name, ""), 1, name)
    }
    assert.strictEqual(one(saysNothing, "src/ErrorTypes.ts", ""), 0)
    for (const place of ["work", "home", "root"]) {
      assert.strictEqual(one(machinePath, "A.ts", `const at = "/${place}/data"`), 1, place)
    }
    assert.strictEqual(one(machinePath, "A.ts", `import "./home/A.ts" // at \${dir}/work/a`), 0)
    for (const module of [
      "effect/sql",
      "effect/cluster/Entity",
      "effect/persistence/X",
      "@effect/sql-pg/PgClient"
    ]) {
      const line = `import * as X from "${module}"`
      assert.strictEqual(one(engineElsewhere, "packages/batch/src/A.ts", line), 1, module)
      assert.strictEqual(one(engineElsewhere, "packages/cluster/src/A.ts", line), 0, module)
    }
    assert.strictEqual(one(engineElsewhere, "packages/cli/src/A.ts", 'import "effect/http"'), 0)
    assert.strictEqual(one(registryHost, "pnpm-lock.yaml", "    tarball: https://registry.example/a.tgz"), 1)
    assert.strictEqual(one(registryHost, "pnpm-lock.yaml", "    deprecated: see https://example.com"), 0)
  })

  it.effect("are kept", () =>
    Effect.gen(function* () {
      const packages = yield* read("packages")
      const sources = only(packages, isSource)
      const rest = yield* read(
        "README.md",
        "CONTRIBUTING.md",
        "docs",
        "examples",
        "scripts",
        "test",
        "package.json"
      )
      assert.isAbove(sources.size, 0)
      assert.strictEqual(tooLong(sources).join("\n"), "")
      assert.strictEqual(saysNothing(sources).join("\n"), "")
      assert.strictEqual(engineElsewhere(sources).join("\n"), "")
      assert.deepStrictEqual(
        machinePath(only(new Map([...packages, ...rest]), (file) => texts.test(file))),
        []
      )
      assert.strictEqual(registryHost(yield* read("pnpm-lock.yaml", ".npmrc")).join("\n"), "")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
