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
import { NETWORK, specOf } from "./money/world.ts"

const name = "ready"

const healthy: Engine.Engine = {
  name: "healthy",
  healthRoute: "/health",
  handle: () =>
    Effect.as(Effect.sleep(Duration.millis(NETWORK.data)), HttpServerResponse.empty({ status: 200 }))
}

/** One cold start of so many seconds: how late it was noticed, and the management calls meanwhile. */
const start = (bootSeconds: number, management: number) =>
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
        Emulator.layerTest(
          {
            rules: [{ on: { plane: "management" }, do: { delay: Duration.millis(management) } }]
          },
          {
            boot: Duration.seconds(bootSeconds),
            engines: () => healthy,
            onRequest: ({ method, plane, time }) =>
              Effect.sync(() => {
                if (plane !== "management") return
                if (method === "POST") createdAt ??= time
                else if (createdAt !== undefined && readyAt === 0) calls++
              })
          }
        )
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
    const starts = yield* Effect.forEach(boots, (boot) => start(boot, NETWORK.management))
    // The sooner it answers, the more is asked.
    const swift = yield* Effect.forEach(boots, (boot) => start(boot, 0))
    const late = starts.map((one) => one.late)
    const rates = (of: typeof starts) => of.map((one) => one.callsPerSecond)
    const mean = (of: typeof starts) => rates(of).reduce((sum, rate) => sum + rate, 0) / of.length
    const most = (of: ReadonlyArray<number>) => Math.max(...of).toFixed(2)
    return {
      figures: [
        figure("from ready to noticed", late, { most: 1 }, "s"),
        figure("management calls while it boots, on average", [mean(starts)], { most: 0.5 }, "/s"),
        figure("the same, where they are answered at once", [mean(swift)], { most: 0.5 }, "/s")
      ],
      tables: [
        {
          title: `${rounds} cold starts of one to seven minutes`,
          columns: ["", "median", "mean", "most"],
          rows: [
            [
              "noticed after, s",
              median(late).toFixed(2),
              (late.reduce((sum, one) => sum + one, 0) / late.length).toFixed(2),
              most(late)
            ],
            [
              "management calls a second",
              median(rates(starts)).toFixed(2),
              mean(starts).toFixed(2),
              most(rates(starts))
            ]
          ]
        }
      ],
      plots: [],
      notes: [
        `Virtual time. The management API takes ${NETWORK.management} ms to answer, the endpoint ${NETWORK.data}. The default schedule asks every second for 10 seconds, every 5 until a minute and a half, every 1.6 until seven minutes, and then every 5: what comes up in the slow stretches is noticed latest.`
      ]
    }
  })
}
