/** Writes docs/reference from the docstrings of every public module: `npm run reference`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { bin, root, run } from "./run.ts"

const packages = ["core", "batch", "emulator", "cluster"].map((name) => path.join("packages", name))

// What is read is what the compiler writes into the packages' dist folders.
const { code, output } = await run(bin("tsc"), ["-b", ...packages])
if (code === 0) {
  // By path: the scripts are a project of their own, which nothing of the others is compiled into.
  await import(pathToFileURL(path.join(root, "test/reference/main.ts")).href)
} else {
  console.error(`The pages are left as they are, since the sources do not compile:\n${output}`)
  process.exitCode = 1
}
