/**
 * The one-way arrows between the packages, checked on their sources.
 *
 * The checker is a function from files to complaints, so that the first half of this file can show it failing.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Path, Schema } from "effect"

// --- What may be imported ---------------------------------------------------------------------------

interface Rule {
  readonly allowed: ReadonlyArray<RegExp>
  /** Allowed besides in `src/node.ts` and `src/node/`, the part of a package that needs Node. */
  readonly inNodePart?: ReadonlyArray<RegExp>
  /** Allowed besides in `src/parquet/`, the part of a package that reads and writes Parquet. */
  readonly inParquetPart?: ReadonlyArray<RegExp>
  /** Allowed only as `import()`: what a command loads when it needs it. */
  readonly lazily?: ReadonlyArray<RegExp>
}

/** A package with all that lies under it. */
const under = (name: string): RegExp => new RegExp(`^${name}(/|$)`)
const node = /^node:/
const platform = under("@effect/platform-node")

const rules: Readonly<Record<string, Rule>> = {
  core: { allowed: [under("effect")] },
  batch: {
    allowed: [under("effect"), under("@stint/core")],
    inNodePart: [under("undici"), platform, node],
    inParquetPart: [/^hyparquet(-compressors|-writer)?$/]
  },
  emulator: {
    allowed: [
      under("effect"),
      under("@stint/core"),
      platform,
      node,
      under("@vscode/vscode-languagedetection")
    ]
  },
  cluster: { allowed: [under("effect"), under("@stint/(core|batch)"), /^@effect\//, node] },
  cli: {
    // What it takes from elsewhere is for its package.json to say.
    allowed: [/^(?!@stint\/)/, under("@stint/(core|batch)")],
    lazily: [under("@stint/(emulator|cluster)")]
  }
}

// --- Reading imports --------------------------------------------------------------------------------

interface Import {
  readonly specifier: string
  readonly dynamic: boolean
  /** `import type`: gone when the program runs. */
  readonly erased: boolean
}

// A comment, or else what could hide one: a string, a template, a regular expression.
const token =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<template>`(?:[^`\\]|\\[\s\S])*`)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|(?<=[(=,:[!&|?{};]\s*)\/(?![*/])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/g

/** Templates go as well: the command writes programs, whose imports are not its own. */
const bare = (source: string): string =>
  source.replace(token, (text: string, comment?: string, template?: string) =>
    comment !== undefined ? " " : template !== undefined ? "``" : text
  )

const staticImport =
  /(?:^|[;}\n])\s*(?:import|export)(?<erased>\s+type\b)?\s*(?:[\w\s*{},$]+?\sfrom\s*)?["'](?<specifier>[^"'\n]+)["']/g
const dynamicImport = /\bimport\s*\(\s*["'](?<specifier>[^"'\n]+)["']/g

const importsOf = (source: string): ReadonlyArray<Import> => {
  const text = bare(source)
  const all = (pattern: RegExp, dynamic: boolean): ReadonlyArray<Import> =>
    Array.from(text.matchAll(pattern), ({ groups }) => ({
      specifier: groups?.["specifier"] ?? "",
      dynamic,
      erased: groups?.["erased"] !== undefined
    }))
  return [...all(staticImport, false), ...all(dynamicImport, true)]
}

// --- The checker ------------------------------------------------------------------------------------

type Files = ReadonlyMap<string, string>

const Manifest = Schema.Struct({
  dependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  peerDependencies: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})
type Manifests = ReadonlyMap<string, typeof Manifest.Type>

const packageOf = (file: string): string => file.split("/")[1] ?? ""
const isRelative = (specifier: string): boolean => /^\.{1,2}\//.test(specifier)
const isNodePart = (file: string): boolean => /^packages\/\w+\/src\/node(\.ts$|\/)/.test(file)
const isParquetPart = (file: string): boolean => /^packages\/\w+\/src\/parquet\//.test(file)
const target = (file: string, specifier: string): string =>
  new URL(specifier, `file:///${file}`).pathname.slice(1)
const matches = (patterns: ReadonlyArray<RegExp> | undefined, specifier: string): boolean =>
  (patterns ?? []).some((pattern) => pattern.test(specifier))

const relativeComplaint = (file: string, { dynamic, specifier }: Import): string | undefined => {
  const to = target(file, specifier)
  if (!to.startsWith(`packages/${packageOf(file)}/src/`)) return "leaves its package by a relative path"
  const rule = rules[packageOf(file)]
  const entersNode = rule?.inNodePart !== undefined && isNodePart(to) && !isNodePart(file)
  if (entersNode && !dynamic) return "makes the platform-free part need Node"
  const entersParquet = rule?.inParquetPart !== undefined && isParquetPart(to) && !isParquetPart(file)
  return entersParquet && !dynamic ? "makes the whole package need hyparquet" : undefined
}

