import { defineConfig } from "vitest/config"
import { env, processSuites } from "./vitest.config.ts"

/** Virtual time, or nothing but reckoning: as many at once as there are cores. */
const simulations = ["test/full/{AdaptiveLimit,Chaos,ChaosMore,CostSeeds,Decoders,Forecast}.full.test.ts"]

const common = { env, testTimeout: 600_000, hookTimeout: 600_000, passWithNoTests: true }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "simulations",
          include: simulations,
          maxWorkers: "100%",
          sequence: { groupOrder: 0 }
        }
      },
      {
        test: {
          ...common,
          name: "processes",
          include: [
            "test/full/**/*.full.test.ts",
            ...processSuites.map((path) => (path.endsWith("**") ? `${path}/*.test.ts` : path))
          ],
          exclude: ["**/node_modules/**", ...simulations],
          // Real processes, and measures of time and memory: one at a time.
          maxWorkers: 1,
          sequence: { groupOrder: 1 }
        }
      }
    ]
  }
})
