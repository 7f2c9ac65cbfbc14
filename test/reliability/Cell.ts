/**
 * One cell of the matrix: a run that is brought into a phase and ended there, what became of its endpoint and of its rows,
 * and the run after it that completes the batch.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Journal } from "@stint/batch"
import { Emulator, type Engine } from "@stint/emulator"
import { Cause, Clock, Effect, FileSystem, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { HttpServerResponse } from "effect/http"
import * as LeaseWorld from "../command/leaseWorld.ts"
import * as Disk from "./Disk.ts"
import type { End } from "./Ends.ts"
import * as Network from "./Network.ts"
import * as Phases from "./Phases.ts"
import * as Process from "./Process.ts"

/** What became of it. */
export interface Result {
  readonly phase: Phases.Phase
  readonly end: string
  /** The endpoint's state when everything that the run had started was gone. */
  readonly state: string
  /** Seconds from the end to the last moment at which the endpoint was awake; `undefined` when it still is. */
  readonly seconds: number | undefined
  /** Rows that were done, and are not among the results. */
  readonly lost: number
  /** Rows that the endpoint answered more than once. */
  readonly twice: number
  readonly status: Process.Status
  /** Everything that must not be. */
  readonly problems: ReadonlyArray<string>
}

export const ROWS = 60

const NEVER = "never created"

const asleep: ReadonlySet<string> = new Set([NEVER, "paused", "scaledToZero", "deleted"])

const Inputs = Schema.Struct({ inputs: Schema.String })

const decodeEntry = Schema.decodeUnknownOption(Schema.fromJsonString(Journal.Entry))

const decodeRow = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ id: Schema.String, output: Schema.Json }))
)

const numberOf = (text: string) => Number(text.slice(text.lastIndexOf(" ") + 1))

/** The right answer to a row, which no other row has. */
const vectorOf = (row: number) => [row + 0.5, 0.25]

/** An engine that remembers what it has answered. */
const engineOf = (served: Array<number>, delayMillis: () => number): Engine.Engine => ({
  name: "counting",
  healthRoute: "/health",
  handle: (request) =>
    request.method === "GET"
      ? Effect.succeed(HttpServerResponse.text("Ok"))
      : Effect.gen(function* () {
          const { inputs } = yield* Effect.flatMap(request.json, Schema.decodeUnknownEffect(Inputs))
          const row = numberOf(inputs)
          yield* Effect.sleep(delayMillis())
          served.push(row)
          return HttpServerResponse.jsonUnsafe([vectorOf(row)])
        }).pipe(
          Effect.orElseSucceed(() => HttpServerResponse.jsonUnsafe({ error: "not a row" }, { status: 422 }))
        )
})

const specJson = JSON.stringify({
  repository: "stint/test",
  task: "feature-extraction",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

const state = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => all[0]?.state ?? NEVER)
)

const linesOf = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
  return text.split("\n").filter((line) => line !== "")
})

/** The rows whose success is in the journal. */
const durableOf = (file: string) =>
  Effect.map(
    linesOf(file),
    (lines) =>
      new Set(
        lines.flatMap((line) =>
          Option.match(decodeEntry(line), {
            onNone: () => [],
            onSome: ({ key, tag }) => (tag === "Succeeded" ? [key] : [])
          })
        )
      )
  )

/** What is wrong with the results of the whole batch. */
const wrongIn = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const rows = lines.map((line) => Option.getOrUndefined(decodeRow(line)))
  const ids = new Set(rows.map((row) => row?.id))
  const bad = rows.filter((row) => {
    const vector = row === undefined ? undefined : vectorOf(Number(row.id.replace("row-", "")))
    return !JSON.stringify(row?.output ?? null).includes(JSON.stringify(vector))
  })
  return [
    ...(ids.size === lines.length ? [] : [`${lines.length - ids.size} rows are out twice`]),
    ...(lines.length === ROWS ? [] : [`${lines.length} results of ${ROWS} rows`]),
    ...(bad.length === 0 ? [] : [`${bad.length} results are wrong`])
  ]
}

