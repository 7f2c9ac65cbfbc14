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
 * What a ```sh fence is to be is told in shellFences.ts; here the command must understand each call of it.
 *
 * In docs/reference they are called ```typescript: what stands there is compiled and run in the docstring it is of.
 *
 * One compiler checks all fences at once. Each is written to .build/docs at the line it has in its source, so
 * that the line the compiler names is the one to mend.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path, Ref, Result, Schema, Stream } from "effect"
import { CliError, Command } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { ChildProcess } from "effect/process"
import { cli } from "../packages/cli/src/Cli.ts"
import { ExitStatus } from "../packages/cli/src/ExitStatus.ts"
import * as Signals from "../packages/cli/src/Signals.ts"
import { Screen } from "../packages/cli/src/ui/RunView.ts"
import { callsOf, shellFencesOf } from "./shellFences.ts"

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

const allOf = Effect.fn(function* <A>(fences: (source: string, text: string) => ReadonlyArray<A>) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* sources()
  const read = (file: string) => Effect.map(fs.readFileString(file), (text) => fences(file, text))
  return (yield* Effect.forEach(files, read, { concurrency: 16 })).flat()
})

class Understood extends Schema.TaggedError<Understood>()("Understood", {}) {}

/** The command up to where it would begin to do something. */
const readOnly = Command.provideEffectDiscard(cli, new Understood())

/** What the command has against these arguments. */
const objection = Effect.fn(function* (args: ReadonlyArray<string>) {
  const said = yield* Command.runWith(readOnly, { version: "0", renderErrors: false })(args).pipe(
    Effect.result
  )
  if (Result.isSuccess(said) || !CliError.isCliError(said.failure)) return undefined
  const { failure } = said
  return failure._tag === "ShowHelp"
    ? failure.errors.map(({ message }) => message).join("; ")
    : failure.message
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

/** The links to files of the repository, with their headings; those into the web are not followed. */
const linksOf = (source: string, text: string) =>
  source.endsWith(".md")
    ? Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => ({ source, target })).filter(
        ({ target }) => !/^[a-z]+:/.test(target)
      )
    : []

const headings = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-")
  )

/** The files with shell fences that cannot be run on the emulator, once for each fence. */
const elsewhere: ReadonlyArray<string> = [
  "README.md",
  "docs/cluster.md",
  "docs/cluster.md",
  "docs/endpoints.md",
  "docs/guides/scheduled-job.md",
  "docs/guides/testing-your-pipeline.md",
  "packages/batch/README.md",
  "packages/cli/README.md",
  "packages/cluster/README.md",
  "packages/core/README.md",
  "packages/emulator/README.md"
]

/** What the command asks for to be there, and never comes to use. */
const neverReached = Layer.mergeAll(
  NodeServices.layer,
  FetchHttpClient.layer,
  Layer.effect(ExitStatus, Ref.make(0)),
  Layer.effect(Signals.Signals, Signals.make),
  Layer.succeed(Screen, { write: () => Effect.void, canRedraw: false, columns: 80 })
)

describe("a shell fence", () => {
  it("is told by its kind, and its calls by their words", () => {
    const [here, elsewhere] = shellFencesOf(
      "a.md",
      "```sh\ncat > a <<'END'\nstint no\nEND\nexport A=1\nstint run 'a b.jsonl' \\\n  --max-cost 2 > log 2>&1\nA=1 stint leases | wc -l\n```\n\n```sh elsewhere\nnpm run -s stint -- emulate --seed 1 # x\n```\n"
    )
    assert.isFalse(here?.isElsewhere)
    assert.deepStrictEqual(callsOf(here?.code ?? ""), [["run", "a b.jsonl", "--max-cost", "2"], ["leases"]])
    assert.isTrue(elsewhere?.isElsewhere)
    assert.strictEqual(elsewhere?.line, 12)
    assert.deepStrictEqual(callsOf(elsewhere?.code ?? ""), [["emulate", "--seed", "1"]])
  })

  it.effect("with a call that the command does not know is found", () =>
    Effect.gen(function* () {
      const run = ["run", "rows.jsonl", "--endpoint", "a", "--job", "embed", "--out", "out"]
      assert.isUndefined(yield* objection(run))
      assert.include(yield* objection([...run, "--no-such-flag"]), "--no-such-flag")
      assert.include(yield* objection([...run, "--max-cost", "much"]), "max-cost")
      assert.include(yield* objection(["rum"]), "rum")
    }).pipe(Effect.provide(neverReached))
  )

  it.effect("calls the command as it is", () =>
    Effect.gen(function* () {
      const fences = yield* allOf(shellFencesOf)
      assert.isAbove(fences.length, 10)
      const complaints = yield* Effect.forEach(fences, (fence) =>
        Effect.forEach(callsOf(fence.code), (args) =>
          Effect.map(objection(args), (said) =>
            said === undefined ? [] : [`${fence.source}:${fence.line}: stint ${args.join(" ")}: ${said}`]
          )
        )
      )
      assert.strictEqual(complaints.flat(2).join("\n"), "")
      // Each more is one that no test runs.
      assert.deepStrictEqual(
        fences.filter(({ isElsewhere }) => isElsewhere).map(({ source }) => source),
        elsewhere
      )
    }).pipe(Effect.provide(neverReached))
  )
})

describe("the documentation", () => {
  it.effect("has no link that leads nowhere", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const dead = yield* Effect.filter(
        yield* allOf(linksOf),
        Effect.fnUntraced(function* ({ source, target }) {
          const [file = "", heading] = target.split("#")
          const to = file === "" ? source : path.join(path.dirname(source), file)
          if (!(yield* fs.exists(to))) return true
          if (heading === undefined || !to.endsWith(".md")) return false
          return !headings(yield* fs.readFileString(to)).includes(heading)
        })
      )
      assert.deepStrictEqual(dead, [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is all in its index", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const index = yield* fs.readFileString("docs/README.md")
      const names = [
        ...(yield* fs.readDirectory("docs")),
        ...(yield* fs.readDirectory("docs/guides")).map((name) => `guides/${name}`)
      ]
      const missing = names.filter(
        (name) => name.endsWith(".md") && name !== "README.md" && !index.includes(`(${name})`)
      )
      assert.deepStrictEqual(missing, [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect(
    "compiles, and prints what it says",
    () =>
      Effect.gen(function* () {
        const complaints = yield* check([...madeUp, ...(yield* allOf(fencesOf))])
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
