/** From a seed that violates something to the smallest story that still does. */
import { Effect } from "effect"
import * as Schedule from "./Schedule.ts"
import * as Service from "./Service.ts"
import * as Trial from "./Trial.ts"

export interface Shrunk {
  readonly schedule: Schedule.Schedule
  readonly result: Trial.Result
  /** How many smaller schedules were tried. */
  readonly tried: number
}

/** What a violation says, whatever its numbers. */
const kindOf = (violation: string | undefined) =>
  violation
    ?.replaceAll(/[\d.]+/g, "#")
    .split(":")
    .slice(0, 2)
    .join(":")

const without = <K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> =>
  new Map([...map].filter(([other]) => other !== key))

const halves = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => {
  const middle = all.length >> 1
  return all.length < 2 ? [] : [all.slice(0, middle), all.slice(middle)]
}

/** Every part of it taken away by itself; of many, the larger parts alone. */
const lessOf = <A>(all: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> => [
  ...halves(all),
  ...(all.length <= 12 ? all.map((_, index) => all.toSpliced(index, 1)) : [])
]

const half = (value: number) => Math.floor(value / 2)

/** Schedules that are a little smaller, the boldest first. */
const smaller = (now: Schedule.Schedule, faults: ReadonlyArray<string>): ReadonlyArray<Schedule.Schedule> => {
  const found: Array<Schedule.Schedule> = []
  const set = (change: Partial<Schedule.Schedule>) => found.push({ ...now, ...change })
  if (now.callRisk > 0) set({ callRisk: 0 })
  if (now.wireRisk > 0) set({ wireRisk: 0 })
  if (now.managementRisk > 0) set({ managementRisk: 0 })
  if (now.events.length > 1) set({ events: [] })
  if (now.kills.size > 1) set({ kills: new Map() })
  if (now.neighbours.length > 1) set({ neighbours: [] })
  if (now.guardianKills.size > 1) set({ guardianKills: new Map() })
  for (const rows of now.rows.length < 2 ? [] : lessOf(now.rows)) set({ rows })
  for (const key of now.kills.keys()) set({ kills: without(now.kills, key) })
  for (let index = 0; index < now.events.length; index++) set({ events: now.events.toSpliced(index, 1) })
  for (let index = 0; index < now.neighbours.length; index++)
    set({ neighbours: now.neighbours.toSpliced(index, 1) })
  for (const key of now.guardianKills.keys()) set({ guardianKills: without(now.guardianKills, key) })
  if (now.full !== undefined) set({ full: undefined })
  if (now.failedPauses > 0) set({ failedPauses: 0 })
  if (now.failedPauses > 1) set({ failedPauses: half(now.failedPauses) })
  if (now.lyingPauses > 0) set({ lyingPauses: 0 })
  if (now.failedBoots > 0) set({ failedBoots: 0 })
  if (now.itemTimeoutSeconds !== undefined) set({ itemTimeoutSeconds: undefined })
  if (now.deadlineSeconds !== undefined) set({ deadlineSeconds: undefined })
  if (now.maxBytes !== undefined) set({ maxBytes: undefined })
  if (now.requestsPerMinute !== undefined) set({ requestsPerMinute: undefined })
  if (now.troubled > 1) set({ troubled: now.troubled - 1 })
  for (const spared of [faults, ...lessOf(faults)])
    if (spared.length > 0) set({ spared: new Set([...now.spared, ...spared]) })
  if ([...now.fates.values()].some((fate) => fate !== "fine"))
    set({ fates: new Map([...now.fates].map(([text]) => [text, "fine" as const])) })
  if (now.isAdaptive) set({ isAdaptive: false })
  if (now.way === "stream") set({ way: "runOn" })
  if (now.policy !== "pause") set({ policy: "pause" })
  if (now.found !== "paused") set({ found: "paused" })
  if (now.bootSeconds > 1) set({ bootSeconds: 1 })
  if (now.limit > 1) set({ limit: 1 })
  if (now.whenLeased !== "wait") set({ whenLeased: "wait" })
  const [low, high] = now.serviceMillis
  if (high > low) set({ serviceMillis: [low, Math.max(low, half(high))] })
  if (now.syncMillis[1] > 0) set({ syncMillis: [0, 0] })
  if (now.gapMillis > 0) set({ gapMillis: 0 })
  if (now.gapMillis > 1) set({ gapMillis: half(now.gapMillis) })
  for (const [key, kill] of now.kills) {
    if (kill.isPowerCut) set({ kills: new Map(now.kills).set(key, { ...kill, isPowerCut: false }) })
    if (kill.count > 1) set({ kills: new Map(now.kills).set(key, { ...kill, count: half(kill.count) }) })
  }
  now.neighbours.forEach((neighbour, index) => {
    const { afterMillis, worksMillis } = neighbour
    if (afterMillis + worksMillis > 2)
      set({
        neighbours: now.neighbours.with(index, {
          ...neighbour,
          afterMillis: half(afterMillis),
          worksMillis: half(worksMillis)
        })
      })
  })
  return found
}

/** Reduces what a schedule holds for as long as the same thing is violated. */
export const shrink = Effect.fnUntraced(function* (
  from: Schedule.Schedule,
  most = 400
): Effect.fn.Return<Shrunk | undefined> {
  const attempt = (schedule: Schedule.Schedule, isVerbose: boolean) =>
    Effect.scoped(Effect.flatMap(Service.bench, (bench) => Trial.run(bench, schedule, { isVerbose })))
  let schedule = from
  let result = yield* attempt(from, true)
  const kind = kindOf(result.violations[0])
  if (kind === undefined) return undefined
  let tried = 0
  let isSmaller = true
  while (isSmaller && tried < most) {
    isSmaller = false
    for (const candidate of smaller(schedule, result.faults)) {
      if (tried++ >= most) break
      const next = yield* attempt(candidate, true)
      if (!next.violations.some((violation) => kindOf(violation) === kind)) continue
      schedule = candidate
      result = next
      isSmaller = true
      break
    }
  }
  return { schedule, result, tried }
})

/** It, for a person. */
export const describe = ({ result, schedule, tried }: Shrunk): string =>
  [
    `the smallest story that does the same, of ${tried} that were tried:`,
    Schedule.describe(schedule),
    ...schedule.rows
      .slice(0, 20)
      .map(({ id, text }) => `  row ${id}: ${text}, ${schedule.fates.get(text) ?? "fine"}`),
    ...result.faults.map((fault) => `  fault: ${fault}`),
    ...result.story.slice(-80),
    ...result.violations.map((violation) => `  ✗ ${violation}`)
  ].join("\n")
