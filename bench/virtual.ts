/** A bench in virtual time, in a process of its own: `node bench/virtual.ts <name> <settings>` prints what it found. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Schema } from "effect"
import { behaviours } from "./behaviours.ts"
import { SettingsText } from "./harness/bench.ts"
import { FindingsText } from "./harness/result.ts"
import { limits } from "./limits.ts"
import { money } from "./money.ts"
import { order } from "./order.ts"
import { ready } from "./ready.ts"

const [, , name = "", settings = ""] = process.argv

const program = Effect.gen(function* () {
  const bench = [behaviours, limits, money, order, ready].find((each) => each.name === name)
  if (bench === undefined) return yield* Effect.die(`There is no bench called ${name}.`)
  const findings = yield* bench.run(yield* Schema.decodeEffect(SettingsText)(settings))
  process.stdout.write(`${yield* Schema.encodeEffect(FindingsText)(findings)}\n`)
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
