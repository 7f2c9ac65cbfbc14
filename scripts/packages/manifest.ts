/** The packages that are published, and what their manifests say. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "../run.ts"

type Versions = Readonly<Record<string, string>>

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly description: string
  readonly private?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly dependencies?: Versions
  readonly peerDependencies?: Versions
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
  readonly engines?: { readonly node?: string }
}

export interface Package {
  readonly dir: string
  readonly manifest: Manifest
}

export const readManifest = (dir: string): Manifest =>
  JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8"))

/** In the order in which a reader meets them: each one after what it needs. */
const order = ["core", "batch", "emulator", "cli", "cluster"]

const place = ({ dir }: Package): number => {
  const index = order.indexOf(path.basename(dir))
  return index < 0 ? order.length : index
}

export const publicPackages = (): ReadonlyArray<Package> =>
  fs
    .globSync("packages/*/package.json", { cwd: root })
    .toSorted()
    .map((file) => {
      const dir = path.join(root, path.dirname(file))
      return { dir, manifest: readManifest(dir) }
    })
    .filter(({ manifest }) => manifest.private !== true)
    .toSorted((a, b) => place(a) - place(b))

const peersOf = ({ manifest }: Package, optional: boolean): ReadonlyArray<string> =>
  Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => (manifest.peerDependenciesMeta?.[name]?.optional === true) === optional
  )

export const neededPeers = (one: Package): ReadonlyArray<string> => peersOf(one, false)
export const optionalPeers = (one: Package): ReadonlyArray<string> => peersOf(one, true)

/** At the versions that the workspace itself runs with. */
export const versionsIn = (dir: string, names: ReadonlyArray<string>): Versions =>
  Object.fromEntries(names.map((name) => [name, readManifest(path.join(dir, "node_modules", name)).version]))
