/** Writes docs/commands.md, the help of every command: `npm run commands`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
await import(pathToFileURL(path.join(import.meta.dirname, "../test/commands/main.ts")).href)
