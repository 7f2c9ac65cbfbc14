/** What others would pay for the reference job: each behaviour replayed against the same emulator, engine and rows. */
import { Batch, Journal, Progress, withEndpoint } from "@stint/batch"
import { type EndpointSpec, Endpoints } from "@stint/core"
import { Clock, Console, Duration, Effect, Stream } from "effect"
import { type HttpClient, HttpClientRequest } from "effect/http"
import type { Bench } from "./harness/bench.ts"
import { figure } from "./harness/result.ts"
import { type Subject, a10g, h200, makespan } from "./money/gpus.ts"
import { type Account, BILLED_BOOT_SECONDS, account, job, name, specOf } from "./money/world.ts"
import { type Row, promptOf, rowsOf } from "./money/rows.ts"

type Services =
  Parameters<typeof account<number>>[1] extends Effect.Effect<number, unknown, infer R> ? R : never

interface Behaviour {
  readonly what: string
  readonly who: string
  readonly isOurs?: boolean
  readonly spec?: Partial<EndpointSpec.EndpointSpec>
  /** The whole of it, until nobody pays any more; gives the rows that are good in the end. */
  readonly run: (
    rows: ReadonlyArray<Row>,
    spec: EndpointSpec.EndpointSpec
  ) => Effect.Effect<number, unknown, Services>
}

/** One request without any care: an answer, or a lost row. */
const ask = (client: HttpClient.HttpClient) => (row: Row) =>
  client
    .execute(
      HttpClientRequest.post("/v1/chat/completions").pipe(
        HttpClientRequest.bodyJsonUnsafe({
          model: "stint/simulated",
          messages: [{ role: "user", content: promptOf(row) }],
          max_tokens: 1024
        })
      )
    )
    .pipe(
      Effect.flatMap((response) => Effect.as(response.text, response.status === 200)),
      Effect.orElseSucceed(() => false)
    )

type Ask = ReturnType<typeof ask>

/** Creates the endpoint, waits until it is ready, and works. */
const awake = Effect.fnUntraced(function* (spec: EndpointSpec.EndpointSpec) {
  const endpoints = yield* Endpoints.Endpoints
  yield* endpoints.create(name, spec)
  return ask(endpoints.clientFor(yield* endpoints.awaitReady(name)))
})

const pause = Effect.flatMap(Endpoints.Endpoints, (endpoints) => endpoints.pause(name))

const good = (answers: ReadonlyArray<boolean>) => answers.filter(Boolean).length

const gather = (ask: Ask, rows: ReadonlyArray<Row>, concurrency: number) =>
  Effect.map(Effect.forEach(rows, ask, { concurrency }), good)

/** So many at once, and paused as soon as all are done. */
const inFlight = (concurrency: number): Behaviour["run"] =>
  Effect.fnUntraced(function* (rows, spec) {
    const done = yield* gather(yield* awake(spec), rows, concurrency)
    yield* pause
    return done
  })

/** So many at once, and then nobody looks for a while. */
const left = (concurrency: number, time: Duration.Input): Behaviour["run"] =>
  Effect.fnUntraced(function* (rows, spec) {
    const done = yield* gather(yield* awake(spec), rows, concurrency)
    yield* Effect.sleep(time)
    return done
  })

/** The next fifty go when the last of fifty is there. */
const inSteps: Behaviour["run"] = Effect.fnUntraced(function* (rows, spec) {
  const one = yield* awake(spec)
  let done = 0
  for (let from = 0; from < rows.length; from += 50)
    done += yield* gather(one, rows.slice(from, from + 50), 50)
  yield* Effect.sleep("70 minutes")
  return done
})

