/** Type-checks a user's programs against the installed packages, with every TypeScript that is supported. */
import * as fs from "node:fs"
import * as path from "node:path"
import { root } from "../run.ts"
import { type Check, check, inLanes, objections } from "./check.ts"
import { readmePrograms } from "./fences.ts"
import { readManifest } from "./manifest.ts"
import { type Tarball, entryPoints } from "./tarball.ts"

/** The packages of `node_modules` that are a TypeScript, oldest first. */
const compilers = ["typescript-5.9", "typescript-6", "typescript"]

const homeOf = (compiler: string): string => path.join(root, "node_modules", compiler)

export const typeScripts = (): ReadonlyArray<string> =>
  compilers.map((compiler) => readManifest(homeOf(compiler)).version)

interface Variant {
  readonly compiler: string
  readonly resolution: "nodenext" | "bundler"
  readonly exactOptionalPropertyTypes: boolean
}

const newest = "typescript"

/** Each setting with each on the newest; with the others, half a minute a time, each setting once. */
const variants: ReadonlyArray<Variant> = compilers.flatMap((compiler): ReadonlyArray<Variant> => {
  const pair: ReadonlyArray<Variant> = [
    { compiler, resolution: "nodenext", exactOptionalPropertyTypes: true },
    { compiler, resolution: "bundler", exactOptionalPropertyTypes: false }
  ]
  const crossed: ReadonlyArray<Variant> = [
    { compiler, resolution: "nodenext", exactOptionalPropertyTypes: false },
    { compiler, resolution: "bundler", exactOptionalPropertyTypes: true }
  ]
  return compiler === newest ? [...pair, ...crossed] : pair
})

/** As a user has them who asks for `strict`, and for every declaration to be checked too: also Effect's own. */
const config = ({ exactOptionalPropertyTypes, resolution }: Variant) => ({
  include: ["*.ts"],
  compilerOptions: {
    target: "ES2022",
    module: resolution === "nodenext" ? "nodenext" : "esnext",
    moduleResolution: resolution,
    moduleDetection: "force",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes,
    skipLibCheck: false,
    noEmit: true
  }
})

/** Every module by name, and the programs of the READMEs. */
const writePrograms = (home: string, tarballs: ReadonlyArray<Tarball>): void => {
  fs.mkdirSync(home, { recursive: true })
  const names = tarballs.flatMap(entryPoints)
  const lines = names.map((name, index) => `import * as m${index} from "${name}"`)
  const list = `export const modules = [${names.map((_, index) => `m${index}`).join(", ")}]`
  fs.writeFileSync(path.join(home, "modules.ts"), [...lines, list, ""].join("\n"))
  readmePrograms().forEach(({ code }, index) => fs.writeFileSync(path.join(home, `readme${index}.ts`), code))
}

const compile = async (home: string, variant: Variant): Promise<Check> => {
  const { compiler, exactOptionalPropertyTypes, resolution } = variant
  const exact = exactOptionalPropertyTypes ? "exact" : "loose"
  const file = path.join(home, `tsconfig.${compiler}.${resolution}.${exact}.json`)
  fs.writeFileSync(file, JSON.stringify(config(variant)))
  const { version } = readManifest(homeOf(compiler))
  const tsc = path.join(homeOf(compiler), "bin/tsc")
  return check(
    `TypeScript ${version}: ${resolution}, ${exact} optional properties`,
    await objections(process.execPath, [tsc, "-p", file, "--pretty", "false"], { cwd: home })
  )
}

export const checkTypes = (
  project: string,
  tarballs: ReadonlyArray<Tarball>
): Promise<ReadonlyArray<Check>> => {
  const home = path.join(project, "types")
  writePrograms(home, tarballs)
  return inLanes(variants, (variant) => compile(home, variant))
}
