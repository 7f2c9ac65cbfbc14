import { it } from "@effect/vitest"
import { UndiciClient } from "@stint/batch/node"
import { Emulator } from "@stint/emulator"
import { Layer } from "effect"
import { semantics } from "./rules.ts"

semantics("on sockets, in real time", {
  layer: (options) =>
    Emulator.layerEndpoints.pipe(
      Layer.provideMerge(Emulator.layerServer({ boot: "50 millis", ...options })),
      Layer.provideMerge(UndiciClient.layer())
    ),
  inTime: (program) => program,
  test: (name, body) => it.live(name, body)
})