/** No more than 100,000 tokens a minute, prompts and longest answers together as they are counted before they are sent. */
const capped: Behaviour["run"] = Effect.fnUntraced(function* (rows, spec) {
  const one = yield* awake(spec)
  const from = yield* Clock.currentTimeMillis
  let tokens = 0
  const answers = yield* Effect.forEach(
    rows,
    (row) =>
      Effect.gen(function* () {
        const at = from + (tokens / 100_000) * 60_000
        tokens += row.promptTokens + row.outputTokens
        yield* Effect.sleep(Math.max(0, at - (yield* Clock.currentTimeMillis)))
        return yield* one(row)
      }),
    { concurrency: 100 }
  )
  yield* pause
  return good(answers)
})

/** It dies when nine tenths are done; nothing was kept, and all of it is done again. */
const again: Behaviour["run"] = Effect.fnUntraced(function* (rows, spec) {
  const one = yield* awake(spec)
  yield* gather(one, rows.slice(0, Math.floor(rows.length * 0.9)), 100)
  const done = yield* gather(one, rows, 100)
  yield* pause
  return done
})

const ours: Behaviour["run"] = (rows, spec) =>
  Effect.map(Batch.runOn(Stream.fromIterable(rows), { name, spec }, job), ({ succeeded }) => succeeded)

/** It dies when nine tenths are done, with what was in flight, and is started again at once. */
const oursAgain: Behaviour["run"] = (rows, spec) =>
  Effect.gen(function* () {
    const progress = Progress.make({ total: rows.length })
    const dies = Effect.gen(function* () {
      while (progress.cells.succeeded < rows.length * 0.9) yield* Effect.sleep("100 millis")
    })
    yield* withEndpoint({ name, spec, onRelease: "keep" }, () =>
      Effect.raceFirst(
        Batch.run(Stream.fromIterable(rows), job, { progress, identity: Batch.identityFromSpec(spec) }),
        dies
      )
    )
    const report = yield* Batch.runOn(Stream.fromIterable(rows), { name, spec }, job)
    return report.succeeded + report.skipped
  }).pipe(Effect.provide(Journal.layerMemory))

const never = { minReplica: 1 }

const behaviours_: ReadonlyArray<Behaviour> = [
  { what: "`Batch.runOn`, nothing configured", who: "ours", isOurs: true, run: ours },
  {
    what: "100 in flight, paused at once",
    who: "`asyncio.gather`, when nothing is refused",
    run: inFlight(100)
  },
  { what: "4 in flight", who: "LiteLLM's executed batch", run: inFlight(4) },
  { what: "1 in flight", who: "the synchronous guide, lighteval, lm-eval, Ray over HTTP", run: inFlight(1) },
  { what: "100,000 tokens a minute", who: "curator's default", run: capped },
  {
    what: "50 at a time, then idle for an hour to zero",
    who: "distilabel on an endpoint made in the browser",
    spec: { scaleToZeroTimeout: Duration.minutes(60) },
    run: inSteps
  },
  {
    what: "killed after the last answer, 15 min to zero",
    who: "ours, when even its guardian dies",
    isOurs: true,
    run: left(100, "40 minutes")
  },
  {
    what: "killed after the last answer, 60 min to zero",
    who: "an endpoint made in the browser",
    spec: { scaleToZeroTimeout: Duration.minutes(60) },
    run: left(100, "90 minutes")
  },
  {
    what: "killed on Friday, found after 60 hours",
    who: "an endpoint made by the API, which never sleeps",
    spec: never,
    run: left(100, "60 hours")
  },
  { what: "killed at 90 %, all done again", who: "what keeps no journal", run: again },
  { what: "killed at 90 %, started again", who: "ours", isOurs: true, run: oursAgain }
]

interface Line {
  readonly behaviour: Behaviour
  readonly paid: Account<number>
}

/** US dollars for an hour, as the emulator bills. */
const priceOf = ({ instanceType }: Subject) => (instanceType === a10g.instanceType ? 1 : 5)

const dollarsOf = ({ paid }: Line) => (paid.dollars * 1000) / paid.value

