/** How much memory a whole run takes, from a file of a million rows to its results. */
import { Console, Effect, FileSystem, Stream } from "effect"
import { echo, measured } from "./wire.ts"

const text = "the sea at night ".repeat(20)

const rows = (count: number) => {
  const lines = function* () {
    for (let nth = 0; nth < count; nth++) yield `{"id":"${nth}","inputs":"${text}"}\n`
  }
  return Stream.fromIterable(lines()).pipe(
    Stream.grouped(4096),
    Stream.map((group) => group.join("")),
    Stream.encodeText
  )
}

/** One run in a process of its own. */
export const memory = Effect.fnUntraced(function* (count: number) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* Stream.run(rows(count), fs.sink(`${directory}/rows.jsonl`))
  const { size } = yield* fs.stat(`${directory}/rows.jsonl`)
  const url = yield* echo
  const { microsEach, peakMegabytes, perSecond } = yield* measured(
    "memoryRun.ts",
    directory,
    url,
    String(count)
  )
  yield* Console.log(
    `memory: ${count} rows, ${(Number(size) / 1e6).toFixed(0)} MB in: peak ${peakMegabytes.toFixed(0)} MB, ${microsEach.toFixed(0)} us of CPU a row, ${perSecond.toFixed(0)} rows/s`
  )
}, Effect.scoped)
