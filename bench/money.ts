/** What the standard configuration pays for the reference job, to the least that it could have cost. */
import { Batch } from "@stint/batch"
import { Console, Effect, Stream } from "effect"
import type { Bench } from "./harness/bench.ts"
import { figure } from "./harness/result.ts"
import { random } from "./harness/statistics.ts"
import { BOOT_SECONDS, NETWORK, account, billedOf, job, name, specOf } from "./money/world.ts"
import { type Subject, h200, least, makespan, refusing, silent, subjects } from "./money/gpus.ts"
import { rowsOf } from "./money/rows.ts"

interface Paid {
  readonly subject: Subject
  readonly rows: number
  readonly floorSeconds: number
  /** What no order of the rows goes below. */
  readonly leastSeconds: number
  readonly billedSeconds: number
  readonly tailSeconds: number
  readonly refused: number
  readonly billedMinutes: number
  readonly dollars: number
}

/** Nothing configured but which endpoint, which rows and what to do with them. */
const pay = Effect.fnUntraced(function* (subject: Subject, count: number, seed: number) {
  const rows = rowsOf(count, seed)
  // When a look at the endpoint comes is luck.
  const boot = BOOT_SECONDS - 5 + 10 * random(seed)()
  const floorSeconds =
    billedOf(boot) + (yield* makespan(subject.gpu, rows, subject.refusesAbove ?? "unbounded"))
  const paid = yield* account(
    subject,
    Effect.flatMap(Batch.runOn(Stream.fromIterable(rows), { name, spec: specOf(subject) }, job), (report) =>
      report.succeeded === count ? Effect.void : Effect.die(`${report.succeeded} of ${count} succeeded`)
    ),
    {},
    boot
  )
  const found: Paid = {
    subject,
    rows: count,
    floorSeconds,
    leastSeconds: billedOf(boot) + least(subject.gpu, rows),
    billedSeconds: paid.billedSeconds ?? Infinity,
    tailSeconds: paid.tailSeconds ?? Infinity,
    refused: paid.refused,
    billedMinutes: paid.billedMinutes,
    dollars: paid.dollars
  }
  yield* Console.error(
    `money: ${subject.id}, ${count} rows, seed ${seed}: ${(found.billedSeconds / floorSeconds).toFixed(4)} of the floor`
  )
  return found
})

export const money: Bench = {
  name: "money",
  title: "What is paid, to the floor",
  run: Effect.fnUntraced(function* ({ isQuick, rounds = isQuick ? 1 : 3, seed }) {
    const seeds = Array.from({ length: rounds }, (_, nth) => seed + nth)
    const sizes = isQuick ? [300] : [300, 3000, 30_000]
    const groups = yield* Effect.forEach(
      [
        ...subjects.flatMap((subject) => sizes.map((rows) => ({ subject, rows }))),
        // One that tells nothing is found out, in a short run as in a long one.
        ...[h200, refusing].flatMap((subject) =>
          sizes.slice(0, 2).map((rows) => ({ subject: silent(subject), rows }))
        )
      ],
      ({ rows, subject }) =>
        // As many rows as ten times the job have no luck left in them.
        Effect.map(
          Effect.forEach(rows >= 30_000 ? seeds.slice(0, 1) : seeds, (seed) => pay(subject, rows, seed)),
          (paid) => ({ subject, rows, paid })
        )
    )
    const all = groups.flatMap(({ paid }) => paid)
    return {
      figures: [
        ...groups.map(({ paid, rows, subject }) =>
          figure(
            `billed seconds to the floor: ${subject.id}, ${rows.toLocaleString("en")} rows`,
            paid.map(({ billedSeconds, floorSeconds }) => billedSeconds / floorSeconds),
            { most: 1.05 }
          )
        ),
        figure(
          "from the last answer to the accepted pause",
          all.map(({ tailSeconds }) => tailSeconds),
          { most: 2 },
          "s"
        )
      ],
      tables: [
        {
          title: "The reference job with nothing configured",
          note: `Medians over the seeds. The floor is the billed part of the boot and the engine's own time for all rows: each of them there from the moment that it is ready, nothing between them and it, and the endpoint gone with the last. It is of the order in which they come; another one may be a hair quicker. What is billed has a way to the API and back of ${NETWORK.management} ms, one to the engine and back of ${NETWORK.data} ms, the time until a look finds the endpoint ready, the limit's growth, and the pause until it is accepted. The least is reckoned with the model's formula, without its scheduler: no order of the rows goes below it.`,
          columns: [
            "",
            "rows",
            "floor, s",
            "billed, s",
            "ratio",
            "to the least",
            "billed minutes",
            "$ per 1,000 rows",
            "429s",
            "pause after, s"
          ],
          rows: groups.map(({ paid, rows, subject }) => {
            const middle = (pick: (one: Paid) => number) => figure("", paid.map(pick)).median
            return [
              subject.name,
              rows.toLocaleString("en"),
              middle((one) => one.floorSeconds).toFixed(1),
              middle((one) => one.billedSeconds).toFixed(1),
              middle((one) => one.billedSeconds / one.floorSeconds).toFixed(4),
              middle((one) => one.billedSeconds / one.leastSeconds).toFixed(3),
              middle((one) => one.billedMinutes).toFixed(0),
              middle((one) => (one.dollars * 1000) / one.rows).toFixed(4),
              middle((one) => one.refused).toFixed(0),
              middle((one) => one.tailSeconds).toFixed(2)
            ]
          })
        }
      ],
      plots: [],
      notes: [
        "Virtual time: the real batch engine against the emulator, whose language model is only its time. No row of the table is a measurement of a real GPU."
      ]
    }
  })
}
