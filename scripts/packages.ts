/**
 * Checks the packages as they would be published: `npm run packages` writes docs/packages.md from what it
 * finds, `--check` holds the page against it instead. `--here` tries this Node alone.
 */
import * as fs from "node:fs"
import { checkPackages } from "./pack.ts"
import { build } from "./packages/build.ts"
import { fetchNodes, ownNode } from "./packages/nodes.ts"
import { checkPage, pageFile } from "./packages/page.ts"

const checkOnly = process.argv.includes("--check")
const here = process.argv.includes("--here")

const start = performance.now()
const begin = (part: string): void => {
  console.error(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${part}`)
}

begin("building")
const built = await build()
if (built.code !== 0) {
  console.error(built.output)
  process.exit(1)
}
const nodes = here ? [ownNode] : await fetchNodes()
const { checks, page, summary, unchecked } = await checkPackages(nodes, begin)
begin("done")
const all = checkOnly ? [...checks, checkPage(page)] : checks
for (const { complaints, name } of all) {
  console.log(`${complaints.length === 0 ? "✓" : "✗"} ${name}`)
  for (const complaint of complaints) console.log(complaint.replaceAll(/^/gm, "    "))
}
for (const version of unchecked) console.log(`- Node ${version}: not checked here, none for this machine`)
console.log(`\n${summary}`)
const failed = all.filter(({ complaints }) => complaints.length > 0).length
if (failed > 0) console.log(`\n${failed} of ${all.length} checks failed`)
else if (!checkOnly && !here && unchecked.length === 0) fs.writeFileSync(pageFile, page)
else if (!checkOnly) console.log("\ndocs/packages.md is as it was: not everything was checked here")
process.exitCode = failed === 0 ? 0 : 1
