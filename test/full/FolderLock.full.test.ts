import * as NodeServices from "@effect/platform-node/NodeServices"
import { it } from "@effect/vitest"
import { Effect } from "effect"
import { race } from "../../packages/batch/test/lockRace.ts"

it.live(
  "of twenty processes that find a stale lock one takes it over, fifty times",
  () => Effect.provide(race({ processes: 20, rounds: 50 }), NodeServices.layer),
  { timeout: 600_000 }
)
