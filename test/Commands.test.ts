import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Help from "../packages/cli/src/ui/Help.ts"
import { completionsFor, helpOf, page, paths } from "./commands/page.ts"

/** Those that print no result of their own: they hold others, or print one line of JSON when they are ready. */
const withoutJson = new Set(["", "cluster", "endpoints", "emulate"])

const namesOf = (doc: Effect.Success<ReturnType<typeof helpOf>>) => new Set(doc.flags.map(({ name }) => name))

describe("every command", () => {
  it("is found", () => {
    assert.isAbove(paths.length, 20)
    assert.deepInclude(paths, ["endpoints", "scale-to-zero"])
  })

  it.effect("prints its result as JSON with --json", () =>
    Effect.gen(function* () {
      const without = yield* Effect.filter(paths, (path) =>
        Effect.map(helpOf(path), (doc) => !namesOf(doc).has("json"))
      )
      assert.deepStrictEqual(new Set(without.map((path) => path.join(" "))), withoutJson)
    })
  )

  it.effect("says what it and each of its flags and arguments is for", () =>
    Effect.gen(function* () {
      for (const path of paths) {
        const doc = yield* helpOf(path)
        const where = path.join(" ")
        assert.isAbove(doc.description.length, 20, where)
        for (const { description, name } of [...doc.flags, ...(doc.args ?? [])]) {
          assert.strictEqual(description._tag, "Some", `${where} --${name}`)
        }
      }
    })
  )

  it.effect("has help that fits 80 columns without colour, and examples that are calls of it", () =>
    Effect.gen(function* () {
      for (const path of paths) {
        const doc = yield* helpOf(path)
        const text = Help.format(doc, { colors: false, columns: 80 })
        assert.notInclude(text, "\u001b")
        // Only a name that is longer by itself goes beyond.
        const long = text.split("\n").filter((line) => line.length > 80 && !/^ +\S+( \S+)?$/.test(line))
        assert.deepStrictEqual(long, [], path.join(" "))
        for (const { command } of doc.examples ?? []) {
          assert.isTrue(command.startsWith(["stint", ...path].join(" ")), command)
        }
      }
    })
  )

  it.effect("is in docs/commands.md as it is: npm run commands", () =>
    Effect.gen(function* () {
      assert.strictEqual(fs.readFileSync("docs/commands.md", "utf8"), yield* page)
    })
  )
})

describe("help", () => {
  it.effect("is wrapped to the terminal, and a long example is continued as a shell takes it", () =>
    Effect.gen(function* () {
      const doc = yield* helpOf(["endpoints", "create"])
      for (const columns of [50, 80, 100]) {
        const lines = Help.format(doc, { colors: false, columns }).split("\n")
        assert.isAtMost(
          Math.max(...lines.filter((line) => /\S\s+\S+\s+\S/.test(line)).map(({ length }) => length)),
          columns
        )
      }
      const joined = Help.format(doc, { colors: false, columns: 60 }).replaceAll(/ \\\n +/g, " ")
      for (const { command } of doc.examples ?? []) assert.include(joined, command)
    })
  )

  it.effect("is coloured where that is wanted, and says the same then", () =>
    Effect.gen(function* () {
      const doc = yield* helpOf(["run"])
      const plain = Help.format(doc, { colors: false, columns: 80 })
      const coloured = Help.format(doc, { colors: true, columns: 80 })
      assert.notStrictEqual(coloured, plain)
      assert.strictEqual(coloured.replaceAll(/\u001b\[\d+m/g, ""), plain)
    })
  )
})

/** The shells among them that are installed here. */
const installed = (names: ReadonlyArray<string>) =>
  names.filter((name) =>
    (process.env["PATH"] ?? "").split(path.delimiter).some((folder) => fs.existsSync(path.join(folder, name)))
  )

/** What a shell prints, and how it ends. */
const told = Effect.fn(function* (shell: string, ...args: ReadonlyArray<string>) {
  const handle = yield* ChildProcess.make(shell, args)
  const said = yield* Stream.mkString(Stream.decodeText(handle.all))
  return { said: said.trim(), code: yield* handle.exitCode }
}, Effect.scoped)

describe("completions", () => {
  it.live.each(installed(["bash"]))("are taken by %s, and complete a command", (shell) =>
    Effect.gen(function* () {
      const script = yield* completionsFor("bash")
      const ask = `${script}
        COMP_WORDS=(stint endpoints pa) COMP_CWORD=2 COMP_LINE='stint endpoints pa' COMP_POINT=18
        _stint stint pa endpoints
        echo "\${COMPREPLY[@]}"
        COMP_WORDS=(stint run --max-co) COMP_CWORD=2 COMP_LINE='stint run --max-co' COMP_POINT=18
        _stint stint --max-co run
        echo "\${COMPREPLY[@]}"`
      assert.deepStrictEqual(yield* told(shell, "-c", ask), { said: "pause\n--max-cost", code: 0 })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live.each(installed(["zsh", "fish"]))("are read by %s", (shell) =>
    Effect.gen(function* () {
      const script = yield* completionsFor(shell === "zsh" ? "zsh" : "fish")
      assert.deepStrictEqual(yield* told(shell, "--no-execute", "-c", script), { said: "", code: 0 })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("are there for every shell, with every command", () =>
    Effect.gen(function* () {
      for (const shell of ["bash", "zsh", "fish"] as const) {
        const script = yield* completionsFor(shell)
        for (const part of new Set(paths.flat())) assert.include(script, part, shell)
      }
    })
  )
})
