/**
 * The ```sh fences of the documentation, and the calls of `stint` in them.
 *
 *     ```sh              is run by `npm run test:full`, on the emulator and in a folder of its own, after the fences
 *                        before it in its file
 *     ```sh elsewhere    cannot be run there: it goes on for ever, or needs an account, a registry, a scheduler
 *
 * In both, every call of `stint` must be one that the command understands.
 */
export interface ShellFence {
  readonly source: string
  /** Of its first line, from 1. */
  readonly line: number
  readonly code: string
  readonly isElsewhere: boolean
}

const fencePattern =
  /^([ \t]*(?:\*[ \t]?)?[ \t]*)```sh(?!\w)([^\n]*)\n([\s\S]*?)^[ \t]*(?:\*[ \t]?)?[ \t]*```[ \t]*$/gm

export const shellFencesOf = (source: string, text: string): ReadonlyArray<ShellFence> =>
  Array.from(text.matchAll(fencePattern), ([, margin = "", info = "", body = ""], i): ShellFence => {
    const before = text.slice(0, [...text.matchAll(fencePattern)][i]?.index)
    const code = body
      .split("\n")
      .map((line) => (line.startsWith(margin) ? line.slice(margin.length) : line))
      .join("\n")
    const line = before.split("\n").length + 1
    return { source, line, code, isElsewhere: info.trim() === "elsewhere" }
  })

/** Words as a shell has them, for what the documentation uses: quotes, and operators that end a command. */
const wordsOf = (line: string): ReadonlyArray<string> =>
  Array.from(line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g), ([word]) =>
    word.replaceAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) =>
      String(double ?? single ?? escaped)
    )
  )

/** The arguments of each call of `stint` in some shell code. */
export const callsOf = (code: string): ReadonlyArray<ReadonlyArray<string>> =>
  code
    .replaceAll(/<<'?(\w+)'?[^\n]*\n[\s\S]*?\n\1(?=\n|$)/g, "")
    .replaceAll(/\\\n\s*/g, " ")
    .split("\n")
    .flatMap((line) => line.split(/ (?:\||&&|\|\||;|&) ?/))
    .flatMap((command) => {
      const [, rest] =
        /^\s*(?:[A-Z_]+=\S+ )*(?:npm run -s stint --|(?:npx )?stint)(?= |$)(.*)$/.exec(command) ?? []
      if (rest === undefined) return []
      const words = wordsOf(rest.replace(/\s#\s.*$/, "").replaceAll(/\s\d?>>?\s*\S+/g, ""))
      return [words]
    })
