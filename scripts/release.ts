/**
 * Publishes what is not on npm yet: `npm run release`, as .github/workflows/release.yml does.
 *
 * Provenance asks that a manifest names the repository that it was built in. Nothing else here knows that
 * address, so it is taken from the workflow, and written only into what is published.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { addressFrom, withAddress } from "./packages/address.ts"
import { build } from "./packages/build.ts"
import { publicPackages } from "./packages/manifest.ts"
import { bin, root, run } from "./run.ts"

const fail = (why: string): never => {
  console.error(why)
  process.exit(1)
}

const address =
  addressFrom(process.env) ??
  fail("Set GITHUB_SERVER_URL and GITHUB_REPOSITORY, as GitHub Actions does: a published package names them.")

const built = await build()
if (built.code !== 0) fail(built.output)

const manifests = publicPackages().map(({ dir }) => {
  const file = path.join(dir, "package.json")
  const directory = path.relative(root, dir).replaceAll(path.sep, "/")
  return { file, directory, text: fs.readFileSync(file, "utf8") }
})
try {
  for (const { directory, file, text } of manifests) {
    fs.writeFileSync(file, withAddress(text, address, directory))
  }
  const { code } = await run(bin("changeset"), ["publish"], { show: true })
  process.exitCode = code
} finally {
  for (const { file, text } of manifests) fs.writeFileSync(file, text)
}
