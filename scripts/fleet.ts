/** Three workers, a Postgres and an endpoint, and what can befall them; writes docs/reliability.md: `npm run fleet`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
await import(pathToFileURL(path.join(import.meta.dirname, "../test/fleet/main.ts")).href)
