/** What importing the main thing of a package costs a bundle. */
import * as fs from "node:fs"
import * as path from "node:path"
import { gzipSync } from "node:zlib"
import { build } from "vite"
import type { Tarball } from "./tarball.ts"

/** What one imports first from each; from others, all that there is. */
const mainImports: Readonly<Record<string, string>> = {
  "@stint/core": "{ Endpoints }",
  "@stint/batch": "{ withEndpoint }",
  "@stint/emulator": "{ Emulator }",
  "@stint/cli": "{ cli }"
}

export interface Weight {
  /** `{ withEndpoint }` */
  readonly imported: string
  /** Minified and gzipped: Stint's own part, with its other packages. */
  readonly own: number
  /** The same with all that is imported, but Node's own modules. */
  readonly whole: number
}

const builtin = /^node:/
const foreign = /^(?!@stint\/)(@[^/.][^/]*\/)?[a-z][^:]*$/

const bundle = async (root: string, entry: string, external: ReadonlyArray<RegExp>): Promise<number> => {
  const output = await build({
    configFile: false,
    envFile: false,
    logLevel: "silent",
    root,
    build: {
      write: false,
      minify: true,
      target: "es2024",
      modulePreload: false,
      rolldownOptions: { input: entry, external: [...external] }
    }
  })
  const chunks = [output].flat().flatMap((one) => ("output" in one ? one.output : []))
  const code = chunks.map((chunk) => (chunk.type === "chunk" ? chunk.code : "")).join("")
  return gzipSync(code, { level: 9 }).length
}

/** In a project that has the package and its peers. */
export const weigh = async (project: string, { manifest: { name } }: Tarball): Promise<Weight> => {
  const imported = mainImports[name] ?? "* as all"
  const variable = /\w+(?= }$)|\w+$/.exec(imported)?.[0] ?? "all"
  const entry = path.join(project, `bundle-${name.replaceAll(/\W+/g, "-")}.js`)
  fs.writeFileSync(entry, `import ${imported} from "${name}"\nconsole.log(${variable})\n`)
  return {
    imported,
    own: await bundle(project, entry, [builtin, foreign]),
    whole: await bundle(project, entry, [builtin])
  }
}
