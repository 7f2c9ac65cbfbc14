import { defineConfig } from "vitest/config"
import { processSuites } from "./vitest.config.ts"

export default defineConfig({
  test: {
    include: [
      "test/full/**/*.full.test.ts",
      ...processSuites.map((path) => (path.endsWith("**") ? `${path}/*.test.ts` : path))
    ],
    exclude: ["**/node_modules/**"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    passWithNoTests: true
  }
})
