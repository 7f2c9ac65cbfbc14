/** The pages of the reference, from what the packages declare. */
import type { Declared, Module } from "./Declarations.ts"

/** A page, by its path below docs/reference. */
export interface Page {
  readonly path: string
  readonly text: string
}

/** A signature that is longer says no more. */
const MOST_LINES = 60

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-")

const firstSentence = (doc: string | undefined): string => {
  const [paragraph = ""] = (doc ?? "").split(/\n\s*\n/)
  const line = plain(paragraph).replaceAll(/\s*\n\s*/g, " ")
  return /^.*?[^.][.:](?=\s|$)/.exec(line)?.[0]?.replace(/:$/, ".") ?? line
}

/** References in a comment, as code. */
const plain = (text: string): string =>
  text.replaceAll(
    /\{@link\s+([^}\s|]+)(?:[|\s]+([^}]+))?\}/g,
    (_, name: string, said?: string) => said ?? `\`${name}\``
  )

/** A docstring as Markdown: tags become words, and code is marked so that it is not taken for a fence of this page. */
const markdown = (doc: string): string =>
  doc
    .split(/(^```[\s\S]*?^```$)/m)
    .map((piece, at) =>
      at % 2 === 1
        ? piece.replace(/^```ts\b[^\n]*/, "```typescript").replaceAll("*\\/", "*/")
        : plain(piece)
            .replaceAll(/^@example\s*/gm, "**Example**\n\n")
            .replaceAll(/^@source\s+/gm, "\nSource: ")
            .replaceAll(/^@see\s+/gm, "\nSee ")
    )
    .join("")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim()

const headingOf = ({ kinds, name }: Declared, all: ReadonlyArray<Declared>): string =>
  all.some((other) => other.name !== name && other.name.toLowerCase() === name.toLowerCase())
    ? `${name} (${kinds.join(", ")})`
    : name

const cut = (signature: string): string => {
  const lines = signature.split("\n")
  return lines.length <= MOST_LINES ? signature : [...lines.slice(0, MOST_LINES), "// …"].join("\n")
}

const entry = (one: Declared, module: Module): string => {
  const heading = `## ${headingOf(one, module.exports)}`
  if (one.from !== undefined) {
    const [folder = "", name = ""] = one.from.split("/")
    const to = `${folder === module.folder ? "" : `../${folder}/`}${name}.md#${anchorOf(one.name)}`
    return `${heading}\n\nAs in [${name}](${to}).`
  }
  return [
    heading,
    ...(one.doc === undefined ? [] : [markdown(one.doc)]),
    `\`\`\`typescript\n${cut(one.signature)}\n\`\`\``,
    ...(one.fails.length === 0 ? [] : [`Fails with ${one.fails.map((error) => `\`${error}\``).join(", ")}.`])
  ].join("\n\n")
}

const pathOf = ({ folder, name }: Module): string => `${folder}/${name}.md`

const importOf = ({ isAtRoot, name, specifier }: Module): string =>
  isAtRoot ? `import { ${name} } from "${specifier}"` : `import * as ${name} from "${specifier}"`

const modulePage = (module: Module): Page => ({
  path: pathOf(module),
  text: `${[
    `# ${module.name}`,
    ...(module.doc === undefined ? [] : [markdown(module.doc)]),
    `\`\`\`typescript\n${importOf(module)}\n\`\`\``,
    `Written from the docstrings of [${module.source}](../../../${module.source}), where the examples are compiled and run.`,
    module.exports
      .map((one) => {
        const said = firstSentence(one.doc)
        return `- [\`${one.name}\`](#${anchorOf(headingOf(one, module.exports))})${said === "" ? "" : `: ${said}`}`
      })
      .join("\n"),
    ...module.exports.map((one) => entry(one, module))
  ].join("\n\n")}\n`
})

const titles: Readonly<Record<string, string>> = {
  core: "`@stint/core`: the control plane",
  batch: "`@stint/batch`: the data plane",
  "batch-node": "`@stint/batch/node`: what needs Node",
  "batch-ai": "`@stint/batch/ai`: models of `effect/ai`",
  "batch-parquet": "`@stint/batch/parquet`: Parquet, and datasets of the hub",
  emulator: "`@stint/emulator`: Hugging Face in a box",
  cluster: "`@stint/cluster`: the same batch over many machines"
}

const index = (modules: ReadonlyArray<Module>): Page => ({
  path: "README.md",
  text: `${[
    "# Reference",
    "Every public module, with all that it exports: what it is, its signature, what it fails with, an example. Written by `npm run reference` from the docstrings. What it is all for is in the [documentation](../README.md).",
    ...Object.entries(titles).flatMap(([folder, title]) => {
      const own = modules.filter((module) => module.folder === folder)
      return own.length === 0
        ? []
        : [
            `## ${title}`,
            own
              .map((module) => {
                const said = firstSentence(module.doc)
                return `- [${module.name}](${pathOf(module)})${said === "" ? "" : `: ${said}`}`
              })
              .join("\n")
          ]
    })
  ].join("\n\n")}\n`
})

/** All pages. */
export const pages = (modules: ReadonlyArray<Module>): ReadonlyArray<Page> => [
  index(modules),
  ...modules.map(modulePage)
]
