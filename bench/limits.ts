/** How near the adaptive limit comes to the best fixed one, also when the engine changes on the way. */
import { Batch, Limit } from "@stint/batch"
import { Console, Effect, Stream } from "effect"
import type { Bench } from "./harness/bench.ts"
import { figure } from "./harness/result.ts"
import { a10g, silent, subjects } from "./money/gpus.ts"
import { rowsOf } from "./money/rows.ts"
import { type Change, account, job, name, specOf } from "./money/world.ts"

/** What is known to be about best, and its neighbours: a coarser grid would flatter the adaptive limit. */
const sizes = [64, 128, 256, 512, 1024]

interface Case {
  readonly what: string
  readonly subject: (typeof subjects)[number]
  readonly rows: number
  readonly fixed: ReadonlyArray<number>
  readonly change: Change
}

const casesOf = (isQuick: boolean): ReadonlyArray<Case> => {
  const rows = isQuick ? 300 : 3000
  const changed = rows / 2
  const half = changed / 2
  return [
    ...subjects.map((subject) => ({
      what: subject.id,
      subject,
      rows,
      fixed: sizes.filter((size) => size <= (subject.refusesAbove ?? size)),
      change: {}
    })),
    ...(isQuick
      ? []
      : [
          { what: "answers grow 2.5 times as long", change: { longer: { after: half, times: 2.5 } } },
          { what: "a second replica after 100 s", change: { secondReplica: 100 } },
          { what: "half of the memory is gone", change: { memory: { after: half, cacheTokens: 38_500 } } },
          { what: "memory doubles", change: { memory: { after: half, cacheTokens: 154_000 } } }
        ].map(({ change, what }) => ({
          what,
          subject: a10g,
          rows: changed,
          fixed: sizes.slice(0, 4),
          change
        })))
  ]
}

const run = ({ change, rows, subject }: Case, limit: Limit.Limit | undefined) =>
  account(
    subject,
    Effect.flatMap(
      Batch.runOn(Stream.fromIterable(rowsOf(rows, 1)), { name, spec: specOf(subject) }, job, { limit }),
      (report) =>
        report.succeeded === rows ? Effect.void : Effect.die(`${report.succeeded} of ${rows} succeeded`)
    ),
    change
  )

/** One limit, for an engine that tells of itself and for the same that does not. */
const tellings = ["telling", "silent"] as const

export const limits: Bench = {
  name: "limits",
  title: "The limit that finds itself",
  run: Effect.fnUntraced(function* ({ isQuick }) {
    const found = yield* Effect.forEach(casesOf(isQuick), (one) =>
      Effect.gen(function* () {
        const fixed = yield* Effect.forEach(one.fixed, (size) =>
          Effect.map(run(one, Limit.fixed(size)), ({ workSeconds }) => ({ size, workSeconds }))
        )
        const best = fixed.reduce((a, b) => (b.workSeconds < a.workSeconds ? b : a))
        const adaptive = yield* Effect.forEach(tellings, (telling) =>
          Effect.gen(function* () {
            const subject = telling === "silent" ? silent(one.subject) : one.subject
            const { refused, workSeconds } = yield* run({ ...one, subject }, undefined)
            const ratio = workSeconds / best.workSeconds
            yield* Console.error(
              `limits: ${one.what}, ${telling}: ${ratio.toFixed(3)} of fixed ${best.size}, ${refused} 429s`
            )
            return {
              what: telling === "silent" ? `${one.what}, silent` : one.what,
              refused,
              workSeconds,
              ratio
            }
          })
        )
        return { one, fixed, adaptive }
      })
    )
    return {
      figures: [
        ...found.flatMap(({ adaptive }) =>
          adaptive.map(({ ratio, what }) =>
            figure(`adaptive to the best fixed limit: ${what}`, [ratio], { most: 1.03 })
          )
        ),
        ...found
          .filter(({ one }) => one.subject.refusesAbove !== undefined)
          .flatMap(({ adaptive }) =>
            adaptive.map(({ refused, what }) => figure(`429s: ${what}`, [refused], { most: 5 }, "429s"))
          )
      ],
      tables: [
        {
          title: "Seconds of work",
          note: `From the first request to the last answer. Silent is an engine without \`/metrics\` and \`/info\`, of which nothing is known but its answers. What changes in mid-run changes on the A10G-like engine, with half of the rows; memory changes after half of the answers, and all in hand begins anew. A second replica is not told of.`,
          columns: [
            "",
            ...sizes.map((size) => `fixed ${size}`),
            "adaptive",
            "to the best",
            "429s",
            "silent",
            "to the best",
            "429s"
          ],
          rows: found.map(({ adaptive, fixed, one }) => [
            one.what,
            ...sizes.map((at) => fixed.find(({ size }) => size === at)?.workSeconds.toFixed(1) ?? ""),
            ...adaptive.flatMap(({ ratio, refused, workSeconds }) => [
              workSeconds.toFixed(1),
              ratio.toFixed(3),
              String(refused)
            ])
          ])
        }
      ],
      plots: [],
      notes: [
        "How the limit does it, with pictures of it at work, is on the page of [limits](limits.md), which `npm run limits` makes."
      ]
    }
  })
}
