/** Builds what is packed. */
import * as fs from "node:fs"
import * as path from "node:path"
import { type Result, root, run } from "../run.ts"

/** What lies in dist may be of files that are gone, and would be packed. */
export const build = async (): Promise<Result> => {
  for (const dist of fs.globSync("packages/*/dist", { cwd: root })) {
    fs.rmSync(path.join(root, dist), { recursive: true, force: true })
  }
  return run("pnpm", ["--recursive", "run", "build"])
}
