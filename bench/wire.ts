/** What a request costs: undici alone, the client of the project, and a whole run over it. */
import { Console, Effect, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { type Measured, decode } from "./measured.ts"

const ways = ["raw", "client", "engine"] as const

const names: Readonly<Record<(typeof ways)[number], string>> = {
  raw: "undici Pool.request",
  client: "UndiciClient",
  engine: "Batch.run"
}

const program = (file: string, ...args: ReadonlyArray<string>) =>
  ChildProcess.make(process.execPath, [`${import.meta.dirname}/${file}`, ...args], { stderr: "inherit" })

const linesOf = (stdout: ChildProcessSpawner.ChildProcessHandle["stdout"]) =>
  Stream.splitLines(Stream.decodeText(stdout))

/** The URL of a server in a process of its own, until the scope ends. */
export const echo = Effect.gen(function* () {
  const { stdout } = yield* program("echo.ts")
  const [port = ""] = yield* Stream.runCollect(Stream.take(linesOf(stdout), 1))
  return `http://127.0.0.1:${port}`
})

/** What a program of this folder measures of itself. */
export const measured = Effect.fnUntraced(function* (file: string, ...args: ReadonlyArray<string>) {
  const { stdout } = yield* program(file, ...args)
  const lines = yield* Stream.runCollect(linesOf(stdout))
  return yield* decode(lines.at(-1) ?? "")
}, Effect.scoped)

const median = (values: ReadonlyArray<number>) => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const spread = (values: ReadonlyArray<number>, digits: number) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`

type Round = Readonly<Record<(typeof ways)[number], Measured>>

const row = (cells: ReadonlyArray<string>) =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(20) : cell.padStart(20))).join("")

/** The rounds as a table. Ratios are of one round's figures: a machine has good and bad minutes. */
const table = (rounds: ReadonlyArray<Round>) => [
  row(["", "CPU us/request", "ratio", "requests/s", "peak MB"]),
  ...ways.map((way) => {
    const of = (pick: (one: Measured) => number) => rounds.map((round) => pick(round[way]))
    return row([
      names[way],
      spread(
        of(({ microsEach }) => microsEach),
        0
      ),
      spread(
        rounds.map((round) => round[way].microsEach / round.raw.microsEach),
        2
      ),
      spread(
        of(({ perSecond }) => perSecond),
        0
      ),
      spread(
        of(({ peakMegabytes }) => peakMegabytes),
        0
      )
    ])
  })
]

/** 64 in flight, about 1 KB of JSON each way, the same server for all. */
export const wire = Effect.fnUntraced(function* (rounds: number, requests: number) {
  const url = yield* echo
  const done: Array<Round> = []
  for (let nth = 0; nth < rounds; nth++) {
    const cost = (way: (typeof ways)[number]) => measured("wireClient.ts", way, url, String(requests))
    const round = { raw: yield* cost("raw"), client: yield* cost("client"), engine: yield* cost("engine") }
    done.push(round)
  }
  yield* Console.log(`wire: ${rounds} rounds of ${requests} requests, 64 in flight; median (lowest-highest)`)
  for (const line of table(done)) yield* Console.log(line)
}, Effect.scoped)
