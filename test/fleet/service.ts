/** The service in a process of its own, which outlives all others and counts how often each row is asked for. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Emulator, type Engine } from "@stint/emulator"
import { Clock, Effect, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import * as Batch from "./Batch.ts"
import type { Change } from "./Places.ts"
import * as Places from "./Places.ts"
import * as Process from "./Process.ts"

const place = Schema.decodeUnknownSync(Schema.fromJsonString(Places.ServicePlace))(process.argv[2])

const decodeBody = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Struct({ inputs: Schema.String })))

interface Counted {
  readonly row: number
  readonly worker: string
  readonly from: number
  to?: number
}

const executions: Array<Counted> = []
const done = new Set<number>()
const changes: Array<Change> = []

const counting: Engine.Engine = {
  name: "counting",
  healthRoute: "/health",
  handle: (request) =>
    request.method === "GET"
      ? Effect.succeed(HttpServerResponse.text("Ok"))
      : Effect.gen(function* () {
          const { inputs } = yield* Effect.flatMap(request.text, decodeBody)
          const row = Batch.numberOf(inputs)
          const from = yield* Clock.currentTimeMillis
          // Whoever is not there any more when it is answered has paid for it all the same.
          const execution: Counted = { row, worker: request.headers[Batch.SENDER] ?? "", from }
          executions.push(execution)
          yield* Effect.sleep(place.latencyMillis)
          execution.to = yield* Clock.currentTimeMillis
          done.add(row)
          return HttpServerResponse.jsonUnsafe(Batch.vectorOf(row))
        }).pipe(
          Effect.orElseSucceed(() => HttpServerResponse.jsonUnsafe({ error: "not a row" }, { status: 422 }))
        )
}

const NEVER = "never created"

const program = Effect.gen(function* () {
  const { endpoints, urls } = yield* Emulator.Emulator
  const endpoint = Effect.map(endpoints, (all) => all[0])
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        const state = (yield* endpoint)?.state ?? NEVER
        if (changes.at(-1)?.state !== state) changes.push({ at: yield* Clock.currentTimeMillis, state })
        yield* Effect.sleep("20 millis")
      })
    )
  )
  return yield* Process.serve({
    ready: Effect.succeed(true),
    urls: Effect.sync(() => ({ management: urls.management.href })),
    log: Effect.sync(() => ({ executions, changes }) as const).pipe(
      Effect.map(Schema.encodeSync(Places.Log)),
      Effect.map((log) => Schema.decodeUnknownSync(Schema.Json)(log))
    ),
    now: Effect.map(endpoint, (found) => ({
      state: found?.state ?? NEVER,
      done: done.size,
      backstopMinutes: found?.compute?.scaling?.scaleToZeroTimeout ?? 0
    }))
  })
}).pipe(
  Effect.scoped,
  Effect.provide(
    Emulator.layerServer({
      token: Batch.token,
      namespace: Batch.namespace,
      host: place.host,
      boot: "1 second",
      engines: () => counting
    })
  )
)

NodeRuntime.runMain(program)
