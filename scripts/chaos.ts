/** Tries batches under seeded faults: `npm run chaos -- --seeds 1000 --from 0`, or `--seed 42 --verbose`. */
import * as path from "node:path"
import { pathToFileURL } from "node:url"

// By path: the scripts are a project of their own, which nothing of the others is compiled into.
await import(pathToFileURL(path.join(import.meta.dirname, "../test/chaos/main.ts")).href)
