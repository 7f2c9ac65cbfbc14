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

const isLong = ({ moduleId }: TestSpecification) => /\/test\/(Chaos|CostSeeds)\w*\.test\.ts$/.test(moduleId)

/** The longest files begin: otherwise one core waits for them in the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    // Not an array's own.
    // oxlint-disable-next-line no-array-sort
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "test/full/**", ...processSuites],
    sequence: { sequencer: LongestFirst },
    // Half of the time went into loading the same modules for each file; no test changes one.
    isolate: false,
    maxWorkers: "100%",
    // Real processes on a busy machine take their time.
    testTimeout: 60_000
  }
})