const goneWithin = (seconds: number, home: string) =>
  Effect.sync(() => LeaseWorld.guardians(home).length === 0).pipe(
    Effect.repeat({ until: (isGone) => isGone, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOption(`${seconds} seconds`),
    Effect.map(Option.isSome)
  )

/** One run with its end, and the run after it. */
const play = Effect.fnUntraced(function* (
  phase: Phases.Phase,
  end: End,
  served: Array<number>,
  hurry: () => void
) {
  const fs = yield* FileSystem.FileSystem
  const { namespace, token, urls } = yield* Emulator.Emulator
  const home = yield* Disk.folder(end.needsDisk === true)
  const network = yield* Network.make(urls.management)
  const problems: Array<string> = []
  const place: Process.Place = {
    input: `${home}/rows.jsonl`,
    spec: `${home}/spec.json`,
    out: `${home}/out`,
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      HF_TOKEN: Redacted.value(token),
      HF_ENDPOINT: urls.hub.href,
      HF_ENDPOINTS_NAMESPACE: namespace,
      STINT_API_URL: urls.management.href,
      http_proxy: network.proxy
    }
  }
  const rows = Array.from({ length: ROWS }, (_, i) => `{"id":"row-${i}","input":"text ${i}"}\n`)
  yield* fs.writeFileString(place.input, rows.join(""))
  yield* fs.writeFileString(place.spec, specJson)
  yield* fs.makeDirectory(place.out)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { pid } of LeaseWorld.guardians(home)) process.kill(pid, "SIGKILL")
    })
  )

  yield* Phases.prepare(phase, network)
  const program = yield* Process.start(end.kind, place, end.env)
  yield* Phases.reached(phase, network, program).pipe(
    Effect.raceFirst(
      Effect.flatMap(program.end, (status) =>
        Effect.die(new Error(`it ended with ${status} before it was ${phase}:\n${program.said()}`))
      )
    ),
    Effect.timeoutOrElse({
      duration: "60 seconds",
      orElse: () => Effect.die(new Error(`it was never ${phase}:\n${program.said()}`))
    })
  )
  if (phase === "created" || phase === "draining") yield* Effect.sleep("150 millis")

  let from = yield* Clock.currentTimeMillis
  let lastAwake = from
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        if (!asleep.has(yield* state)) lastAwake = yield* Clock.currentTimeMillis
        yield* Effect.sleep("30 millis")
      })
    )
  )
  const scene = { program, network, home }
  yield* end.act(scene)
  if (end.during !== undefined) yield* Effect.forkScoped(end.during(scene))
  const status = yield* Effect.timeoutOrElse(program.end, {
    duration: "240 seconds",
    orElse: () => Effect.as(program.kill("SIGKILL"), "SIGKILL" as const)
  })
  if (end.isAgony === true) from = yield* Clock.currentTimeMillis
  if (end.isOutOfReach === true) yield* Effect.sleep("2 seconds")
  else if (!(yield* goneWithin(90, home))) problems.push("its guardian is still there after 90 s")
  yield* Effect.sleep("100 millis")
  const left = yield* state
  const seconds = asleep.has(left) ? Math.max(0, lastAwake - from) / 1000 : undefined
  const durable = yield* durableOf(`${place.out}/journal.jsonl`)
  const before = served.length

  yield* network.set("fair")
  yield* Disk.clear(home)
  hurry()
  const rerun = yield* Process.start(end.kind, place)
  const again = yield* Effect.timeoutOrElse(rerun.end, {
    duration: "60 seconds",
    orElse: () => Effect.as(rerun.kill("SIGKILL"), "SIGKILL" as const)
  })
  if (again !== 0) problems.push(`the rerun ended with ${again}: ${rerun.said()}`)
  const results = yield* linesOf(`${place.out}/results.jsonl`)
  problems.push(...wrongIn(results))
  const found = new Set(
    results.flatMap((line) => Option.match(decodeRow(line), { onNone: () => [], onSome: ({ id }) => [id] }))
  )
  const lost = [...durable].filter((key) => !found.has(key)).length
  const redone = served.slice(before).filter((row) => durable.has(`row-${row}`)).length
  if (redone > 0) problems.push(`${redone} rows were done again that the journal had`)
  if (!(yield* goneWithin(30, home))) problems.push("a guardian is left after the rerun")
  const records = LeaseWorld.records(home).length
  if (records > 0) problems.push(`${records} lease records are left after the rerun`)
  const last = yield* state
  if (last !== "paused") problems.push(`the endpoint is ${last} after the rerun`)
  const result: Result = {
    phase,
    end: end.name,
    state: left,
    seconds,
    lost,
    twice: served.length - new Set(served).size,
    status,
    problems
  }
  return result
})

/** Plays a cell in a world of its own. */
export const run = (phase: Phases.Phase, end: End): Effect.Effect<Result> =>
  Effect.suspend(() => {
    const served: Array<number> = []
    let pace = Phases.pace(phase)
    const engine = engineOf(served, () => (served.length < pace.quick ? 0 : pace.slowMillis))
    const world = Emulator.layerServer({
      token: "hf_test",
      namespace: "tester",
      boot: Phases.boot,
      engines: () => engine
    }).pipe(Layer.provideMerge(NodeServices.layer))
    return play(phase, end, served, () => {
      pace = { quick: Infinity, slowMillis: 0 }
    }).pipe(Effect.scoped, Effect.provide(world))
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.succeed<Result>({
        phase,
        end: end.name,
        state: "unknown",
        seconds: undefined,
        lost: 0,
        twice: 0,
        status: -1,
        problems: [Cause.pretty(cause)]
      })
    )
  )
