/** One way to send many small requests, in a process of its own: `node bench/wireClient.ts <way> <url> <count>`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Inference, Job, Journal, Limit, Progress } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { Effect, FileSystem, Schema, Stream } from "effect"
import { HttpClientRequest } from "effect/http"
import { Pool } from "undici"
import * as BenchEndpoint from "./endpoint.ts"
import { measure } from "./measured.ts"

const IN_FLIGHT = 64
const WARM_UP = 5000

const text = "the sea at night ".repeat(60).slice(0, 900)
const bodyOf = (nth: number) => ({ id: String(nth), inputs: text })

/** The cheapest that undici offers of itself. */
const raw = (url: string) =>
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
          const body = JSON.stringify(bodyOf(nth++))
          const response = await pool.request({ path: "/", method: "POST", headers, body })
          JSON.parse(await response.body.text())
        }
      }
      return Effect.promise(() => Promise.all(Array.from({ length: IN_FLIGHT }, worker)))
    })
  )

/** The client alone. */
const client = (url: string) =>
  Effect.map(UndiciClient.make(), (client) => {
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

/** The whole engine: journal in a file, classification, progress, a limit that decides for itself. */
const engine = (url: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    return (count: number) =>
      Stream.fromIterable(items(count)).pipe(
        Batch.run(job, {
          limit: Limit.adaptive({ initial: IN_FLIGHT, max: IN_FLIGHT }),
          progress: Progress.make({ total: count })
        }),
        Effect.tap((report) =>
          report.succeeded === count ? Effect.void : Effect.die(`${report.succeeded} of ${count} succeeded`)
        ),
        Effect.provide(Journal.layerFile(`${directory}/${count}.jsonl`))
      )
  }).pipe(Effect.map((run) => (count: number) => run(count).pipe(Effect.provide(BenchEndpoint.layer(url)))))

const [, , way = "", url = "", count = ""] = process.argv

const warm = <A, E, R>(run: (count: number) => Effect.Effect<A, E, R>) =>
  Effect.andThen(run(WARM_UP), measure(run(Number(count)), Number(count)))

const program = Effect.gen(function* () {
  if (way === "raw") return yield* warm(yield* raw(url))
  if (way === "client") return yield* warm(yield* client(url))
  return yield* warm(yield* engine(url))
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

await Effect.runPromise(program)
