/**
 * Packs every public package as it would be published, and tries what was packed: the tarballs themselves,
 * and projects of their own that have nothing but them.
 */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { weigh } from "./packages/bundle.ts"
import { type Check, check, inLanes } from "./packages/check.ts"
import { installAll, needsOf, tryAlone, tryOn } from "./packages/consumer.ts"
import { lintTarball } from "./packages/lint.ts"
import { publicPackages } from "./packages/manifest.ts"
import type { NodeBinary } from "./packages/nodes.ts"
import { type Facts, missingInLine, page, summary } from "./packages/page.ts"
import { checkContents, pack } from "./packages/tarball.ts"
import { checkTypes, typeScripts } from "./packages/types.ts"

export interface Packing {
  readonly checks: ReadonlyArray<Check>
  /** What docs/packages.md should say. */
  readonly page: string
  /** For a terminal. */
  readonly summary: string
  /** The Nodes that the registry does not have for this machine. */
  readonly unchecked: ReadonlyArray<string>
}

/** Told of each part as it begins. */
export type Progress = (part: string) => void

const packAndTry = async (
  home: string,
  nodes: ReadonlyArray<NodeBinary>,
  begin: Progress
): Promise<Packing> => {
  begin("packing")
  const tarballs = await inLanes(publicPackages(), (one) => pack(one, home))
  const inside = tarballs.map(checkContents)
  const lines = tarballs.map((one) => check(`${one.manifest.name}: its install line`, missingInLine(one)))
  begin("publint and attw")
  const linted = await inLanes(tarballs, lintTarball)
  begin("installing together")
  const together = path.join(home, "together")
  await installAll(together, tarballs)
  begin("installing alone")
  const alone = await inLanes(tarballs, (tarball) =>
    tryAlone(path.join(home, "alone", path.basename(tarball.dir)), tarball, tarballs)
  )
  begin("bundling")
  const facts: Array<Facts> = []
  for (const tarball of tarballs) {
    facts.push({ tarball, weight: await weigh(together, tarball), needs: await needsOf(together, tarball) })
  }
  begin("running")
  const onNodes = await inLanes(nodes, (node) => tryOn(together, node, tarballs))
  begin("types")
  const types = await checkTypes(together, tarballs)
  return {
    checks: [...inside, ...lines, ...linted.flat(), ...alone, ...onNodes.flat(), ...types],
    page: page(facts, typeScripts()),
    summary: summary(facts),
    unchecked: nodes.filter(({ file }) => file === undefined).map(({ version }) => version)
  }
}

/** The packages must have been built. */
export const checkPackages = async (
  nodes: ReadonlyArray<NodeBinary>,
  begin: Progress = () => undefined
): Promise<Packing> => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "stint-packed-"))
  try {
    return await packAndTry(home, nodes, begin)
  } finally {
    fs.rmSync(home, { recursive: true, force: true })
  }
}
