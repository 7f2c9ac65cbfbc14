/** What each does when the endpoint refuses, sleeps or is paused on the way: requests sent, rows lost, time. */
import { Emulator, Engine, Scenario } from "@stint/emulator"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Clock, Console, Effect, Layer, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import { UndiciClient } from "@stint/batch/node"
import { Fared } from "./fared.ts"
import type { Bench } from "./harness/bench.ts"
import * as Program from "./harness/program.ts"
import { figure } from "./harness/result.ts"
import { labels, ways as theirs } from "./peerWays.ts"

const ways = ["ours", "single", ...theirs] as const

const troubles = ["nothing", "refusals", "cold", "paused"] as const

type Trouble = (typeof troubles)[number]

const titles: Readonly<Record<Trouble, string>> = {
  nothing: "Nothing",
  refusals: "429 for two seconds",
  cold: "It falls asleep: 503 until it has booted again, 4 seconds",
  paused: "Somebody pauses it: 400 for good"
}

const labelOf = (way: (typeof ways)[number]) =>
  way === "ours"
    ? "`Batch.run`, as it comes (32 texts a request)"
    : way === "single"
      ? "`Batch.run`, one text a request"
      : labels[way]

const ROWS = 960
/** After so many texts it begins. */
const AFTER = 290
const TAKES = 60
const REFUSES_FOR = 2000
/** As TEI has it. */
const LARGEST = 32

const vector = Array.from({ length: 64 }, (_, at) => Math.sin(at))

const Input = Schema.fromJsonString(
  Schema.Struct({
    inputs: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)])),
    input: Schema.optionalKey(Schema.Union([Schema.String, Schema.Array(Schema.String)]))
  })
)
const decode = Schema.decodeEffect(Input)

/** Answers after a while, and refuses for a while where that is the trouble. */
const engineOf = (trouble: string): Engine.Engine => {
  let texts = 0
  let calmAt = 0
  return {
    name: "bench",
    healthRoute: "/health",
    handle: (request) =>
      Effect.gen(function* () {
        const path = Engine.path(request)
        if (request.method === "GET") {
          return path === "/info"
            ? HttpServerResponse.jsonUnsafe({
                model_id: "bench",
                model_type: { embedding: { pooling: "mean" } },
                max_concurrent_requests: 512,
                max_client_batch_size: LARGEST,
                max_input_length: 512,
                max_batch_tokens: 16384,
                version: "1.8.0"
              })
            : HttpServerResponse.empty({ status: path === "/health" ? 200 : 404 })
        }
        const body = yield* Effect.flatMap(request.text, decode)
        const given = body.input ?? body.inputs ?? ""
        const isList = typeof given !== "string"
        const count = isList ? given.length : 1
        if (count > LARGEST) {
          const error = `batch size ${count} > maximum allowed batch size ${LARGEST}`
          return HttpServerResponse.jsonUnsafe({ error, error_type: "Validation" }, { status: 422 })
        }
        const now = yield* Clock.currentTimeMillis
        if (trouble === "refusals" && texts < AFTER && texts + count >= AFTER) calmAt = now + REFUSES_FOR
        if (now < calmAt) {
          texts = Math.max(texts, AFTER)
          return HttpServerResponse.jsonUnsafe(
            { error: "Model is overloaded", error_type: "overloaded" },
            { status: 429 }
          )
        }
        texts += count
        yield* Effect.sleep(TAKES)
        if (path !== "/v1/embeddings") {
          return HttpServerResponse.jsonUnsafe(isList ? given.map(() => vector) : [vector])
        }
        const data = Array.from({ length: count }, (_, index) => ({
          object: "embedding",
          index,
          embedding: vector
        }))
        return HttpServerResponse.jsonUnsafe({
          object: "list",
          data,
          model: "bench",
          usage: { prompt_tokens: 1, total_tokens: 1 }
        })
      }).pipe(Effect.orDie)
  }
}

/** Ours sends fewer requests for as many texts. */
const firstStruck = (way: string) => (way === "ours" ? Math.ceil(AFTER / LARGEST) : AFTER)

const nameOf = (trouble: Trouble, way: string) => `${trouble}-${way}`.toLowerCase()

