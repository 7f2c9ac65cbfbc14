/** What the order of rows and the number of replicas would buy, each alone: on the engine's model, with nothing of the batch engine. */
import type { GpuModel } from "@stint/emulator"
import { Effect } from "effect"
import type { Bench } from "./harness/bench.ts"
import { median, random, shuffled } from "./harness/statistics.ts"
import { BILLED_BOOT_SECONDS, BOOT_SECONDS } from "./money/world.ts"
import { a10g, h200, makespan } from "./money/gpus.ts"
import { type Row, normal, rowsOf } from "./money/rows.ts"

const percent = (ratio: number) => `${(100 * (1 - ratio)).toFixed(1)} %`

const middle = <E>(seeds: ReadonlyArray<number>, one: (seed: number) => Effect.Effect<number, E>) =>
  Effect.map(Effect.forEach(seeds, one), median)

/** By guessed length, the longest first; the guess is off by a factor that is log-normal. */
const longestFirst = (rows: ReadonlyArray<Row>, sigma: number, seed: number) => {
  const next = random(seed + 77)
  return rows
    .map((row) => ({ row, guess: row.outputTokens * Math.exp(sigma * normal(next)) }))
    .toSorted((a, b) => b.guess - a.guess)
    .map(({ row }) => row)
}

const lengths = Effect.fnUntraced(function* (isQuick: boolean, seeds: ReadonlyArray<number>) {
  const cases = [a10g, h200].flatMap((subject) =>
    (isQuick ? [200] : [200, 1000, 3000]).map((count) => ({ subject, count }))
  )
  return yield* Effect.forEach(cases, ({ count, subject }) =>
    Effect.gen(function* () {
      const gain = (sigma: number) =>
        middle(seeds, (seed) => {
          const rows = rowsOf(count, seed)
          return Effect.map(
            Effect.all([makespan(subject.gpu, rows), makespan(subject.gpu, longestFirst(rows, sigma, seed))]),
            ([asIs, sorted]) => (BILLED_BOOT_SECONDS + sorted) / (BILLED_BOOT_SECONDS + asIs)
          )
        })
      const work = yield* middle(seeds, (seed) => makespan(subject.gpu, rowsOf(count, seed)))
      return [
        `${subject.id}, ${count.toLocaleString("en")} rows`,
        work.toFixed(1),
        percent(yield* gain(0)),
        percent(yield* gain(0.5)),
        percent(yield* gain(1))
      ]
    })
  )
})

/** Prompts that share a beginning: so many tokens of it, in so many groups. */
interface Prefixes {
  readonly groups: number
  readonly shared: number
}

/** Of the cache, what is kept for beginnings that nobody uses at the moment. */
const KEPT = 0.2

/** What is left to read of each prompt when the beginnings used last are still in memory. */
const withCache = (
  rows: ReadonlyArray<{ readonly row: Row; readonly group: number }>,
  { shared }: Prefixes,
  gpu: GpuModel.Options
) => {
  const room = Math.max(1, Math.floor((KEPT * gpu.cacheTokens) / shared))
  const kept = new Set<number>()
  let hits = 0
  const works = rows.map(({ group, row }) => {
    const isHit = kept.delete(group)
    if (isHit) hits++
    kept.add(group)
    const [oldest] = kept
    if (kept.size > room && oldest !== undefined) kept.delete(oldest)
    return {
      promptTokens: isHit ? row.promptTokens : row.promptTokens + shared,
      outputTokens: row.outputTokens
    }
  })
  return { works, hits: hits / rows.length }
}

const prefixes = Effect.fnUntraced(function* (isQuick: boolean, seed: number) {
  const count = isQuick ? 300 : 3000
  const cases: ReadonlyArray<Prefixes> = [
    { groups: 1, shared: 1000 },
    { groups: 10, shared: 1000 },
    { groups: 100, shared: 1000 },
    { groups: 1000, shared: 1000 },
    { groups: 100, shared: 4000 }
  ]
  return yield* Effect.forEach(
    [a10g, h200].flatMap((subject) => cases.map((one) => ({ subject, one }))),
    ({ one, subject }) =>
      Effect.gen(function* () {
        const all = rowsOf(count, seed).map((row, nth) => ({ row, group: nth % one.groups }))
        const mixed = withCache(shuffled(all, random(seed)), one, subject.gpu)
        const grouped = withCache(
          all.toSorted((a, b) => a.group - b.group),
          one,
          subject.gpu
        )
        const before = yield* makespan(subject.gpu, mixed.works)
        const after = yield* makespan(subject.gpu, grouped.works)
        return [
          `${subject.id}, ${one.groups} of ${one.shared.toLocaleString("en")} tokens`,
          `${(100 * mixed.hits).toFixed(0)} %`,
          `${(100 * grouped.hits).toFixed(0)} %`,
          before.toFixed(1),
          after.toFixed(1),
          percent((BILLED_BOOT_SECONDS + after) / (BILLED_BOOT_SECONDS + before))
        ]
      })
  )
})

