/**
 * How good the adaptive limit is: `npm run limits` runs a reference job under fixed limits and under the adaptive one, on
 * simulated engines in virtual time, and writes docs/limits.md with its pictures. `npm run limits -- 300` prints the table of
 * so many rows and writes nothing.
 */
import { Limit } from "@stint/batch"
import { GpuModel } from "@stint/emulator"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { draw } from "./limitsPlot.ts"
import { type Change, type Result, type Studied, simulate } from "./limitsWorld.ts"

const home = path.resolve(import.meta.dirname, "../docs")

interface Subject {
  readonly id: string
  readonly name: string
  readonly studied: Studied
  readonly fixed: ReadonlyArray<number>
}

const sizes = [8, 32, 64, 128, 256, 512, 1024]

const subjects: ReadonlyArray<Subject> = [
  {
    id: "small-gpu",
    name: "A small GPU that queues (vLLM, memory for 77,000 tokens)",
    studied: { gpu: GpuModel.a10g },
    fixed: sizes
  },
  {
    id: "large-gpu",
    name: "A large GPU that queues (vLLM, memory for 600,000 tokens)",
    studied: { gpu: GpuModel.h200 },
    fixed: sizes
  },
  {
    id: "refusing",
    name: "A small GPU that refuses (TGI, 429 above 128)",
    studied: { gpu: GpuModel.a10g, refusesAbove: 128 },
    fixed: sizes.filter((size) => size <= 256)
  }
]

const adaptives = [
  { label: "adaptive", limit: Limit.adaptive(), tells: true },
  { label: "adaptive, without `/metrics`", limit: Limit.adaptive({ metrics: false }), tells: true },
  { label: "adaptive, without `/metrics` and `/info`", limit: Limit.adaptive(), tells: false }
]

interface Row {
  readonly label: string
  readonly result: Result
}

const measure = async (label: string, options: Parameters<typeof simulate>[0]): Promise<Row> => {
  const result = await Effect.runPromise(simulate(options))
  console.error(`${label}: ${result.seconds.toFixed(1)} s, ${result.refusals} refusals`)
  return { label, result }
}

const runAll = async (studied: Studied, rows: number, fixed: ReadonlyArray<number>) => {
  const all: Array<Row> = []
  for (const size of fixed) {
    all.push(await measure(`fixed ${size}`, { ...studied, rows, limit: Limit.fixed(size) }))
  }
  for (const { label, limit, tells } of adaptives) {
    if (tells || studied.change === undefined)
      all.push(await measure(label, { ...studied, rows, limit, tells }))
  }
  return all
}

const table = (all: ReadonlyArray<Row>) => {
  const best = Math.min(
    ...all.filter(({ label }) => label.startsWith("fixed")).map(({ result }) => result.seconds)
  )
  return [
    "| limit | seconds | to the best fixed one | billed minutes | refusals | mean in flight |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...all.map(({ label, result }) => {
      const ratio = result.seconds / best
      const cells = [
        result.seconds.toFixed(1),
        ratio.toFixed(3),
        result.billedMinutes,
        result.refusals.toLocaleString("en"),
        Math.round(result.meanInFlight)
      ]
      return `| ${label} | ${cells.join(" | ")} |`
    })
  ].join("\n")
}

const changes: ReadonlyArray<{ readonly what: Change; readonly after: number; readonly name: string }> = [
  { what: "longer", after: 750, name: "Answers two and a half times as long from the 750th request on" },
  { what: "replica", after: 70, name: "A second replica after 100 seconds" }
]

const find = (all: ReadonlyArray<Row>, label: string) => {
  const result = all.find((row) => row.label === label)?.result
  return { label: `${label}: ${Math.round(result?.seconds ?? 0)} s`, moments: result?.moments ?? [] }
}

const picture = (id: string, title: string, all: ReadonlyArray<Row>, fixed: ReadonlyArray<number>) => {
  const svg = draw({
    title,
    adaptive: find(all, "adaptive"),
    fixed: fixed.map((size) => find(all, `fixed ${size}`))
  })
  fs.mkdirSync(path.join(home, "limits"), { recursive: true })
  fs.writeFileSync(path.join(home, "limits", `${id}.svg`), svg)
  return `![${title}: requests in flight over time](limits/${id}.svg)`
}

