/** What the terminal says at each step of a lease, and what the next Ctrl-C would do. */
import { assert, describe, it } from "@effect/vitest"
import type { ManagedEndpoint } from "@stint/batch"
import { Endpoint } from "@stint/core"
import { Effect } from "effect"
import * as RunView from "../src/ui/RunView.ts"

const endpoint = new Endpoint.Endpoint({ name: "e", status: { state: "paused" }, raw: null })
const bill = { billedMinutes: 1, pricePerHour: 0.8, dollars: 0.013 }

const capped = { _tag: "Capped", namespace: "n", replicas: 1, pricePerHour: 0.8, isRunning: false } as const

const saidOf = Effect.fnUntraced(function* (event: ManagedEndpoint.Event, canRedraw: boolean) {
  const said: Array<string> = []
  const view = yield* Effect.provideService(RunView.make("e"), RunView.Screen, {
    write: (text) => Effect.sync(() => void said.push(text)),
    canRedraw,
    columns: 80
  })
  yield* view.event(event)
  return said.join("")
})

const table: ReadonlyArray<readonly [event: ManagedEndpoint.Event, says: string, next: string | undefined]> =
  [
    [{ _tag: "Leased", holders: "process 7" }, "is leased by process 7: waiting for its end", "stop waiting"],
    [
      { _tag: "TookOver", since: "2026-02-03", leftBy: "process 7" },
      "left by process 7, held since 2026-02-03",
      undefined
    ],
    [{ _tag: "Creating", namespace: "n" }, "Creating endpoint e", "release it as soon as this is answered"],
    [
      { _tag: "Resuming", namespace: "n", endpoint },
      "Endpoint e is paused: resuming it",
      "release it as soon as this is answered"
    ],
    [
      { _tag: "Acquired", namespace: "n", acquisition: "Adopted", endpoint },
      "ran already; adopting it",
      "release it"
    ],
    [
      { _tag: "Unguarded", endpoint, cost: { perHour: 0.8, perWeekend: 49.6 } },
      "would cost $0.800 an hour, $49.60 a weekend until somebody stops it",
      undefined
    ],
    [
      { _tag: "Ready", endpoint, waitedMillis: 65_000 },
      "Ready after 1m 05s",
      "finish what is in flight and release it"
    ],
    [{ _tag: "Left", bill }, "Others hold endpoint e still", undefined],
    [
      { _tag: "Releasing", policy: "pause" },
      "Pausing endpoint e",
      "Ctrl-C three times: leave it to its bill"
    ],
    [
      { _tag: "Released", policy: "pause", state: "paused", bill },
      "Endpoint e is paused, read back",
      undefined
    ],
    [
      { _tag: "Released", policy: "restore", state: "running", bill },
      "e IS LEFT RUNNING, as it was found, AND BILLED at $0.8 an hour",
      undefined
    ],
    [
      { ...capped, minutes: 1 },
      "May be billed 1 minute, $0.013 a minute, its boot and its end included. A cold start takes some",
      undefined
    ],
    [
      { ...capped, minutes: 1200, replicas: 2 },
      "May be billed 1,200 minutes of 2 replicas, $0.027 a minute, its boot and its end included.\n",
      undefined
    ],
    [
      { ...capped, minutes: 2, isRunning: true },
      "May be billed 2 minutes, $0.013 a minute, its end included.\n",
      undefined
    ],
    [{ ...capped, minutes: Infinity }, "more minutes than anybody counts", undefined],
    [
      { _tag: "Kept", namespace: "n", endpoint, bill },
      "AND BILLED at $0.8 an hour. To end it: stint endpoints pause e --namespace n",
      undefined
    ]
  ]

describe("the last words on a run", () => {
  it.each([
    ["running", "running as it was found, and billed still"],
    ["paused", "paused"],
    [undefined, undefined]
  ])("say of an endpoint that is %s in the end whether it is billed", (state, says) => {
    const report = {
      items: 1,
      succeeded: 1,
      failed: 0,
      skipped: 0,
      attempts: 1,
      faults: {},
      durationMillis: 1,
      itemsPerSecond: 1
    }
    const lines = RunView.summary(report, "results", state).split("\n")
    const line = lines.find((one) => one.startsWith("  endpoint"))
    assert.strictEqual(line?.replace(/ +endpoint +/, ""), says)
  })
})

describe("RunView", () => {
  for (const [event, says, next] of table) {
    it.effect(
      `says at ${event._tag} what is happening${next === undefined ? "" : " and what Ctrl-C does next"}`,
      () =>
        Effect.gen(function* () {
          const onTerminal = yield* saidOf(event, true)
          assert.include(onTerminal, says)
          if (next === undefined) assert.notInclude(onTerminal, "Ctrl-C")
          else assert.include(onTerminal, next)
          // Nobody presses keys in a log file.
          assert.notInclude(yield* saidOf(event, false), "Ctrl-C")
        })
    )
  }
})
