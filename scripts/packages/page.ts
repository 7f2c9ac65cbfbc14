/** What was found out about the packages, as a page and as a table, and whether a page still says so. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "../run.ts"
import { type Check, check } from "./check.ts"
import type { Weight } from "./bundle.ts"
import { neededPeers, optionalPeers } from "./manifest.ts"
import { nodeVersions } from "./nodes.ts"
import type { Tarball } from "./tarball.ts"
import { entryPoints } from "./tarball.ts"

export interface Facts {
  readonly tarball: Tarball
  readonly weight: Weight
  /** The entry points that cannot be imported without an optional peer, by the peer. */
  readonly needs: ReadonlyMap<string, ReadonlyArray<string>>
}

export const pageFile = path.join(root, "docs/packages.md")

const size = (bytes: number): string =>
  bytes < 999_500 ? `${(bytes / 1000).toPrecision(3)} kB` : `${(bytes / 1e6).toPrecision(3)} MB`

const list = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`

const code = (word: string): string => `\`${word}\``

/** The package's README says how it is installed. */
const installLine = (dir: string): string | undefined => {
  const file = path.join(dir, "README.md")
  return fs.existsSync(file) ? /^npm install .*$/m.exec(fs.readFileSync(file, "utf8"))?.[0] : undefined
}

/** What the line leaves out, and cannot be left out. */
export const missingInLine = ({ dir, manifest, source }: Tarball): ReadonlyArray<string> => {
  const line = installLine(dir)
  if (line === undefined) return ["README.md does not say how it is installed"]
  const words = line.split(" ")
  return [manifest.name, ...neededPeers(source)]
    .filter((name) => !words.includes(name))
    .map((name) => `README.md does not say to install ${name}`)
}

const modules = (count: number): string => (count === 1 ? "1 module" : `${count} modules`)

const peers = ({ manifest }: Tarball, names: ReadonlyArray<string>): string =>
  names.map((name) => code(`${name} ${manifest.peerDependencies?.[name] ?? ""}`)).join(", ")

/** `5.9`, of 5.9.3. */
const line = (version: string): string => version.split(".").slice(0, 2).join(".")

const row = ({ tarball, weight }: Facts, typeScripts: ReadonlyArray<string>): ReadonlyArray<string> => [
  `[\`${tarball.manifest.name}\`](../packages/${path.basename(tarball.source.dir)})`,
  tarball.manifest.description,
  code(installLine(tarball.dir) ?? ""),
  peers(tarball, neededPeers(tarball.source)) || "none",
  size(tarball.bytes),
  size(tarball.unpackedBytes),
  `${tarball.files.length} files`,
  modules(entryPoints(tarball).length),
  size(weight.own),
  size(weight.whole),
  tarball.manifest.engines?.node ?? "",
  typeScripts.map(line).join(", ")
]

const titles = [
  "package",
  "what it is",
  "install",
  "peers",
  "tarball",
  "unpacked",
  "holds",
  "to import",
  "main import",
  "with all",
  "Node",
  "TypeScript"
]

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")

const optional = (all: ReadonlyArray<Facts>): ReadonlyArray<string> =>
  all.flatMap(({ needs, tarball }) =>
    optionalPeers(tarball.source).map((name) => {
      const entries = needs.get(name) ?? []
      const what =
        entries.length === 0 ? "nothing at once: it is loaded when it is needed" : list(entries.map(code))
      return `- ${peers(tarball, [name])}: ${what}`
    })
  )

const optionalText = (all: ReadonlyArray<Facts>): ReadonlyArray<string> => {
  const lines = optional(all)
  const text = "Optional peers, and what cannot be imported without each:"
  return lines.length === 0 ? [] : [text, "", ...lines, ""]
}

