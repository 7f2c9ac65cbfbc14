/** Opens the journal that is named, in a process of its own, and prints what that took. */
import NodeProcess from "node:process"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Journal } from "@stint/batch"
import { Console, Effect, Option } from "effect"

const open = Effect.gen(function* () {
  const before = NodeProcess.cpuUsage()
  const journal = yield* Journal.makeFile(NodeProcess.argv[2] ?? "")
  const { system, user } = NodeProcess.cpuUsage(before)
  const seconds = (system + user) / 1e6
  const megabytes = NodeProcess.resourceUsage().maxRSS / 1024
  const print = journal.lookup("row-7")?.fingerprint ?? ""
  const isRecalled = journal.knows(print) && Option.isSome(yield* journal.recall(print))
  yield* Console.log(JSON.stringify({ seconds, megabytes, isRecalled, ...(yield* journal.counts) }))
})

NodeRuntime.runMain(Effect.provide(Effect.scoped(open), NodeServices.layer))
