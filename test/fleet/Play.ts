/** One scenario from its beginning to its end, and what it came to. */
import { Cause, Clock, Effect, Schedule } from "effect"
import * as Network from "./Network.ts"
import type { Execution } from "./Places.ts"
import * as Scenarios from "./Scenarios.ts"
import * as World from "./World.ts"

/** What it came to. */
export interface Result {
  readonly name: string
  /** How a network was cut, where one was. */
  readonly means: Network.Network["means"] | undefined
  readonly pausedFrom: string
  readonly lost: number
  /** Rows that the endpoint was asked for more than once. */
  readonly twice: number
  /**
   * Rows that were not in the results when it befell the victims, and that a victim was the first to ask for: before that, or
   * before it must have noticed.
   */
  readonly inFlight: number
  /** Until these were in the results. */
  readonly recovered: number | undefined
  readonly state: string
  /** Until the endpoint was paused. */
  readonly paused: number | undefined
  /** How long all of it took. */
  readonly seconds: number
  /** Everything that must not be. */
  readonly problems: ReadonlyArray<string>
}

/** The longest that a scenario may take. */
const BOUND = "6 minutes"

/** A lease's life, the reaper's look, and what a busy machine adds: docs/cluster.md. */
const PAUSED_WITHIN = 15

/**
 * How long a worker without its database may go on, in milliseconds: it notices after 7 seconds, looks four times a second, and
 * is not alone on its machine. Its chunks are others' after 10.
 */
const NOTICES = 9000

/** So many in flight, and rows in a chunk where that is said: so that a run is long enough for something to happen in it. */
const paceOf = (rows: number) => ({
  limit: Math.min(60, Math.max(12, Math.round(rows / 330))),
  latencyMillis: 150,
  chunk: rows < 6000 ? Math.max(1, Math.ceil(rows / 24)) : undefined
})

/** The first time of each row, and the rows that there were more times of. */
const times = (executions: ReadonlyArray<Execution>) => {
  const first = new Map<number, Execution>()
  const again = new Set<number>()
  for (const execution of executions) {
    if (first.has(execution.row)) again.add(execution.row)
    else first.set(execution.row, execution)
  }
  return { first: [...first.values()], again }
}

/** What an only owner leaves behind when it goes. */
const lastOwner = Effect.fnUntraced(function* (
  scenario: Scenarios.Scenario,
  world: World.World,
  left: ReadonlyArray<World.Member>,
  victims: ReadonlyArray<World.Member>
) {
  const { member: keeper } = yield* world.keeperAmong(left)
  const owner =
    scenario.lastOwner === "keeper"
      ? keeper
      : scenario.lastOwner === "victim"
        ? victims[0]
        : left.find((member) => member !== keeper)
  if (owner === undefined) return undefined
  yield* owner.ask("hold", World.Yes)
  const from = yield* Clock.currentTimeMillis
  yield* scenario.strike(owner)
  const paused = yield* Effect.timeoutOption(world.state("paused"), "60 seconds")
  if (scenario.mend !== undefined) yield* owner.kill("SIGKILL")
  return paused._tag === "Some" ? (paused.value - from) / 1000 : undefined
})

