import { it } from "@effect/vitest"
import * as World from "../batchWorld.ts"
import { semantics } from "./rules.ts"

semantics("without sockets, on virtual time", {
  layer: (options) => World.world({ boot: "10 seconds", ...options, engine: World.echo }),
  inTime: World.inTime,
  test: (name, body) => it.effect(name, body)
})
