/** A process that tries for each folder that its parent names, and holds it until the next one is named. */
import NodeProcess from "node:process"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { FolderLock } from "@stint/batch/node"
import { Cause, Effect, Exit, Queue, Scope } from "effect"

const race = Effect.gen(function* () {
  const folders = yield* Queue.unbounded<string>()
  NodeProcess.on("message", (folder) => Queue.offerUnsafe(folders, String(folder)))
  NodeProcess.on("disconnect", () => NodeProcess.exit())
  NodeProcess.send?.("ready")
  for (let held = yield* Scope.make(); ;) {
    const folder = yield* Queue.take(folders)
    yield* Scope.close(held, Exit.void)
    held = yield* Scope.make()
    const exit = yield* Effect.exit(Scope.provide(FolderLock.hold(folder), held))
    NodeProcess.send?.(Exit.isSuccess(exit) ? "won" : String(Cause.squash(exit.cause)))
  }
})

NodeRuntime.runMain(Effect.provide(race, NodeServices.layer))
