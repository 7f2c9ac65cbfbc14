/**
 * The documentation is compiled and run: every fence in README.md, docs/, packages/<name>/README.md, and in the
 * comments of packages/<name>/src.
 *
 *     ```ts        is type-checked, as a module of its own
 *     ```ts run    is run as well, and must end well
 *
 * A fence with `// => text` comments is run too, and must print just these texts, a line each, in this order:
 *
 *     console.log(1 + 1) // => 2
 *
 * One compiler checks all fences at once. Each is written to .build/docs at the line it has in its source, so
 * that the line the compiler names is the one to mend.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { ChildProcess } from "effect/process"

interface Fence {
  readonly source: string
  /** Of its first line of code, from 1. */
  readonly line: number
  readonly code: string
  readonly runs: boolean
  readonly prints: ReadonlyArray<string>
}

const fencePattern =
  /^([ \t]*(?:\*[ \t]?)?[ \t]*)```ts(?!\w)([^\n]*)\n([\s\S]*?)^[ \t]*(?:\*[ \t]?)?[ \t]*```[ \t]*$/gm

/** Takes off what each line of the fence has before its code: an indent, or the star of a comment. */
const unindent = (code: string, margin: string): string =>
  code
    .split("\n")
    .map((line) => (line.startsWith(margin) ? line.slice(margin.length) : line.replace(/^\s*\*?\s*$/, "")))
    .join("\n")

const fencesOf = (source: string, text: string): ReadonlyArray<Fence> =>
  Array.from(text.matchAll(fencePattern), (match): Fence => {
    const [, margin = "", info = "", body = ""] = match
    const code = unindent(body, margin).replaceAll("*\\/", "*/")
    const prints = Array.from(code.matchAll(/\/\/ => ?(.*)$/gm), (found) => found[1]?.trimEnd() ?? "")
    const line = text.slice(0, match.index).split("\n").length + 1
    return { source, line, code, runs: info.trim() === "run" || prints.length > 0, prints }
  })

const home = ".build/docs"
const fileOf = ({ line, source }: Fence): string => `${home}/${source.replaceAll("/", "+")}.${line}.ts`
const placeOf = ({ line, source }: Fence): string => `${source}:${line}`

const Config = Schema.fromJsonString(
  Schema.Struct({
    extends: Schema.String,
    include: Schema.Array(Schema.String),
    compilerOptions: Schema.Record(Schema.String, Schema.Boolean)
  })
)

/** What an example leaves unused it leaves for the reader. */
const config: typeof Config.Type = {
  extends: "../../tsconfig.base.json",
  include: ["*.ts"],
  compilerOptions: {
    noEmit: true,
    composite: false,
    incremental: false,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false
  }
}

const write = Effect.fn(function* (fences: ReadonlyArray<Fence>) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(home, { recursive: true, force: true })
  yield* fs.makeDirectory(home, { recursive: true })
  yield* fs.writeFileString(`${home}/tsconfig.json`, yield* Schema.encodeEffect(Config)(config))
  yield* Effect.forEach(
    fences,
    (fence) => fs.writeFileString(fileOf(fence), "\n".repeat(fence.line - 1) + fence.code),
    { concurrency: 16, discard: true }
  )
})

const execute = Effect.fn(function* (command: string, ...args: ReadonlyArray<string>) {
  const handle = yield* ChildProcess.make(command, args)
  const text = (bytes: typeof handle.stdout) => Stream.mkString(Stream.decodeText(bytes))
  const [out, err] = yield* Effect.all([text(handle.stdout), text(handle.stderr)], { concurrency: 2 })
  return { out, err, code: yield* handle.exitCode }
}, Effect.scoped)

/** Complaints about the fences; what is wrong in the sources themselves is said by other checks. */
const compile = Effect.fn(function* () {
  const { code, out } = yield* execute("node_modules/.bin/tsc", "-p", home, "--pretty", "false")
  const errors = out.split("\n").filter((line) => line.startsWith(home))
  const broken = code !== 0 && !/^[\w./-]+\(\d+,\d+\): error/m.test(out)
  return broken
    ? [out]
    : errors.map((line) =>
        line
          .slice(home.length + 1)
          .replaceAll("+", "/")
          .replace(/\.\d+\.ts\((\d+),\d+\)/, ":$1")
      )
})