const scenario = Scenario.make({
  rules: (["cold", "paused"] as const).flatMap((trouble) =>
    ways.map((way) => ({
      on: {
        plane: "data" as const,
        method: "POST",
        endpoint: nameOf(trouble, way),
        from: firstStruck(way),
        to: firstStruck(way)
      },
      do: { state: trouble === "cold" ? "scaledToZero" : "paused" }
    }))
  )
})

const specOf = (trouble: Trouble, way: string) =>
  EndpointSpec.make({
    // The engine is chosen by it.
    repository: `${trouble}/${way}`,
    task: "feature-extraction",
    accelerator: "cpu",
    vendor: "aws",
    region: "us-east-1",
    instanceType: "intel-spr",
    instanceSize: "x1",
    image: { tei: { url: "ghcr.io/huggingface/text-embeddings-inference" } }
  })

interface Line {
  readonly trouble: Trouble
  readonly way: (typeof ways)[number]
  readonly fared: typeof Fared.Type
  readonly requests: number
  readonly refused: number
}

const decodeFared = Schema.decodeEffect(Fared)

const measure = Effect.fnUntraced(function* (trouble: Trouble, way: (typeof ways)[number]) {
  const { log, urls } = yield* Emulator.Emulator
  const endpoints = yield* Endpoints.Endpoints
  const name = nameOf(trouble, way)
  yield* endpoints.create(name, specOf(trouble, way))
  const { url } = yield* endpoints.awaitReady(name)
  const fared = yield* Effect.flatMap(
    Program.ended("faultClient.ts", [way, name, urls.management.href, url?.origin ?? "", String(ROWS)]),
    decodeFared
  )
  const sent = (yield* log).filter(
    (record) => record.endpoint === name && record.plane === "data" && record.method === "POST"
  )
  yield* endpoints.delete(name)
  const line: Line = {
    trouble,
    way,
    fared,
    requests: sent.length,
    refused: sent.filter(({ status }) => status !== 200).length
  }
  yield* Console.error(
    `faults: ${trouble}, ${way}: ${fared.failed} lost, ${line.requests} sent, ${fared.firstError}`
  )
  return line
})

const world = Layer.provideMerge(
  Emulator.layerEndpoints,
  Layer.mergeAll(
    Emulator.layerServer({
      boot: "4 seconds",
      logCapacity: 1_000_000,
      scenario,
      engines: ({ repository }) => engineOf(repository.slice(0, repository.indexOf("/")))
    }),
    UndiciClient.layer()
  )
)

const lostBy = (lines: ReadonlyArray<Line>, way: string) =>
  lines.filter((line) => line.way === way).reduce((sum, { fared }) => sum + fared.failed, 0)

export const faults: Bench = {
  name: "faults",
  title: "Trouble on the way",
  run: Effect.fnUntraced(function* ({ isQuick }) {
    const lines = yield* Effect.forEach(isQuick ? (["refusals", "paused"] as const) : troubles, (trouble) =>
      Effect.forEach(ways, (way) => measure(trouble, way), { concurrency: 2 })
    ).pipe(
      Effect.map((all) => all.flat()),
      Effect.provide(world)
    )
    return {
      figures: [
        figure(
          "rows that a run gives up in trouble that is no row's",
          [lostBy(lines, "ours") + lostBy(lines, "single")],
          { most: 0 },
          "rows"
        )
      ],
      tables: troubles.flatMap((trouble) => {
        const of = lines.filter((line) => line.trouble === trouble)
        return of.length === 0
          ? []
          : [
              {
                title: titles[trouble],
                columns: [
                  "",
                  "rows done",
                  "rows given up",
                  "rows left for a rerun",
                  "requests",
                  "not 200",
                  "seconds"
                ],
                rows: of.map(({ fared, refused, requests, way }) => [
                  labelOf(way),
                  String(fared.succeeded),
                  String(fared.failed),
                  String(fared.left),
                  requests.toLocaleString("en"),
                  refused.toLocaleString("en"),
                  fared.seconds.toFixed(1)
                ])
              }
            ]
      }),
      plots: [],
      notes: [
        `${ROWS} texts, 64 in flight, 60 ms each, against the emulator on sockets; the trouble begins when less than a third is done. Nothing was configured but the number in flight, and the others' errors were caught row by row where their interface has rows. \`embedMany\` as it comes sends up to 2,048 texts a request, of which TEI takes ${LARGEST}; it gives all vectors or none. Rows left for a rerun are in nobody's list of errors: the journal knows what is done.`
      ]
    }
  })
}
