/** Pages as the formatter of the repository leaves them, the code in them too. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Page } from "./page.ts"

const root = path.join(import.meta.dirname, "../..")

/** Formats pages in a folder of their own. */
export const formatted = (pages: ReadonlyArray<Page>): ReadonlyArray<Page> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "reference-"))
  try {
    fs.copyFileSync(path.join(root, ".oxfmtrc.json"), path.join(folder, ".oxfmtrc.json"))
    for (const page of pages) {
      const file = path.join(folder, page.path)
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, page.text)
    }
    execFileSync(path.join(root, "node_modules/.bin/oxfmt"), [], { cwd: folder })
    return pages.map((page) => ({ ...page, text: fs.readFileSync(path.join(folder, page.path), "utf8") }))
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}
