/**
 * Makes versions and changelogs of the changesets: `npm run next-version`. The command's own version is
 * written with them, because it reads no manifest when it starts.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { readManifest } from "./packages/manifest.ts"
import { bin, root, run } from "./run.ts"

const cli = path.join(root, "packages/cli")

const { code } = await run(bin("changeset"), ["version"], { show: true })
if (code === 0) {
  const file = path.join(cli, "src/version.ts")
  const before = fs.readFileSync(file, "utf8")
  const after = before.replace(/(export const version = )"[^"]*"/, `$1"${readManifest(cli).version}"`)
  fs.writeFileSync(file, after)
}
process.exitCode = code