const introduction = `# Limits: how many requests at once

A limit bounds how many requests are in flight. Too few leave a GPU idle that is paid for; too many are refused, or wait in
the engine's own queue, where they time out. The default, \`Limit.adaptive()\`, finds the number itself. This page says how,
and what that costs against the best number one could have known before.

| limit | is |
| --- | --- |
| \`Limit.adaptive()\` | the default: begins with what the engine says of itself, and follows what it bears |
| \`Limit.fixed(n)\` | exactly n |
| \`Limit.rate({ requestsPerMinute, tokensPerMinute, within })\` | so much a minute, within another limit |

## How the adaptive limit works

1. **It begins high.** With \`initial\`, else with the \`max_concurrent_requests\` that TGI and TEI tell on \`/info\` (192 at most),
   else with vLLM's \`--max-num-seqs\` (256 at most), else with 192 a ready replica on vLLM and SGLang, which queue whatever
   comes, and 64 elsewhere. A ramp from 1 costs more than any later mistake.
2. **It grows with each answer**, by one, while rows wait and at least 80 % of it are used; by two before the first round of
   answers is over. 512 a replica are the most while nothing but answers is known, \`max\` (4,096) in any case.
3. **A refusal (429) takes a fifth**, once a round trip. What was in flight is remembered as the ceiling; each round of answers
   takes half of the way back to it, and none goes past it. After five minutes without a refusal one more is tried, then two
   more, then four; if that is refused, the next try waits twice as long.
4. **The engine's own numbers decide where they can be read**: \`/metrics\` of vLLM, SGLang, TGI and llama.cpp, every second for
   the first 15 readings and every two seconds afterwards. About a tenth of what runs is to wait in the engine, 2 at least.
   More than twice that: the limit falls by half of what is too much. Less than half: it grows by half. TEI tells its queue
   alone: there as much is to wait as runs. 401, 403, 404, or a text that cannot be read: it is not asked again. Other
   failures: it is asked less and less, once a minute at last. Nothing is asked while nothing is answered.
5. **Without them goodput decides.** A round is as many answers as may be in flight. After two rounds with less than 5 % more
   answers and tokens a second, the limit stays at 1.25 times the best size. A quarter more is tried after a minute, and later
   after up to ten. When tokens fall below 70 % of the best for two rounds, it is found anew.
6. **Delay alone decides nothing.** A batching engine gets slower with every request, long before it is full.
7. **Replicas count.** Every 15 seconds, or every minute where the endpoint can have one replica alone, the number of ready
   replicas is read, and the limit goes with it. A proxy gives each reading of \`/metrics\` to one replica: the mean of as many
   readings as there are replicas, eight at most, stands for each of them.
8. **An endpoint that was away** begins anew with what it began with; the ceiling is remembered.

## How it is measured

\`npm run limits\` runs the real batch engine against the emulator in virtual time. The language model is only its time: a model
of continuous batching (\`GpuModel\`) like an A10G and like an H200. The job is 3,000 rows with 981 tokens in and 238 out on
average, log-normal, cut at 1,024. Seconds are those of the batch; billed minutes hold the cold start of four minutes as well.
No row of any table is a measurement of a real GPU, and there is no network in between. On the engine that refuses, 3,000 rows
under a fixed limit of 256 do not end at all: rows are refused for ten minutes, fail, and stop the run.
`

const only = process.argv[2]
if (only !== undefined) {
  for (const { fixed, name, studied } of subjects) {
    console.log(`${name}\n\n${table(await runAll(studied, Number(only), fixed))}\n`)
  }
} else {
  const sections: Array<string> = [introduction]
  for (const { fixed, id, name, studied } of subjects) {
    sections.push(`## ${name}\n`)
    const all = await runAll(
      studied,
      3000,
      fixed.filter((size) => size <= (studied.refusesAbove ?? size))
    )
    sections.push(
      `${picture(id, name, all, studied.refusesAbove === undefined ? [32, 128, 512] : [32, 64, 128])}\n`
    )
    sections.push(`3,000 rows:\n\n${table(all)}\n`)
    sections.push(`300 rows, where the ramp weighs most:\n\n${table(await runAll(studied, 300, fixed))}\n`)
  }
  sections.push("## What changes in mid-run\n\nThe small GPU that queues, and 1,500 rows.\n")
  for (const { after, name, what } of changes) {
    const studied: Studied = { gpu: GpuModel.a10g, change: { what, after } }
    const all = await runAll(studied, 1500, [64, 128, 512])
    sections.push(`### ${name}\n\n${picture(what, name, all, [64, 128, 512])}\n\n${table(all)}\n`)
  }
  fs.writeFileSync(path.join(home, "limits.md"), sections.join("\n"))
}
