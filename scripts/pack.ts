/**
 * Packs every public package, installs the tarballs in a project of their own, and imports from there what
 * they promise: `publishConfig` is swapped in by packing alone, so nothing else can prove it right.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { root, run } from "./run.ts"

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

interface Package {
  readonly dir: string
  readonly manifest: Manifest
  readonly tarball: string
}

export interface Packing {
  readonly ok: boolean
  readonly note: string
  readonly details: string
}

const readManifest = (dir: string): Manifest =>
  JSON.parse(fs.readFileSync(path.join(dir, "package.json"), "utf8"))

const publicPackages = (home: string): ReadonlyArray<Package> =>
  fs
    .globSync("packages/*/package.json", { cwd: root })
    .toSorted()
    .map((file) => {
      const dir = path.join(root, path.dirname(file))
      const manifest = readManifest(dir)
      const base = manifest.name.replace("@", "").replace("/", "-")
      return { dir, manifest, tarball: path.join(home, `${base}-${manifest.version}.tgz`) }
    })
    .filter(({ manifest }) => manifest.private !== true)

/** Peers at the versions that the workspace itself runs with. */
const peers = (packages: ReadonlyArray<Package>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    packages.flatMap(({ dir, manifest }) =>
      Object.keys(manifest.peerDependencies ?? {}).map((name) => [
        name,
        readManifest(path.join(dir, "node_modules", name)).version
      ])
    )
  )

const writeProject = (home: string, packages: ReadonlyArray<Package>): void => {
  const tarballs = Object.fromEntries(
    packages.map(({ manifest, tarball }) => [manifest.name, `file:${tarball}`])
  )
  const dependencies = { ...peers(packages), ...tarballs }
  const manifest = { name: "packed", private: true, type: "module", dependencies }
  fs.writeFileSync(path.join(home, "package.json"), JSON.stringify(manifest))
  // JSON is YAML. The packages depend on each other by version, which no registry has yet.
  const workspace = { packages: ["."], autoInstallPeers: false, overrides: tarballs }
  fs.writeFileSync(path.join(home, "pnpm-workspace.yaml"), JSON.stringify(workspace))
}

const modulesOf = (home: string, { manifest }: Package): ReadonlyArray<string> => {
  const dir = path.join(home, "node_modules", manifest.name)
  const programs = Object.values(readManifest(dir).bin ?? {}).map((file) => path.basename(file))
  const others = new Set(["index.js", ...programs])
  const files = fs.readdirSync(path.join(dir, "dist")).filter((file) => file.endsWith(".js"))
  const modules = files.filter((file) => !others.has(file)).toSorted()
  return [manifest.name, ...modules.map((file) => `${manifest.name}/${file.slice(0, -3)}`)]
}

const must = async (command: string, args: ReadonlyArray<string>, cwd: string): Promise<void> => {
  const { code, output } = await run(command, args, { cwd })
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}\n${output}`)
}

const importAll = (modules: ReadonlyArray<string>): string => `
const failures = []
for (const name of ${JSON.stringify(modules)}) {
  const file = import.meta.resolve(name)
  if (!file.endsWith(".js")) failures.push(name + " is " + file)
  await import(name).catch((error) => failures.push(name + ": " + error.stack))
}
if (failures.length > 0) throw new Error(failures.join("\\n"))
`

const tryOut = async (home: string, packages: ReadonlyArray<Package>): Promise<string> => {
  const modules = packages.flatMap((one) => modulesOf(home, one))
  fs.writeFileSync(path.join(home, "import-all.js"), importAll(modules))
  await must(process.execPath, ["import-all.js"], home)
  const programs = packages.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))
  for (const name of programs) await must(path.join(home, "node_modules", ".bin", name), ["--version"], home)
  return `${packages.length} packages, ${modules.length} modules, ${programs.length} programs`
}

const packAndTry = async (home: string): Promise<string> => {
  const packages = publicPackages(home)
  for (const { dir } of packages) await must("pnpm", ["pack", "--pack-destination", home], dir)
  writeProject(home, packages)
  await must("pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile"], home)
  return tryOut(home, packages)
}

export const checkPacking = async (): Promise<Packing> => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "stint-packed-"))
  try {
    return { ok: true, note: await packAndTry(home), details: "" }
  } catch (error) {
    return { ok: false, note: "", details: error instanceof Error ? error.message : String(error) }
  } finally {
    fs.rmSync(home, { recursive: true, force: true })
  }
}
