/** Writes docs/errors.md, the list of every error with its message: `npm run errors`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
await import(pathToFileURL(path.join(import.meta.dirname, "../test/errors/main.ts")).href)
