/** How soon a run notices that its endpoint is ready, and how often it asks. */
import { type ManagedEndpoint, withEndpoint } from "@stint/batch"
import { Emulator, type Engine } from "@stint/emulator"
import { Clock, Duration, Effect } from "effect"
import { HttpServerResponse } from "effect/http"
import { inVirtualTime } from "../scripts/limitsWorld.ts"
import type { Bench } from "./harness/bench.ts"
import { figure } from "./harness/result.ts"
import { median, random } from "./harness/statistics.ts"
import { a10g } from "./money/gpus.ts"
import { specOf } from "./money/world.ts"

const name = "ready"

const healthy: Engine.Engine = {
  name: "healthy",
  healthRoute: "/health",
  handle: () => Effect.succeed(HttpServerResponse.empty({ status: 200 }))
}

/** One cold start of so many seconds: how late it was noticed, and the management calls meanwhile. */
const start = (bootSeconds: number) =>
  Effect.gen(function* () {
    let createdAt: number | undefined
    let readyAt = 0
    let calls = 0
    const onEvent = (event: ManagedEndpoint.Event) =>
      event._tag === "Ready"
        ? Effect.map(Clock.currentTimeMillis, (now) => {
            readyAt = now
          })
        : Effect.void
    yield* withEndpoint({ name, spec: specOf(a10g), onEvent }, () => Effect.void).pipe(
      Effect.provide(
        Emulator.layerTest(undefined, {
          boot: Duration.seconds(bootSeconds),
          engines: () => healthy,
          onRequest: ({ method, plane, time }) =>
            Effect.sync(() => {
              if (plane !== "management") return
              if (method === "POST") createdAt ??= time
              else if (createdAt !== undefined && readyAt === 0) calls++
            })
        })
      )
    )
    const waited = (readyAt - (createdAt ?? 0)) / 1000
    return { late: waited - bootSeconds, callsPerSecond: calls / waited }
  }).pipe(inVirtualTime, Effect.orDie)

export const ready: Bench = {
  name: "ready",
  title: "Ready, noticed",
  run: Effect.fnUntraced(function* ({ isQuick, rounds = isQuick ? 15 : 101, seed }) {
    const next = random(seed)
    const boots = Array.from({ length: rounds }, () => 60 + 360 * next())
    const starts = yield* Effect.forEach(boots, start)
    const late = starts.map((one) => one.late)
    const sorted = late.toSorted((a, b) => a - b)
    return {
      figures: [
        figure("from ready to noticed", late, { most: 1 }, "s"),
        figure(
          "management calls while it boots",
          starts.map((one) => one.callsPerSecond),
          { most: 0.5 },
          "/s"
        )
      ],
      tables: [
        {
          title: `${rounds} cold starts of one to seven minutes`,
          columns: ["", "median", "most"],
          rows: [
            ["noticed after, s", median(late).toFixed(2), (sorted.at(-1) ?? 0).toFixed(2)],
            [
              "management calls a second",
              median(starts.map((one) => one.callsPerSecond)).toFixed(2),
              Math.max(...starts.map((one) => one.callsPerSecond)).toFixed(2)
            ]
          ]
        }
      ],
      plots: [],
      notes: [
        "Virtual time, and no network: what it takes to answer comes on top. The default schedule asks every second for five minutes, then every five seconds: that is where the calls come from, and what is noticed latest."
      ]
    }
  })
}
