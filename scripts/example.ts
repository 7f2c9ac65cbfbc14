/**
 * Runs an example: `npm run -s example -- NAME [ARGS...]` is `examples/NAME.ts` or `examples/NAME/main.ts`.
 * Without NAME it lists them. The example runs in this very process, so that a signal is the example's own.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"

const home = path.resolve(import.meta.dirname, "../examples")

interface Example {
  readonly name: string
  readonly file: string
}

const examplesIn = (dir: string): ReadonlyArray<Example> =>
  fs
    .readdirSync(dir, { withFileTypes: true })
    .map((entry) =>
      entry.isDirectory()
        ? { name: entry.name, file: path.join(dir, entry.name, "main.ts") }
        : { name: path.basename(entry.name, ".ts"), file: path.join(dir, entry.name) }
    )

/** Those in `examples/ai` have names of their own as well. */
const examples = (): ReadonlyArray<Example> =>
  [...examplesIn(home), ...examplesIn(path.join(home, "ai"))]
    .filter(({ file }) => file.endsWith(".ts") && !file.endsWith(".test.ts") && fs.existsSync(file))
    .toSorted((a, b) => a.name.localeCompare(b.name))

/** The first line of the first block or line comment, without its full stop. */
const summary = ({ file }: Example): string => {
  const found = /\/\*\*?[\s*]*([^\n*][^\n]*?)\s*(?:\*\/|\n)|\/\/\s*([^\n]+)/.exec(
    fs.readFileSync(file, "utf8")
  )
  return (found?.[1] ?? found?.[2] ?? "").replace(/\.$/, "")
}

const list = (): string => {
  const found = examples()
  const width = Math.max(0, ...found.map(({ name }) => name.length))
  const lines = found.map((one) => `  ${one.name.padEnd(width)}  ${summary(one)}`.trimEnd())
  return ["npm run -s example -- NAME [ARGS...]", "", ...lines].join("\n")
}

const [name, ...args] = process.argv.slice(2)
const example = examples().find((one) => one.name === name)
if (example !== undefined) {
  process.argv = [process.execPath, example.file, ...args]
  await import(pathToFileURL(example.file).href)
} else if (name === undefined) {
  console.log(list())
} else {
  console.error(`There is no example named ${name}.\n\n${list()}`)
  process.exitCode = 2
}
