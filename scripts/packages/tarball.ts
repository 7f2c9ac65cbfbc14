/** Packs a package as it would be published, and looks at what is in the tarball. */
import * as fs from "node:fs"
import * as path from "node:path"
import { type Check, check, must } from "./check.ts"
import { type Package, readManifest } from "./manifest.ts"

/** `dir` is the unpacked tarball; `manifest` the one in it. */
export interface Tarball extends Package {
  /** Where it was packed. */
  readonly source: Package
  readonly file: string
  readonly bytes: number
  readonly unpackedBytes: number
  readonly files: ReadonlyArray<string>
}

const filesUnder = (dir: string): ReadonlyArray<string> =>
  fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
    .toSorted()

/** Packing is what swaps `publishConfig` in: nothing else can prove it right. */
export const pack = async (source: Package, home: string): Promise<Tarball> => {
  const name = path.basename(source.dir)
  const packed = path.join(home, "tarballs", name)
  const dir = path.join(home, "unpacked", name)
  for (const folder of [packed, dir]) fs.mkdirSync(folder, { recursive: true })
  await must("pnpm", ["pack", "--pack-destination", packed], { cwd: source.dir })
  const [file] = fs.readdirSync(packed).map((entry) => path.join(packed, entry))
  if (file === undefined) throw new Error(`pnpm pack left no tarball of ${source.manifest.name}`)
  await must("tar", ["-xzf", file, "-C", dir, "--strip-components=1"], { cwd: home })
  const files = filesUnder(dir)
  return {
    dir,
    manifest: readManifest(dir),
    source,
    file,
    bytes: fs.statSync(file).size,
    unpackedBytes: files.reduce((sum, entry) => sum + fs.statSync(path.join(dir, entry)).size, 0),
    files
  }
}

const programsOf = ({ manifest }: Package): ReadonlySet<string> =>
  new Set(Object.values(manifest.bin ?? {}).map((file) => path.posix.normalize(file)))

interface Exports {
  readonly exports: Readonly<Record<string, unknown>>
}

/** What the exports close: the folder of `"./node/internal/*": null`, the file of `"./main": null`. */
const closed = (dir: string): ReadonlyArray<string> => {
  const { exports }: Exports = JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8"))
  return Object.entries(exports)
    .filter(([, target]) => target === null)
    .map(([key]) => `dist/${key.endsWith("/*") ? key.slice(2, -1) : `${key.slice(2)}.js`}`)
}

/** What can be imported by name: `@stint/batch`, `@stint/batch/node`, `@stint/batch/Job`. */
export const entryPoints = (tarball: Tarball): ReadonlyArray<string> => {
  const programs = programsOf(tarball)
  const shut = closed(tarball.dir)
  const open = tarball.files.filter(
    (file) =>
      file.startsWith("dist/") &&
      file.endsWith(".js") &&
      !programs.has(file) &&
      !shut.some((place) => file.startsWith(place))
  )
  const names = open.map((file) =>
    `${tarball.manifest.name}/${file.slice("dist/".length, -".js".length)}`.replace(/\/index$/, "")
  )
  return names.toSorted()
}

interface SourceMap {
  readonly sources: ReadonlyArray<string>
}

const missingSources = ({ dir, files }: Tarball): ReadonlyArray<string> => {
  const there = new Set(files)
  return files
    .filter((file) => file.endsWith(".map"))
    .flatMap((file) => {
      const { sources }: SourceMap = JSON.parse(fs.readFileSync(path.join(dir, file), "utf8"))
      return sources
        .map((source) => path.posix.join(path.posix.dirname(file), source))
        .filter((source) => !there.has(source))
        .map((source) => `${file} maps to ${source}, which is not in the tarball`)
    })
}

const unwanted = /(^|\/)(test|tests|node_modules)\/|\.test\.|\.tsbuildinfo$|(^|\/)\.[^/]+$/

/** What the exports open must be meant to be: no folder `internal` is. */
const leaks = (tarball: Tarball): ReadonlyArray<string> =>
  entryPoints(tarball)
    .filter((name) => name.includes("/internal/"))
    .map((name) => `${name} can be imported`)

export const checkContents = (tarball: Tarball): Check => {
  const { dir, files, manifest } = tarball
  const there = new Set(files)
  const needed = ["README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", ...programsOf(tarball)]
  const text = fs.readFileSync(path.join(dir, "package.json"), "utf8")
  return check(`${manifest.name}: what is in the tarball`, [
    ...needed.filter((file) => !there.has(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => unwanted.test(file)).map((file) => `${file} does not belong there`),
    ...files
      .filter((file) => file.startsWith("dist/") && file.endsWith(".js"))
      .map((file) => file.replace(/\.js$/, ".d.ts"))
      .filter((file) => !there.has(file))
      .map((file) => `${file} is missing`),
    ...missingSources(tarball),
    ...leaks(tarball),
    ...["workspace:", "catalog:"]
      .filter((word) => text.includes(`"${word}`))
      .map((word) => `package.json still says ${word}`)
  ])
}