/** Dealt out in turn. */
const dealt = (rows: ReadonlyArray<Row>, replicas: number) =>
  Array.from({ length: replicas }, (_, at) => rows.filter((_, nth) => nth % replicas === at))

/** The autoscaler looks every minute; what it adds has to boot first. */
const ADDED_AFTER = 60 + BOOT_SECONDS

const replicas = Effect.fnUntraced(function* (isQuick: boolean, seed: number) {
  const counts = isQuick ? [3000] : [3000, 10_000]
  return yield* Effect.forEach(
    [a10g, h200].flatMap((subject) => counts.map((count) => ({ subject, count }))),
    ({ count, subject }) =>
      Effect.gen(function* () {
        const rows = rowsOf(count, seed)
        const alone = yield* makespan(subject.gpu, rows)
        const pinned = (size: number) =>
          Effect.map(
            Effect.forEach(dealt(rows, size), (part) => makespan(subject.gpu, part)),
            (spans) => ({
              time: Math.max(...spans),
              billed: size * (BILLED_BOOT_SECONDS + Math.max(...spans))
            })
          )
        const two = yield* pinned(2)
        const four = yield* pinned(4)
        // The first works alone, and shares what is left once the second is there.
        const scaled = alone <= ADDED_AFTER ? alone : ADDED_AFTER + (alone - ADDED_AFTER) / 2
        const second = Math.max(0, scaled - 60 - (BOOT_SECONDS - BILLED_BOOT_SECONDS))
        const one = BILLED_BOOT_SECONDS + alone
        const cell = (time: number, billed: number) => `${time.toFixed(0)} s, ${(billed / one).toFixed(2)}`
        return [
          `${subject.id}, ${count.toLocaleString("en")} rows`,
          cell(BOOT_SECONDS + alone, one),
          cell(BOOT_SECONDS + two.time, two.billed),
          cell(BOOT_SECONDS + four.time, four.billed),
          cell(BOOT_SECONDS + scaled, BILLED_BOOT_SECONDS + scaled + second)
        ]
      })
  )
})

export const order: Bench = {
  name: "order",
  title: "What order and replicas would buy",
  run: Effect.fnUntraced(function* ({ isQuick, seed }) {
    const seeds = isQuick ? [seed] : [seed, seed + 1, seed + 2]
    return {
      figures: [],
      tables: [
        {
          title: "Longest rows first",
          note: "Of the billed seconds, boot included: what is saved when the length of answers is known, guessed well (a factor of e^0.5), and guessed badly (e^1). Medians of the seeds.",
          columns: ["", "seconds of work, as it comes", "known", "guessed well", "guessed badly"],
          rows: yield* lengths(isQuick, seeds)
        },
        {
          title: "Rows with the same beginning together",
          note: `Each prompt begins with one of some shared beginnings. The engine keeps the ones used last, in ${100 * KEPT} % of its memory; one that it has is not read again.`,
          columns: [
            "",
            "hits, mixed",
            "hits, grouped",
            "seconds, mixed",
            "seconds, grouped",
            "saved of the bill"
          ],
          rows: yield* prefixes(isQuick, seed)
        },
        {
          title: "Replicas",
          note: "Seconds from the beginning to the last answer, boot included, and what is billed to what one replica costs. Scaled: one at first, a second by the autoscaler, which looks after a minute.",
          columns: ["", "one, pinned", "two, pinned", "four, pinned", "scaled from one to two"],
          rows: yield* replicas(isQuick, seed)
        }
      ],
      plots: [],
      notes: [
        "**Longest first** buys two percent at best, and costs as often as it gains: it is not built. **Replicas** buy time and cost money, for each has a boot to be paid. Pinning them is built, as the option `replicas`: a batch makes any autoscaler add its second replica, here for 7 to 27 % more. Without the option an endpoint keeps the range that it has.",
        "**The same beginnings together** is worth much where there are more beginnings than the engine keeps, and nothing with one instruction or ten. It is the order of the input, and not of the engine, which reads its rows as a stream and would have to hold all of them to sort them. Results go by key, so the input may be sorted before, in as much memory as `sort` takes; what a run has finished is not done again after it:",
        "```sh\njq -c '[.messages, .]' rows.jsonl | LC_ALL=C sort | jq -c '.[1]' > sorted.jsonl\n```",
        "`.messages` is what a row begins with: `.prompt`, or `.body.messages` in a batch file of OpenAI. What is shared has to come first in it."
      ]
    }
  })
}
