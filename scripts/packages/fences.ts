/** The programs that the READMEs show. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "../run.ts"

export interface Fence {
  readonly source: string
  readonly code: string
  /** What follows `// =>`, a line each. */
  readonly prints: ReadonlyArray<string>
}

export const fencesIn = (source: string, text: string): ReadonlyArray<Fence> =>
  Array.from(text.matchAll(/^```ts(?: run)?\n([\s\S]*?)^```$/gm), ([, code = ""]) => ({
    source,
    code,
    prints: Array.from(code.matchAll(/\/\/ => ?(.*)$/gm), ([, printed = ""]) => printed.trimEnd())
  }))

const read = (source: string): ReadonlyArray<Fence> =>
  fencesIn(source, fs.readFileSync(path.join(root, source), "utf8"))

/** The one that the README begins with. */
export const firstProgram = (): Fence => {
  const [first] = read("README.md")
  if (first === undefined || first.prints.length === 0) {
    throw new Error("README.md does not begin with a program that says what it prints")
  }
  return first
}

/** All of the README, and of each package's. */
export const readmePrograms = (): ReadonlyArray<Fence> =>
  ["README.md", ...fs.globSync("packages/*/README.md", { cwd: root }).toSorted()].flatMap(read)
