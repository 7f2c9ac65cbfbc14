/** Writes the pages of the reference, and takes those away whose module is gone. */
import * as fs from "node:fs"
import * as path from "node:path"
import { modules } from "./Declarations.ts"
import { formatted } from "./formatted.ts"
import { pages } from "./page.ts"

const home = path.join(import.meta.dirname, "../../docs/reference")

fs.rmSync(home, { recursive: true, force: true })
for (const page of formatted(pages(modules()))) {
  const file = path.join(home, page.path)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, page.text)
}