const runFence = Effect.fn(function* (fence: Fence) {
  const { code, err, out } = yield* execute(process.execPath, fileOf(fence))
  if (code !== 0) return [`${placeOf(fence)} ended with ${code}\n${err}`]
  const printed = out
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd())
  const asSaid = fence.prints.length === 0 || printed.join("\n") === fence.prints.join("\n")
  return asSaid
    ? []
    : [`${placeOf(fence)} printed\n${printed.join("\n")}\ninstead of\n${fence.prints.join("\n")}`]
})

const check = Effect.fn(function* (fences: ReadonlyArray<Fence>) {
  if (fences.length === 0) return []
  yield* write(fences)
  const errors = yield* compile()
  const runs = yield* Effect.forEach(
    fences.filter(({ runs }) => runs),
    runFence,
    { concurrency: 2 }
  )
  return [...errors, ...runs.flat()]
})

const sources = Effect.fn(function* () {
  const fs = yield* FileSystem.FileSystem
  const under = (dir: string) =>
    Effect.map(
      Effect.orElseSucceed(fs.readDirectory(dir, { recursive: true }), () => []),
      (names) => names.map((name) => `${dir}/${name}`)
    )
  const packages = (yield* fs.readDirectory("packages")).map((name) => `packages/${name}`)
  const lists = yield* Effect.forEach(["docs", ...packages.map((dir) => `${dir}/src`)], under)
  const files = [
    ...lists.flat().filter((file) => /\.(md|ts)$/.test(file)),
    ...packages.map((dir) => `${dir}/README.md`)
  ]
  const readme = (yield* fs.exists("README.md")) ? ["README.md"] : []
  return [...readme, ...files].toSorted()
})

const realFences = Effect.fn(function* () {
  const fs = yield* FileSystem.FileSystem
  const files = yield* sources()
  const read = (file: string) => Effect.map(fs.readFileString(file), (text) => fencesOf(file, text))
  return (yield* Effect.forEach(files, read, { concurrency: 16 })).flat()
})

/** Goes through the same compiler run as the real fences, to show that a wrong one is found. */
const madeUp = fencesOf(
  "made-up.md",
  `
\`\`\`ts
const wrong: number = "text"
\`\`\`

\`\`\`ts
console.log(1 + 1) // => 3
\`\`\`

\`\`\`ts run
process.exit(4)
\`\`\`

\`\`\`ts
import { Effect } from "effect"

console.log(Effect.runSync(Effect.succeed({ a: 1 }))) // => { a: 1 }
console.log("x") // => x
\`\`\`
`
)

describe("a fence", () => {
  it("in a comment loses the stars and keeps its line", () => {
    const text =
      "/**\n * One.\n *\n * ```ts\n * if (a) {\n *   b() // => 1\n *\n *   /* c *\\/\n * }\n * ```\n */\n"
    assert.deepStrictEqual(fencesOf("A.ts", text), [
      {
        source: "A.ts",
        line: 5,
        code: "if (a) {\n  b() // => 1\n\n  /* c */\n}\n",
        runs: true,
        prints: ["1"]
      }
    ])
  })
  it("of another language is left alone", () => {
    assert.deepStrictEqual(fencesOf("a.md", "```tsx\na\n```\n```sh\nb\n```\n"), [])
  })
  it("in a list loses its indent", () => {
    const [fence] = fencesOf("a.md", "1. One\n   ```ts run\n   a()\n     b()\n   ```\n")
    assert.strictEqual(fence?.code, "a()\n  b()\n")
    assert.isTrue(fence?.runs)
  })
})

describe("the documentation", () => {
  it.effect(
    "compiles, and prints what it says",
    () =>
      Effect.gen(function* () {
        const complaints = yield* check([...madeUp, ...(yield* realFences())])
        const expected = complaints.filter((line) => line.startsWith("made-up.md"))
        const found = complaints.filter((line) => !line.startsWith("made-up.md"))
        assert.deepStrictEqual(
          expected.map((line) => line.split("\n")[0]),
          [
            "made-up.md:3: error TS2322: Type 'string' is not assignable to type 'number'.",
            "made-up.md:7 printed",
            "made-up.md:11 ended with 4"
          ]
        )
        assert.strictEqual(found.join("\n"), "")
      }).pipe(Effect.provide(NodeServices.layer)),
    120_000
  )
})
