/** Writes the page of all commands. */
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import { page } from "./page.ts"

fs.writeFileSync(path.join(import.meta.dirname, "../../docs/commands.md"), await Effect.runPromise(page))
