#!/usr/bin/env node
/**
 * Starts the command. What it does is in main.ts, which is loaded after all that has to be set before.
 */
// Before all others, for what it sets.
// oxlint-disable-next-line import/no-unassigned-import
import "./Heap.ts"
import * as CompileCache from "./CompileCache.ts"

CompileCache.enable()

const { main } = await import("./main.ts")

main()
