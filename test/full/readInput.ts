/** Checks the input that is named and reads it again, in a process of its own, and prints what that took. */
import NodeProcess from "node:process"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Row } from "@stint/batch"
import { Parquet } from "@stint/batch/parquet"
import { Console, Effect, Stream } from "effect"

const [path = "", format = "jsonl"] = NodeProcess.argv.slice(2)

const rows = () => {
  if (format === "parquet") return Parquet.rows(path, "embed").items
  return Row.checked(path, "embed", { format: format === "csv" ? "csv" : "jsonl" }).items
}

const read = Effect.gen(function* () {
  const items = rows()
  const before = NodeProcess.cpuUsage()
  let count = 0
  let characters = 0
  for (let pass = 0; pass < 2; pass++) {
    yield* Stream.runForEachArray(items, (some) =>
      Effect.sync(() => {
        count += some.length
        for (const row of some) {
          if ("input" in row && typeof row.input === "string") characters += row.input.length
        }
      })
    )
  }
  const { system, user } = NodeProcess.cpuUsage(before)
  const megabytes = Math.round(NodeProcess.resourceUsage().maxRSS / 1024)
  yield* Console.log(JSON.stringify({ count, characters, megabytes, seconds: (system + user) / 1e6 }))
})

NodeRuntime.runMain(Effect.provide(read, NodeServices.layer))