const outsideComplaint = (file: string, { dynamic, specifier }: Import): string | undefined => {
  const name = packageOf(file)
  const rule = rules[name]
  if (rule === undefined) return `is in a package without a rule: give ${name} one`
  if (specifier.includes("/internal/")) return "reaches into internal modules"
  if (matches(rule.allowed, specifier)) return undefined
  if (isNodePart(file) && matches(rule.inNodePart, specifier)) return undefined
  if (isParquetPart(file) && matches(rule.inParquetPart, specifier)) return undefined
  if (!matches(rule.lazily, specifier)) return "is against the arrows"
  return dynamic ? undefined : "must be loaded by import()"
}

const arrowComplaints = (files: Files): ReadonlyArray<string> =>
  [...files].flatMap(([file, source]) =>
    importsOf(source).flatMap((one) => {
      const complaint = (isRelative(one.specifier) ? relativeComplaint : outsideComplaint)(file, one)
      return complaint === undefined ? [] : [`${file}: import of "${one.specifier}" ${complaint}`]
    })
  )

const neighbours = (files: Files, file: string): ReadonlyArray<string> =>
  importsOf(files.get(file) ?? "")
    .filter(({ dynamic, erased, specifier }) => isRelative(specifier) && !dynamic && !erased)
    .map(({ specifier }) => target(file, specifier))

const cycleComplaints = (files: Files): ReadonlyArray<string> => {
  const found: Array<string> = []
  const done = new Set<string>()
  const visit = (file: string, trail: ReadonlyArray<string>): void => {
    const start = trail.indexOf(file)
    if (start >= 0) {
      found.push(`cycle: ${[...trail.slice(start), file].join(" -> ")}`)
      return
    }
    if (done.has(file)) return
    for (const next of neighbours(files, file)) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of files.keys()) visit(file, [])
  return found
}

/** `@scope/name/module` is of the package `@scope/name`. */
const dependencyOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

/** What the packages that one depends on leave to it to install. */
const peersOf = (manifests: Manifests, manifest: typeof Manifest.Type): ReadonlySet<string> =>
  new Set(
    Object.keys(manifest.dependencies ?? {}).flatMap((name) =>
      Object.keys(manifests.get(name.replace("@stint/", ""))?.peerDependencies ?? {})
    )
  )

const manifestComplaints = (files: Files, manifests: Manifests): ReadonlyArray<string> =>
  [...manifests].flatMap(([name, manifest]) => {
    const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
    const imported = new Set(
      [...files]
        .filter(([file]) => packageOf(file) === name)
        .flatMap(([, source]) => importsOf(source).map(({ specifier }) => specifier))
        .filter((specifier) => !isRelative(specifier) && !node.test(specifier))
        .map(dependencyOf)
    )
    return [
      ...[...imported]
        .filter((one) => !declared.has(one))
        .map((one) => `${name}: imports ${one}, which package.json lacks`),
      ...[...declared]
        .filter((one) => !imported.has(one) && !peersOf(manifests, manifest).has(one))
        .map((one) => `${name}: package.json has ${one}, never imported`)
    ]
  })

const complaints = (files: Files, manifests: Manifests = new Map()): ReadonlyArray<string> => [
  ...arrowComplaints(files),
  ...cycleComplaints(files),
  ...manifestComplaints(files, manifests)
]

// --- The checker can fail ---------------------------------------------------------------------------

const one = (file: string, source: string): ReadonlyArray<string> => complaints(new Map([[file, source]]))

const reported = (file: string, source: string, words: string): void => {
  const found = one(file, source)
  assert.strictEqual(found.length, 1, found.join("\n"))
  assert.include(found[0], words)
}

