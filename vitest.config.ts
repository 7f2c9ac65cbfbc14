import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Many real processes, one after the other: part of `test:full`. */
export const processSuites = [
  "test/command/{Guardian,Input,Money,Orphan,Output,Plan,Repeated,Secrets,Signals,Sweep}.test.ts",
  "test/PackingEngines.test.ts",
  "test/reliability/**",
  "examples/ai/**",
  "packages/batch/test/FolderLock.test.ts",
  "packages/cli/test/Init.test.ts",
  "test/cluster/**"
]

/** Processes that tests start find their modules compiled by the ones before them: half of what a start takes. */
export const env = { NODE_COMPILE_CACHE: fileURLToPath(new URL(".build/compiled", import.meta.url)) }

/** From two minutes down to a quarter of one. */
const longest = [
  "/test/Chaos.test.ts",
  "/test/ChaosMore.test.ts",
  "/test/command/Run.test.ts",
  "/test/Docs.test.ts",
  "/examples/examples.test.ts",
  "/test/CostSeeds.test.ts",
  "/test/semantics/InMemory.test.ts",
  "/test/AdaptiveLimit.test.ts",
  "/test/command/Emulate.test.ts",
  "/test/PackingFaults.test.ts"
]

const rank = ({ moduleId }: TestSpecification): number => {
  const found = longest.findIndex((name) => moduleId.endsWith(name))
  return found < 0 ? longest.length : found
}

/** The longest files begin: otherwise one core waits for them in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    // Not an array's own.
    // oxlint-disable-next-line no-array-sort
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "test/full/**", ...processSuites],
    env,
    sequence: { sequencer: LongestFirst },
    // Half of the time went into loading the same modules for each file; no test changes one.
    isolate: false,
    maxWorkers: "100%",
    // Real processes on a busy machine take their time.
    testTimeout: 60_000
  }
})
