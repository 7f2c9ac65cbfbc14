/**
 * Benches of the path that every row takes: `npm run bench`.
 *
 *     npm run bench -- --only wire --rounds 5 --requests 20000
 *     npm run bench -- --only memory --rows 1000000
 */
import { parseArgs } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { memory } from "./memory.ts"
import { wire } from "./wire.ts"

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "20000" },
    rows: { type: "string", default: "1000000" }
  }
})

const names = ["wire", "memory"]
const isChosen = (name: string) => (values.only ?? name) === name
if (!names.some(isChosen)) throw new Error(`--only is one of ${names.join(", ")}`)

const benches = Effect.gen(function* () {
  if (isChosen("wire")) yield* wire(Number(values.rounds), Number(values.requests))
  if (isChosen("memory")) yield* memory(Number(values.rows))
})

await Effect.runPromise(benches.pipe(Effect.provide(NodeServices.layer)))
