/** What the tools of the trade say about a tarball: publint, and Are The Types Wrong. */
import * as fs from "node:fs"
import { bin } from "../run.ts"
import { type Check, check, objections } from "./check.ts"
import { type Tarball, entryPoints } from "./tarball.ts"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

/** Suggestions count as well: not one message is allowed. */
const lint = async (tarball: Tarball): Promise<Check> => {
  const bytes = new Uint8Array(fs.readFileSync(tarball.file))
  const { messages, pkg } = await publint({ strict: true, pack: { tarball: bytes.buffer } })
  return check(
    `${tarball.manifest.name}: publint, strict`,
    messages.map((message) => `${message.type}: ${formatMessage(message, pkg) ?? message.code}`)
  )
}

/**
 * The profile `esm-only`: `require` and the resolution of Node 10 are not looked at, as no package claims
 * either. The entry points are named, because the tool leaves out those that a pattern exports.
 */
const wrongTypes = async (tarball: Tarball): Promise<Check> => {
  const { name } = tarball.manifest
  const paths = entryPoints(tarball).map((entry) => `.${entry.slice(name.length)}`)
  const args = [tarball.file, "--profile", "esm-only", "--no-color", "--format", "ascii"]
  return check(
    `${name}: types of ${paths.length} entry points, attw esm-only`,
    await objections(bin("attw"), [...args, "--entrypoints", ...paths], {})
  )
}

export const lintTarball = async (tarball: Tarball): Promise<ReadonlyArray<Check>> => [
  await lint(tarball),
  await wrongTypes(tarball)
]