describe("the checker of the arrows", () => {
  it("a core file that imports batch is reported", () => {
    reported("packages/core/src/A.ts", `import { Batch } from "@stint/batch"`, "against the arrows")
  })
  it("every form of import is seen", () => {
    const file = "packages/core/src/A.ts"
    const forms = [
      `import "undici"`,
      `import * as U from "undici"`,
      `import type { Pool } from "undici"`,
      `import U, { type Pool } from 'undici'`,
      `import {\n  Pool,\n  // the agent\n  Agent\n} from "undici"`,
      `export * from "undici"`,
      `export * as U from "undici"`,
      `export { Pool } from "undici"`,
      `const load = () => import("undici")`,
      `type Pool = import("undici").Pool`,
      `const slashes = /\\/\\*/\nimport "undici"`
    ]
    for (const form of forms) assert.strictEqual(one(file, form).length, 1, form)
  })
  it("what only looks like an import is not", () => {
    const file = "packages/core/src/A.ts"
    const forms = [
      `// import "undici"`,
      `/**\n * import * as U from "undici"\n */`,
      'const program = `\nimport * as U from "undici"\n`',
      `const text = "import 'undici'"`,
      `export const from = "undici"`
    ]
    for (const form of forms) assert.deepStrictEqual(one(file, form), [], form)
  })
  it("Node is for the node part of batch alone", () => {
    const source = `import * as Fs from "node:fs"\nimport { Pool } from "undici"`
    assert.deepStrictEqual(one("packages/batch/src/node/Lock.ts", source), [])
    assert.deepStrictEqual(one("packages/batch/src/node.ts", source), [])
    assert.strictEqual(one("packages/batch/src/nodeless.ts", source).length, 2)
    reported("packages/batch/src/Batch.ts", `import "./node/Lock.ts"`, "need Node")
  })
  it("hyparquet is for the Parquet part of batch alone", () => {
    const source = `import { parquetScan } from "hyparquet"\nimport { compressors } from "hyparquet-compressors"`
    assert.deepStrictEqual(one("packages/batch/src/parquet/Parquet.ts", source), [])
    assert.strictEqual(one("packages/batch/src/Source.ts", source).length, 2)
    assert.strictEqual(one("packages/batch/src/parquet.ts", source).length, 2)
    reported("packages/batch/src/Source.ts", `import "./parquet/Parquet.ts"`, "need hyparquet")
    reported("packages/batch/src/parquet/A.ts", `import "hyparquet/src/column.js"`, "against the arrows")
  })
  it("the command loads the emulator and the cluster only when it needs them", () => {
    reported("packages/cli/src/A.ts", `import "@stint/emulator"`, "must be loaded by import()")
    reported(
      "packages/cli/src/A.ts",
      `import type { X } from "@stint/cluster/Y"`,
      "must be loaded by import()"
    )
    assert.deepStrictEqual(one("packages/cli/src/A.ts", `const x = () => import("@stint/emulator")`), [])
    assert.deepStrictEqual(one("packages/cli/src/A.ts", `import * as Batch from "@stint/batch/Batch"`), [])
  })
  it("nobody reaches into another package", () => {
    reported("packages/batch/src/A.ts", `import "../../core/src/B.ts"`, "leaves its package")
    reported("packages/batch/src/A.ts", `import "@stint/core/internal/b"`, "internal")
  })
  it("a package without a rule is reported", () => {
    reported("packages/new/src/A.ts", `import "effect"`, "without a rule")
  })
  it("a cycle is reported once, a lazy import or one of types is none", () => {
    const files = (back: string): Files =>
      new Map([
        ["packages/core/src/A.ts", `import "./internal/b.ts"`],
        ["packages/core/src/internal/b.ts", back]
      ])
    const [cycle, ...others] = complaints(files(`export * from "../A.ts"`))
    assert.include(cycle, "A.ts -> packages/core/src/internal/b.ts -> packages/core/src/A.ts")
    assert.deepStrictEqual(others, [])
    assert.deepStrictEqual(complaints(files(`const a = () => import("../A.ts")`)), [])
    assert.deepStrictEqual(complaints(files(`import type { A } from "../A.ts"`)), [])
    assert.isNotEmpty(complaints(files(`import { type A } from "../A.ts"`)))
  })
  it("package.json and the imports must agree", () => {
    const files = new Map([["packages/batch/src/A.ts", `import "effect/Effect"\nimport "@stint/core/B"`]])
    const manifests = new Map([["batch", { dependencies: { effect: "^4" }, peerDependencies: { ws: "^8" } }]])
    assert.deepStrictEqual(complaints(files, manifests), [
      "batch: imports @stint/core, which package.json lacks",
      "batch: package.json has ws, never imported"
    ])
  })
  it("a peer of a package below is installed by whoever depends on it", () => {
    const files = new Map([["packages/cli/src/A.ts", `import "@stint/batch"`]])
    const cli: typeof Manifest.Type = { dependencies: { "@stint/batch": "^1", undici: "^8" } }
    const batch: typeof Manifest.Type = { peerDependencies: { undici: "^8" } }
    assert.deepStrictEqual(complaints(files, new Map([["cli", cli]])), [
      "cli: package.json has undici, never imported"
    ])
    const manifests: Manifests = new Map([
      ["cli", cli],
      ["batch", batch]
    ])
    const peers = complaints(files, manifests)
    assert.deepStrictEqual(peers, ["batch: package.json has undici, never imported"])
  })
})

// --- The packages as they are -----------------------------------------------------------------------

const readPackage = Effect.fn(function* (dir: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fs.readDirectory(path.join(dir, "src"), { recursive: true })
  const files = names.filter((name) => name.endsWith(".ts")).map((name) => path.join(dir, "src", name))
  const sources = yield* Effect.forEach(files, (file) => fs.readFileString(file), { concurrency: 16 })
  const text = yield* fs.readFileString(path.join(dir, "package.json"))
  const manifest = yield* Schema.decodeEffect(Schema.fromJsonString(Manifest))(text)
  return { files: files.map((file, index) => [file, sources[index] ?? ""] as const), manifest }
})

describe("the packages", () => {
  it.effect("keep to the arrows", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const names = yield* fs.readDirectory("packages")
      const packages = yield* Effect.forEach(names, (name) => readPackage(`packages/${name}`))
      const files = new Map(packages.flatMap((read) => read.files))
      const manifests = new Map(packages.map((read, index) => [names[index] ?? "", read.manifest]))
      assert.isAbove(files.size, 0)
      assert.strictEqual(complaints(files, manifests).join("\n"), "")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
