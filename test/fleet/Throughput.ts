/**
 * How fast one, two and three workers are on work that is all waiting, and what they cost: CPU time over the engine of one
 * machine on the same work, and transactions of the database.
 */
import { Effect } from "effect"
import * as Network from "./Network.ts"
import type { Log } from "./Places.ts"
import * as Places from "./Places.ts"
import * as Process from "./Process.ts"
import * as World from "./World.ts"

/** A fleet of so many. */
export interface Fleet {
  readonly workers: number
  /** Rows a second, from the first request to the last answer. */
  readonly rate: number
  /** CPU time of all workers for a row. */
  readonly cpuMillis: number
  readonly transactions: number
}

/** What was measured. */
export interface Measured {
  readonly single: { readonly rate: number; readonly cpuMillis: number }
  readonly workers: ReadonlyArray<Fleet>
}

/** Of linear, and of transactions a row: what is promised. */
const GOALS = { linear: 0.9, transactions: 0.5 } as const

/** Rows for each worker, if nothing is said. */
export const ROWS = 4000

/** Of each worker. */
const LIMIT = 32
const LATENCY = 250

const rateOf = ({ executions }: Log) => {
  const from = Math.min(...executions.map(({ from }) => from))
  const to = Math.max(...executions.map(({ from, to }) => to ?? from))
  return (executions.length * 1000) / (to - from)
}

const sum = (values: ReadonlyArray<number>) => values.reduce((all, one) => all + one, 0)

const network = Network.plain

/** So many workers, with as many rows for each. */
const fleet = Effect.fnUntraced(function* (workers: number, each: number) {
  const rows = workers * each
  const world = yield* World.make({ rows, latencyMillis: LATENCY, network })
  const members = yield* Effect.forEach(
    Array.from({ length: workers }, (_, nth) => `w${nth + 1}`),
    (name) => world.start(name),
    { concurrency: workers }
  )
  const { endpoint } = yield* world.keeperAmong(members)
  const used = Effect.map(
    Effect.forEach(members, (member) => member.ask("usage", Places.Usage)),
    sum
  )
  const cpuBefore = yield* used
  const before = yield* world.transactions
  yield* world.begin(endpoint, LIMIT * workers, undefined)
  yield* world.done(rows)
  yield* world.over
  const cpu = (yield* used) - cpuBefore
  // A session tells what it did once it has nothing to do.
  yield* Effect.sleep("1500 millis")
  const transactions = (yield* world.transactions) - before
  const log = yield* world.log
  const measured: Fleet = {
    workers,
    rate: rateOf(log),
    cpuMillis: cpu / rows,
    transactions: transactions / rows
  }
  return measured
}, Effect.scoped)

/** The same work on one machine. */
const alone = Effect.fnUntraced(function* (rows: number) {
  const { folder, input, log, management } = yield* World.make({ rows, latencyMillis: LATENCY, network })
  const place = {
    api: management,
    input,
    journal: `${folder}/journal.jsonl`,
    endpoint: "alone",
    limit: LIMIT
  }
  const program = yield* Process.start({ name: "alone", file: "single.ts", place })
  const before = yield* program.ask("usage", Places.Usage)
  yield* program.ask("run", World.Yes)
  const cpu = (yield* program.ask("usage", Places.Usage)) - before
  return { rate: rateOf(yield* log), cpuMillis: cpu / rows }
}, Effect.scoped)

/** Measures all of it, one after the other. */
export const measure = Effect.fnUntraced(
  function* (each: number, say: (line: string) => void) {
    const one = yield* alone(each)
    say(`one machine: ${one.rate.toFixed(0)} rows/s, ${one.cpuMillis.toFixed(2)} ms of CPU a row`)
    const workers = yield* Effect.forEach([1, 2, 3], (count) =>
      Effect.tap(fleet(count, each), ({ cpuMillis, rate, transactions }) =>
        Effect.sync(() =>
          say(
            `${count} workers: ${rate.toFixed(0)} rows/s, ${cpuMillis.toFixed(2)} ms of CPU and ${transactions.toFixed(3)} transactions a row`
          )
        )
      )
    )
    const measured: Measured = { single: one, workers }
    return measured
  },
  Effect.timeout("10 minutes"),
  Effect.provide(World.services)
)

/** What is not as promised. */
export const violations = ({ workers }: Measured): ReadonlyArray<string> =>
  workers.flatMap(({ rate, transactions, workers: count }) => {
    const share = rate / ((workers[0]?.rate ?? rate) * count)
    return [
      ...(share < GOALS.linear ? [`${count} workers are at ${share.toFixed(2)} of linear`] : []),
      ...(transactions > GOALS.transactions ? [`${transactions.toFixed(2)} transactions a row`] : [])
    ]
  })