const replay = (subject: Subject, rows: ReadonlyArray<Row>) =>
  Effect.forEach(behaviours_, (behaviour) =>
    Effect.gen(function* () {
      const paid = yield* account(subject, behaviour.run(rows, specOf(subject, behaviour.spec)))
      yield* Console.error(
        `behaviours: ${subject.id}, ${behaviour.what}: ${paid.billedMinutes} min, ${paid.value} good rows`
      )
      const line: Line = { behaviour, paid }
      return line
    })
  )

export const behaviours: Bench = {
  name: "behaviours",
  title: "What others would pay",
  run: Effect.fnUntraced(function* ({ isQuick, seed }) {
    const count = isQuick ? 300 : 3000
    const rows = rowsOf(count, seed)
    const small = yield* replay(a10g, rows)
    const large = isQuick ? [] : yield* replay(h200, rows)
    const replayed = [
      { subject: a10g, lines: small },
      { subject: h200, lines: large }
    ].filter(({ lines }) => lines.length > 0)
    const both = yield* Effect.forEach(replayed, (one) =>
      Effect.map(makespan(one.subject.gpu, rows), (seconds) => ({
        ...one,
        floorMinutes: Math.ceil((BILLED_BOOT_SECONDS + seconds) / 60)
      }))
    )
    return {
      figures: both.flatMap(({ lines, subject }) => {
        const [first, gathered] = lines
        return first === undefined || gathered === undefined
          ? []
          : [
              figure(
                `$ per 1,000 good rows, ours to 100 in flight: ${subject.id}`,
                [dollarsOf(first) / dollarsOf(gathered)],
                { most: 1 }
              )
            ]
      }),
      tables: [
        {
          title: `${count.toLocaleString("en")} rows, in dollars per 1,000 good rows`,
          note: both
            .map(({ subject }) => `${subject.id}: ${subject.name}, $${priceOf(subject)} an hour.`)
            .join(" "),
          columns: [
            "behaviour",
            "whose",
            "good rows",
            ...both.flatMap(({ subject: { id } }) => [`${id}: minutes`, `${id}: $ per 1,000`, "to ours"])
          ],
          rows: [
            [
              "floor: never idle, gone with the last answer",
              "nobody's",
              count.toLocaleString("en"),
              ...both.flatMap(({ floorMinutes, lines: [first], subject }) => {
                const dollars = (floorMinutes * priceOf(subject) * 1000) / 60 / count
                return [
                  floorMinutes.toLocaleString("en"),
                  dollars.toFixed(3),
                  first === undefined ? "" : (dollars / dollarsOf(first)).toFixed(2)
                ]
              })
            ],
            ...behaviours_.map((behaviour, nth) => {
              const replayed = both.flatMap(({ lines }) => {
                const [first, line] = [lines[0], lines[nth]]
                return first === undefined || line === undefined ? [] : [{ first, line }]
              })
              return [
                behaviour.what,
                behaviour.who,
                [...new Set(replayed.map(({ line }) => line.paid.value.toLocaleString("en")))].join(" and "),
                ...replayed.flatMap(({ first, line }) => [
                  line.paid.billedMinutes.toLocaleString("en"),
                  dollarsOf(line).toFixed(3),
                  (dollarsOf(line) / dollarsOf(first)).toFixed(2)
                ])
              ]
            })
          ]
        }
      ],
      plots: both.map(({ lines, subject }) => ({
        kind: "bars" as const,
        id: `behaviours-${subject.id}`,
        title: `Dollars per 1,000 good rows, ${subject.name}`,
        x: "US dollars per 1,000 good rows; each line is ten times the one before",
        isLog: true,
        bars: lines.map((line) => ({
          label: line.behaviour.what.replaceAll("`", ""),
          value: dollarsOf(line),
          text: `$${dollarsOf(line).toFixed(3)}`,
          isOurs: line.behaviour.isOurs === true
        }))
      })),
      notes: [
        "Every line is billed by the emulator's meter, each started minute whole, a boot of four minutes with it. The second column says whose default or documented way a behaviour is; it is the behaviour that is replayed, not that program."
      ]
    }
  })
}
