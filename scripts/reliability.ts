/** Ends real programs in every way and every phase, and writes docs/reliability.md: `npm run reliability`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
await import(pathToFileURL(path.join(import.meta.dirname, "../test/reliability/main.ts")).href)