const scene = Effect.fnUntraced(function* (
  scenario: Scenarios.Scenario,
  rows: number,
  onLog: (log: string) => void
) {
  const problems: Array<string> = []
  const began = yield* Clock.currentTimeMillis
  const network = scenario.isFar === true ? yield* Network.make : Network.plain
  const pace = paceOf(rows)
  const world = yield* World.make({ rows, latencyMillis: pace.latencyMillis, network })
  const members = yield* Effect.forEach(
    ["w1", "w2", "w3"],
    (name) => world.start(name, scenario.isFar === true && name === "w2"),
    { concurrency: 3 }
  )
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const { name, said } of members) onLog(`${name}\n${said()}`)
    })
  )
  const keeper = yield* world.keeperAmong(members)
  yield* world.begin(keeper.endpoint, pace.limit, pace.chunk)
  yield* world.done(Math.floor(rows / 4))

  const isShort = rows < 6000
  const victims = scenario.victims({ world, members, keeper: keeper.member })
  const names = new Set(victims.map(({ name }) => name))
  // Whom it befalls has something in hand.
  yield* Effect.repeat(Effect.all([world.log, Clock.currentTimeMillis]), {
    schedule: Schedule.spaced("20 millis"),
    until: ([{ executions }, now]) =>
      victims.length === 0 || executions.some((one) => names.has(one.worker) && now - one.from < 100)
  }).pipe(Effect.timeoutOption("20 seconds"))
  const from = yield* Scenarios.strike(scenario, world, victims)
  const committed = yield* world.committed
  const seen = yield* Clock.currentTimeMillis
  const before = yield* world.log
  const unfinished = (executions: ReadonlyArray<Execution>, until: number) => [
    ...new Set(
      executions.flatMap(({ from, row, worker }) =>
        names.has(worker) && from <= until && !committed.has(row) ? [row] : []
      )
    )
  ]
  const open = unfinished(before.executions, from)
  let recoveredAt: number | undefined
  const watch = world.sql<{ count: number }>`SELECT count(*)::int AS count FROM stint_results
    WHERE succeeded AND row_key = ANY (${open.map((row) => `row-${row}`)}::text[])`.pipe(
    Effect.map((found) => found[0]?.count ?? 0),
    Effect.orElseSucceed(() => 0),
    Effect.repeat({ schedule: Schedule.spaced("200 millis"), until: (count) => count >= open.length }),
    Effect.andThen(Clock.currentTimeMillis),
    Effect.map((at) => {
      recoveredAt = at
    })
  )
  if (open.length > 0) yield* Effect.forkScoped(watch)

  let left = members.filter((member) => !victims.includes(member))
  let recoversFrom = from
  let paused: number | undefined
  const [long, short] = scenario.lasts ?? [0, 0]
  if (scenario.oneBack === "cancelled") yield* world.cancel
  yield* Effect.sleep(`${isShort ? short : long} seconds`)
  let mendedAt = from
  // What the dead have sent may be on its way still.
  let until = scenario.mend === undefined && scenario.outage === undefined ? Infinity : from
  if (scenario.mend !== undefined) {
    yield* Effect.forEach(victims, scenario.mend)
    mendedAt = yield* Clock.currentTimeMillis
    until = scenario.notices === true ? Math.min(mendedAt, from + NOTICES) : mendedAt
    left = members
  }
  if (scenario.outage !== undefined) left = members
  if (scenario.oneBack !== undefined) {
    const { backstopMinutes, state } = yield* world.now
    if (state !== "running") problems.push(`with nobody there it was ${state}`)
    if (backstopMinutes === 0) problems.push("with nobody there it had no scale-to-zero timeout")
    recoversFrom = yield* Clock.currentTimeMillis
    left = [yield* world.start("w4")]
    if (scenario.oneBack === "cancelled") {
      const at = yield* Effect.timeoutOption(world.state("paused"), "60 seconds")
      if (at._tag === "Some") paused = (at.value - recoversFrom) / 1000
      else problems.push("the one that came back did not pause it")
      recoversFrom = yield* Clock.currentTimeMillis
      yield* world.resume
    }
  }
  const over = yield* world.over
  if (over.state !== "finished")
    problems.push(`the run is ${over.state}: ${over.error ?? "it did not say why"}`)
  const asleep = yield* Effect.timeoutOption(world.state("paused"), "60 seconds")
  if (asleep._tag === "Some" && paused === undefined) paused = Math.max(0, asleep.value - over.at) / 1000
  const { executions } = yield* world.log
  const wanting = yield* world.wanting
  if (scenario.lastOwner !== undefined) paused = yield* lastOwner(scenario, world, left, victims)
  // What is left of the fleet must not wake it again.
  yield* Effect.sleep("1 second")
  const { state } = yield* world.now

  const redone = executions.filter((one) => committed.has(one.row) && one.from > seen)
  if (redone.length > 0) problems.push(`${redone.length} rows were asked for again that were in the results`)
  if (scenario.notices === true) {
    const late = executions.filter(
      ({ from: at, worker }) => names.has(worker) && at > from + NOTICES && at <= mendedAt
    )
    if (late.length > 0) problems.push(`${late.length} requests were sent by one that must have noticed`)
  }
  const { again, first } = times(executions)
  const twice = again.size
  const counted = new Set(unfinished(first, until))
  const inFlight = counted.size
  if (twice > inFlight) {
    const others = executions.filter(({ row }) => again.has(row) && !counted.has(row))
    const told = others.map((one) => `row ${one.row} by ${one.worker} at ${(one.from - from) / 1000} s`)
    problems.push(
      `${twice} rows were done twice, and ${inFlight} were in flight; besides: ${told.join(", ")}`
    )
  }
  if (wanting.length > 0) problems.push(`rows were lost: ${wanting.slice(0, 10).join(", ")} …`)
  if (state !== "paused") problems.push(`the endpoint is ${state} at the end`)
  if (paused === undefined || paused > PAUSED_WITHIN) problems.push(`paused after ${paused ?? "–"} s`)
  if (open.length > 0 && recoveredAt === undefined) problems.push("what was in flight never came")
  const result: Result = {
    name: scenario.name,
    means: scenario.isFar === true ? network.means : undefined,
    pausedFrom: scenario.pausedFrom,
    lost: wanting.length,
    twice,
    inFlight,
    recovered: recoveredAt === undefined ? undefined : Math.max(0, recoveredAt - recoversFrom) / 1000,
    state,
    paused,
    seconds: ((yield* Clock.currentTimeMillis) - began) / 1000,
    problems
  }
  return result
})

const unknown = (scenario: Scenarios.Scenario, problem: string): Result => ({
  name: scenario.name,
  means: undefined,
  pausedFrom: scenario.pausedFrom,
  lost: 0,
  twice: 0,
  inFlight: 0,
  recovered: undefined,
  state: "unknown",
  paused: undefined,
  seconds: 0,
  problems: [problem]
})

/** Plays a scenario in a world of its own. */
export const play = (
  scenario: Scenarios.Scenario,
  rows: number,
  onLog: (log: string) => void = () => undefined
): Effect.Effect<Result> =>
  scene(scenario, rows, onLog).pipe(
    Effect.scoped,
    Effect.timeoutOrElse({
      duration: BOUND,
      orElse: () => Effect.succeed(unknown(scenario, `it was not over after ${BOUND}`))
    }),
    Effect.provide(World.services),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.interrupt
        : Effect.succeed(unknown(scenario, Cause.pretty(cause)))
    )
  )

/** How many rows of a batch there are, if nothing is said. */
export const ROWS = 20_000
