/** One way to send many requests, in a process of its own: `node bench/wireClient.ts <way> <url> <count> [<in flight> [<bytes>]]`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Inference, Job, Journal, Limit, Progress } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { Effect, FileSystem, Metric, Schema, Stream, Tracer } from "effect"
import { HttpClientRequest } from "effect/http"
import { type FileHandle, open } from "node:fs/promises"
import { Pool } from "undici"
import * as BenchEndpoint from "./endpoint.ts"
import { measure } from "./measured.ts"

const [, , way = "", url = "", count = "", inFlight = "64", bytes = "900"] = process.argv
const IN_FLIGHT = Number(inFlight)
const COUNT = Number(count)
/** As much as it takes until little is compiled any more. */
const WARM_UP = Math.min(20_000, COUNT)

const text = "the sea at night ".repeat(Math.ceil(Number(bytes) / 17))
/** No two requests are alike: what is alike is looked up in the journal. */
const bodyOf = (nth: number) => ({ id: String(nth), inputs: `${nth} ${text}`.slice(0, Number(bytes)) })

/** Takes answers, and makes them durable by group as a journal does: the least that it takes to be able to go on after a crash. */
const keeper = (path: string) => {
  let text = ""
  let held = 0
  let done = Promise.resolve()
  const flush = async (file: FileHandle, lines: string) => {
    await file.write(Buffer.from(lines))
    await file.sync()
  }
  return Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => open(path, "a")),
      (file) => Effect.promise(() => file.close())
    ),
    (file) => (id: string, output: unknown) => {
      text += `${JSON.stringify({ id, output })}\n`
      if (++held < 512) return
      const lines = text
      text = ""
      held = 0
      done = done.then(() => flush(file, lines))
    }
  )
}

/** The cheapest that undici offers of itself. */
const raw = (keep?: (id: string, output: unknown) => void) =>
  Effect.acquireRelease(
    Effect.sync(
      () => new Pool(url, { connections: IN_FLIGHT, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
    ),
    (pool) => Effect.promise(() => pool.destroy())
  ).pipe(
    Effect.map((pool) => (count: number) => {
      const headers = { "content-type": "application/json", authorization: "Bearer hf_bench" }
      let nth = 0
      const worker = async () => {
        while (nth < count) {
          const item = bodyOf(nth++)
          const body = JSON.stringify(item)
          const response = await pool.request({ path: "/", method: "POST", headers, body })
          const output: unknown = JSON.parse(await response.body.text())
          keep?.(item.id, output)
        }
      }
      return Effect.promise(() => Promise.all(Array.from({ length: IN_FLIGHT }, worker)))
    })
  )

/** The client alone. */
const client = Effect.map(UndiciClient.make(), (client) => {
  const send = (nth: number) =>
    Effect.flatMap(
      client.execute(
        HttpClientRequest.post(`${url}/`).pipe(
          HttpClientRequest.setHeader("authorization", "Bearer hf_bench"),
          HttpClientRequest.bodyText(JSON.stringify(bodyOf(nth)), "application/json")
        )
      ),
      ({ json }) => json
    )
  return (count: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, nth) => nth),
      send,
      { concurrency: IN_FLIGHT, discard: true }
    )
})

interface Item {
  readonly id: string
  readonly inputs: string
}

const job = Job.make({
  name: "echo",
  key: ({ id }: Item) => id,
  fingerprint: ({ inputs }) => inputs,
  output: Schema.Json,
  run: ({ id, inputs }) =>
    Effect.map(Inference.request({ path: "/", body: { id, inputs } }), ({ body }) => body)
})

function* items(count: number): Generator<Item> {
  for (let nth = 0; nth < count; nth++) yield bodyOf(nth)
}

/** The whole engine: classification, progress, metrics, a limit that decides for itself; a journal in a file, or none. */
const engine = ({ journal, requestSpans }: { readonly journal: boolean; readonly requestSpans: boolean }) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    return (count: number) =>
      Stream.fromIterable(items(count), { chunkSize: 64 }).pipe(
        Batch.run(job, {
          limit: Limit.adaptive({ initial: IN_FLIGHT, max: IN_FLIGHT }),
          progress: Progress.make({ total: count }),
          requestSpans
        }),
        Effect.tap((report) =>
          report.succeeded === count ? Effect.void : Effect.die(`${report.succeeded} of ${count} succeeded`)
        ),
        (run) =>
          journal
            ? Effect.provide(run, Journal.layerFile(`${directory}/${count}-${performance.now()}.jsonl`))
            : run,
        Effect.provide(BenchEndpoint.layer(url))
      )
  })

/** Any but the native one: with that a request makes no spans, whoever asks. */
const tracer = Tracer.make({ span: (options) => new Tracer.NativeSpan(options) })

/** What an exporter does: reads every metric once a second. */
const exporter = Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), Metric.snapshot)))

const warm = <A, E, R>(run: (count: number) => Effect.Effect<A, E, R>) =>
  Effect.andThen(run(WARM_UP), measure(run(COUNT), COUNT))

const program = Effect.gen(function* () {
  if (way === "raw") return yield* warm(yield* raw())
  if (way === "kept") {
    const fs = yield* FileSystem.FileSystem
    const keep = yield* keeper(`${yield* fs.makeTempDirectoryScoped()}/kept.jsonl`)
    return yield* warm(yield* raw(keep))
  }
  if (way === "client") return yield* warm(yield* client)
  if (way === "exported") yield* exporter
  const run = warm(yield* engine({ journal: way !== "forgetful", requestSpans: way === "spans" }))
  return yield* way === "spans" ? Effect.withTracer(run, tracer) : run
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

await Effect.runPromise(program)