export const page = (all: ReadonlyArray<Facts>, typeScripts: ReadonlyArray<string>): string =>
  [
    "# Packages",
    "",
    "They are not on npm yet. `npm run packages` packs each as it would be published, checks what it packed, and writes",
    "this page; `npm run test:full` does the same, and fails where this page is more than 10 % wrong.",
    "",
    table([titles, titles.map(() => "---"), ...all.map((facts) => row(facts, typeScripts))]),
    "",
    "1 kB is 1,000 bytes. _Main import_ is what a bundle grows by, minified and gzipped, with Effect and what else is foreign",
    "left out; _with all_ has it in. Node's own modules are in neither. The main imports are",
    `${list(all.map(({ tarball, weight }) => code(`import ${weight.imported} from "${tarball.manifest.name}"`)))}.`,
    "",
    ...optionalText(all),
    "## What is checked of each tarball",
    "",
    "- It holds README, licence, programs, declarations, and the sources that its maps lead to; no test; no module of a",
    "  folder `internal` can be imported.",
    "- publint, strict, has not one message.",
    "- Are The Types Wrong finds nothing under its profile `esm-only`: the packages are ES modules, and claim neither",
    "  `require` nor the resolution of Node 10. Every module is named to it, those that a pattern exports too.",
    "- Alone in an empty project with the peers it asks for, every module is imported.",
    `- Together, on Node ${list(nodeVersions)}: every module is imported, the README's program prints what it says, and`,
    "  `stint run` embeds three rows on `stint emulate`.",
    `- TypeScript ${list(typeScripts)} check a program that imports every module, and the programs of the`,
    "  READMEs: `strict`, `skipLibCheck` off, so every declaration is checked, Effect's own too;",
    "  `exactOptionalPropertyTypes` on and off, `moduleResolution` `nodenext` and `bundler`, each with each on the newest.",
    ""
  ].join("\n")

/** For a terminal. */
export const summary = (all: ReadonlyArray<Facts>): string => {
  const head = ["package", "tarball", "unpacked", "files", "modules", "main import", "with all"]
  const rows = all.map(({ tarball, weight }) => [
    tarball.manifest.name,
    size(tarball.bytes),
    size(tarball.unpackedBytes),
    `${tarball.files.length}`,
    `${entryPoints(tarball).length}`,
    size(weight.own),
    size(weight.whole)
  ])
  const cells = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...cells.map((one) => one[column]?.length ?? 0)))
  const align = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)
  return cells.map((one) => one.map(align).join("  ")).join("\n")
}

const figure = /(\d+(?:\.\d+)?)(?: (kB|MB|files|modules))/g
const factors: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6 }

const figuresIn = (text: string): ReadonlyArray<number> =>
  Array.from(text.matchAll(figure), ([, number, unit = ""]) => Number(number) * (factors[unit] ?? 1))

/** A formatter may lay a table out anew, and fold a paragraph; a size has another unit at 1 MB. */
const plain = (text: string): string =>
  text
    .replaceAll(figure, (_, __, unit: string) => (unit in factors ? "BYTES" : `COUNT ${unit}`))
    .replaceAll(/-{2,}/g, "-")
    .replaceAll(/\s+/g, " ")

const blocks = (text: string): ReadonlyArray<string> =>
  text.split(/\n(?=\||- |#)|\n\n/).filter((block) => block.trim() !== "")

const TOLERANCE = 0.1

/** What `now` says otherwise than `committed`. A size or a count may have moved by 10 %. */
export const contradictions = (committed: string, now: string): ReadonlyArray<string> => {
  const before = blocks(committed)
  const after = blocks(now)
  if (before.length !== after.length) {
    return [`the page has ${before.length} parts, and should have ${after.length}`]
  }
  return after.flatMap((block, index) => {
    const old = before[index] ?? ""
    if (plain(old) !== plain(block)) return [`the page says\n${old}\nand should say\n${block}`]
    const figures = figuresIn(old)
    const moved = figuresIn(block).some((value, at) => {
      const was = figures[at] ?? 0
      return Math.abs(value - was) > TOLERANCE * Math.max(value, was)
    })
    return moved ? [`more than 10 % off: the page says\n${old}\nand should say\n${block}`] : []
  })
}

export const checkPage = (now: string): Check =>
  check("docs/packages.md", contradictions(fs.readFileSync(pageFile, "utf8"), now))
