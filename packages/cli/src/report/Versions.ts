/**
 * What the command runs on.
 */
import * as Version from "effect/Version"
import NodeProcess from "node:process"
import { version } from "../version.ts"

/** The versions of the command and of what it runs on. */
export const versions = (): Record<string, string> => ({
  stint: version,
  effect: Version.getCurrentVersion(),
  node: NodeProcess.versions.node,
  system: `${NodeProcess.platform} ${NodeProcess.arch}`
})
