/** What a seed stands for: the rows, the endpoint as it is found, and everything that goes wrong. */
import * as Dice from "./Dice.ts"

export interface Row {
  readonly id: string
  readonly text: string
}

/** What is to be said of a text, however often it is asked. */
export type Fate = "fine" | "invalid" | "tooLarge" | "outOfShape"

/** What one call of the engine, or one request on its way, meets. */
export type CallFault =
  | "429"
  | "429 retry-after"
  | "424"
  | "500"
  | "503 cold"
  | "503 queue"
  | "502"
  | "504"
  | "page"
  | "torn"
  | "shape"
  | "401"
export type WireFault = "refused" | "lost" | "cut" | "slow" | "late" | "hang" | "hang after"
/** `lands`: no answer comes, and what was asked for is done a little later, whoever asked being there or not. */
export type ManagementFault = "500" | "429" | "503" | "page" | "refused" | "lost" | "late" | "hang" | "lands"

/** What somebody else does to the endpoint. */
export type Deed = "pause" | "scaleToZero" | "delete" | "fail" | "killReplica"

export interface Event {
  readonly process: number
  /** Struck when so many requests for work were sent by the process. */
  readonly afterRequests: number
  readonly deed: Deed
}

/** The end of a process before its own. */
export interface Kill {
  /** What is counted: `release` the tasks after the first pause was sent, `results` the disk's calls for the derived files. */
  readonly at: "millis" | "task" | "disk" | "request" | "answer" | "release" | "results"
  readonly count: number
  /** Whether it is interrupted, and may clean up, instead of killed. */
  readonly isGentle: boolean
  /** Whether everything else on the machine goes with it, and what the disk was not made to keep. */
  readonly isPowerCut: boolean
}

/** Another process on the same machine, which wants the same endpoint. */
export interface Neighbour {
  /** It starts so many milliseconds after this process. */
  readonly process: number
  readonly afterMillis: number
  /** How long it works on the endpoint once it is ready. */
  readonly worksMillis: number
  readonly whenLeased: "refuse" | "join" | "wait"
  /** Killed or interrupted after so many milliseconds. */
  readonly kill: { readonly afterMillis: number; readonly isGentle: boolean } | undefined
}

/** The end of a guardian: before it is up, with its process, at one of its calls, a while after its process. */
export interface GuardianKill {
  readonly at: "start" | "together" | "call" | "millis"
  readonly count: number
}

export type Policy = "pause" | "scaleToZero" | "delete" | "restore"

export interface Schedule {
  readonly seed: number
  readonly rows: ReadonlyArray<Row>
  readonly fates: ReadonlyMap<string, Fate>
  readonly isDeterministic: boolean
  readonly limit: number
  readonly isAdaptive: boolean
  readonly policy: Policy
  readonly found: "nothing" | "paused" | "running" | "scaledToZero"
  readonly bootSeconds: number
  readonly serviceMillis: readonly [number, number]
  readonly syncMillis: readonly [number, number]
  /** How likely a fault is, of a call, a request on its way, a management call. */
  readonly callRisk: number
  readonly wireRisk: number
  readonly managementRisk: number
  readonly failedPauses: number
  readonly lyingPauses: number
  /** Processes that run while things go wrong; after them all is well. */
  readonly troubled: number
  readonly kills: ReadonlyMap<number, Kill>
  readonly events: ReadonlyArray<Event>
  /** The process whose disk is full from so many writes on. */
  readonly full: { readonly process: number; readonly fromWrite: number } | undefined
  readonly way: "runOn" | "stream"
  /** Whether leases are on record, and whether a guardian stands beside each. */
  readonly hasLease: boolean
  readonly hasGuardian: boolean
  readonly whenLeased: "refuse" | "join" | "wait"
  readonly neighbours: ReadonlyArray<Neighbour>
  /** By the guardian's number. */
  readonly guardianKills: ReadonlyMap<number, GuardianKill>
  /** How long nothing runs between two processes. */
  readonly gapMillis: number
  /** Boots that fail, the first ones. */
  readonly failedBoots: number
  readonly itemTimeoutSeconds: number | undefined
  readonly deadlineSeconds: number | undefined
  readonly maxBytes: number | undefined
  readonly requestsPerMinute: number | undefined
  /** Faults that are spared, by name: for what is left of a seed once it is shrunk. */
  readonly spared: ReadonlySet<string>
}

/** Tells of each fault that is met, by name. */
export type OnFault = (name: string) => void

const faults: ReadonlyArray<readonly [number, CallFault]> = [
  [20, "429"],
  [8, "429 retry-after"],
  [15, "424"],
  [15, "500"],
  [12, "503 cold"],
  [6, "503 queue"],
  [8, "502"],
  [6, "504"],
  [4, "page"],
  [3, "torn"],
  [4, "shape"],
  [0.8, "401"]
]

const wireFaults: ReadonlyArray<readonly [number, WireFault]> = [
  [10, "refused"],
  [10, "lost"],
  [8, "cut"],
  [6, "slow"],
  [6, "late"],
  [2, "hang"],
  [2, "hang after"]
]

const managementFaults: ReadonlyArray<readonly [number, ManagementFault]> = [
  [10, "500"],
  [8, "429"],
  [8, "503"],
  [2, "page"],
  [8, "refused"],
  [8, "lost"],
  [4, "late"],
  [2, "hang"],
  [6, "lands"]
]

const drawn =
  <F>(
    kind: string,
    risk: (schedule: Schedule) => number,
    faults: ReadonlyArray<readonly [number, F]>,
    usual: F
  ) =>
  (schedule: Schedule, what: string, nth: number, onFault?: OnFault): F | undefined => {
    const chance = risk(schedule)
    if (chance === 0) return undefined
    const name = `${kind} ${nth} ${what}`
    const dice = Dice.named(schedule.seed, name)
    if (!dice.chance(chance) || schedule.spared.has(name)) return undefined
    onFault?.(name)
    return dice.weighed<F>(faults, usual)
  }

/** What a call of the engine meets: its own dice, so that other calls do not change it. */
export const callFault = drawn("call", ({ callRisk }) => callRisk, faults, "500")
export const wireFault = drawn("wire", ({ wireRisk }) => wireRisk, wireFaults, "lost")
export const managementFault = drawn(
  "management",
  ({ managementRisk }) => managementRisk,
  managementFaults,
  "500"
)

/** The right answer to a text: no two texts have the same. */
export const answerOf = (text: string): ReadonlyArray<number> => [Dice.hash(text), text.length, 1]

/** How long a boot may take. The emulator knows it by the endpoint's name. */
export const bootSeconds = [1, 8, 50] as const

/** Most processes are over after some hundred tasks and some dozen calls. */
const drawKill = (dice: Dice.Dice, seconds: number): Kill => {
  const about = (usual: number) => Math.max(1, Math.round(-Math.log(1 - dice.next()) * usual))
  const isGentle = dice.chance(0.25)
  const at = dice.pick(["millis", "task", "disk", "request", "answer", "release", "results"] as const)
  const count = {
    millis: () => (dice.chance(0.3) ? about(2000) : 1000 * seconds + about(5000)),
    task: () => about(60),
    disk: () => about(30),
    request: () => about(6),
    answer: () => about(6),
    release: () => dice.between(0, 25),
    results: () => dice.between(1, 15)
  }[at]()
  return { at, count, isGentle, isPowerCut: !isGentle && dice.chance(0.3) }
}

/** What has to do with leases: its own dice, so that a seed is otherwise the same with and without. */
const drawLease = (seed: number, troubled: number, boot: number) => {
  const dice = Dice.named(seed, "lease")
  const hasLease = seed % 3 !== 2
  const about = (usual: number) => Math.max(1, Math.round(-Math.log(1 - dice.next()) * usual))
  const neighbours: Array<Neighbour> = []
  for (let process = 0; process < troubled; process++) {
    if (!dice.chance(0.3) || !hasLease) continue
    neighbours.push({
      process,
      afterMillis: dice.chance(0.4) ? dice.between(0, 200) : about(1000 * boot + 4000),
      worksMillis: about(dice.pick([100, 5_000, 40_000])),
      whenLeased: dice.pick(["join", "join", "wait", "refuse"] as const),
      kill: dice.chance(0.5)
        ? { afterMillis: about(1000 * boot + 3000), isGentle: dice.chance(0.3) }
        : undefined
    })
  }
  const guardianKills = new Map<number, GuardianKill>()
  for (let nth = 0; nth < troubled + neighbours.length; nth++) {
    if (!dice.chance(0.15)) continue
    const at = dice.pick(["start", "together", "call", "call", "millis"] as const)
    guardianKills.set(nth, { at, count: at === "call" ? dice.between(1, 6) : about(3000) })
  }
  return {
    hasLease,
    hasGuardian: hasLease && dice.chance(0.85),
    whenLeased: dice.pick(["join", "join", "wait", "wait", "refuse"] as const),
    neighbours,
    guardianKills,
    /** An end that comes for certain, since most of the others come too late. */
    certain:
      hasLease && dice.chance(0.4)
        ? {
            at: dice.pick(["request", "answer", "release"] as const),
            count: dice.between(1, 2),
            isGentle: false,
            isPowerCut: dice.chance(0.15)
          }
        : undefined,
    gapMillis: hasLease
      ? dice.weighed<number>(
          [
            [20, dice.between(0, 200)],
            [35, dice.between(0, 4000)],
            [15, dice.between(3000, 30_000)],
            [30, dice.between(60_000, 400_000)]
          ],
          0
        )
      : dice.between(1, 30_000)
  }
}

/** Options that most runs leave alone. */
const drawOptions = (seed: number, boot: number) => {
  const dice = Dice.named(seed, "options")
  return {
    failedBoots: dice.chance(0.06) ? dice.between(1, 2) : 0,
    itemTimeoutSeconds: dice.chance(0.08) ? dice.between(1, 60) : undefined,
    deadlineSeconds: dice.chance(0.1) ? dice.between(1, boot + 30) : undefined,
    maxBytes: dice.chance(0.2) ? dice.between(1, 300) : undefined,
    requestsPerMinute: dice.chance(0.08) ? dice.between(20, 1200) : undefined,
    spared: new Set<string>()
  }
}

/** Draws the schedule of a seed. */
export const make = (seed: number): Schedule => {
  const dice = Dice.make(seed)
  // One in 250 is large enough for bounds that small inputs never reach.
  const isLarge = seed % 250 === 249
  const count = isLarge
    ? dice.between(1100, 1300)
    : dice.chance(0.85)
      ? dice.between(1, 12)
      : dice.between(1, 40)
  const hasTwins = dice.chance(0.4)
  const rows = Array.from({ length: count }, (_, index): Row => {
    const text = `s${seed} t${hasTwins ? dice.between(0, Math.ceil(count / 2)) : index}`
    return { id: `r${index}`, text }
  })
  const isPoisoned = dice.chance(0.5) && !isLarge
  const fates = new Map(
    rows.map(({ text }): readonly [string, Fate] => [
      text,
      isPoisoned
        ? Dice.named(seed, `fate ${text}`).weighed<Fate>(
            [
              [85, "fine"],
              [8, "invalid"],
              [4, "tooLarge"],
              [3, "outOfShape"]
            ],
            "fine"
          )
        : "fine"
    ])
  )
  const troubled = dice.between(1, 4)
  const boot = dice.pick(bootSeconds)
  const isBadDay = dice.chance(0.2)
  const risk = (usual: number) => (dice.chance(0.5) ? 0 : dice.next() * usual * (isBadDay ? 2 : 1))
  const kills = new Map<number, Kill>()
  const events: Array<Event> = []
  for (let process = 0; process < troubled; process++) {
    if (dice.chance(0.6)) kills.set(process, drawKill(dice, boot))
    if (dice.chance(0.35)) {
      events.push({
        process,
        afterRequests: dice.between(1, Math.max(1, Math.min(40, 2 * count))),
        deed: dice.weighed<Deed>(
          [
            [30, "pause"],
            [30, "scaleToZero"],
            [12, "delete"],
            [8, "fail"],
            [20, "killReplica"]
          ],
          "pause"
        )
      })
    }
  }
  const { certain, ...lease } = drawLease(seed, troubled, boot)
  if (certain !== undefined) kills.set(0, certain)
  const slowest = dice.pick([20, 300, 3000])
  return {
    seed,
    rows,
    fates,
    isDeterministic: dice.chance(0.6),
    limit: isLarge ? dice.between(2, 8) : dice.between(1, 16),
    isAdaptive: dice.chance(0.3),
    policy: dice.weighed<Policy>(
      [
        [80, "pause"],
        [8, "scaleToZero"],
        [4, "delete"],
        [8, "restore"]
      ],
      "pause"
    ),
    found: dice.pick(["nothing", "nothing", "paused", "running", "scaledToZero"] as const),
    bootSeconds: boot,
    serviceMillis: isLarge ? [5, 30] : [1, slowest],
    syncMillis: [0, dice.pick([1, 10, 40])],
    callRisk: risk(isLarge ? 0.1 : 0.4),
    wireRisk: risk(isLarge ? 0.02 : 0.25),
    managementRisk: risk(0.2),
    failedPauses: dice.chance(0.2) ? dice.between(1, 6) : 0,
    lyingPauses: dice.chance(0.1) ? 1 : 0,
    troubled,
    kills,
    events,
    full: dice.chance(0.05)
      ? { process: dice.between(0, troubled - 1), fromWrite: dice.between(1, 20) }
      : undefined,
    way: dice.pick(["runOn", "stream"] as const),
    ...lease,
    ...drawOptions(seed, boot)
  }
}

/** What is out of the ordinary, in words. */
const options = (schedule: Schedule): ReadonlyArray<string> => {
  const { deadlineSeconds, failedBoots, guardianKills, itemTimeoutSeconds, maxBytes, neighbours } = schedule
  const { gapMillis, hasGuardian, hasLease, requestsPerMinute, spared, whenLeased } = schedule
  const given = (value: number | undefined, text: string) => (value === undefined ? [] : [text])
  return [
    hasLease
      ? `leases on record, ${hasGuardian ? "guarded" : "no guardian"}, ${whenLeased} when leased; ${gapMillis} ms between processes`
      : "no leases on record",
    ...neighbours.map(
      ({ afterMillis, kill, process, whenLeased, worksMillis }) =>
        `a neighbour ${afterMillis} ms after process ${process} works ${worksMillis} ms, ${whenLeased} when leased${
          kill === undefined
            ? ""
            : `, ${kill.isGentle ? "interrupted" : "killed"} after ${kill.afterMillis} ms`
        }`
    ),
    ...[...guardianKills].map(([nth, { at, count }]) => `guardian ${nth} is killed at ${at} ${count}`),
    ...(failedBoots > 0 ? [`${failedBoots} boots fail`] : []),
    ...given(itemTimeoutSeconds, `an item may take ${itemTimeoutSeconds} s`),
    ...given(deadlineSeconds, `a run may take ${deadlineSeconds} s`),
    ...given(maxBytes, `${maxBytes} bytes in flight`),
    ...given(requestsPerMinute, `${requestsPerMinute} requests a minute`),
    ...(spared.size > 0 ? [`${spared.size} faults spared`] : [])
  ]
}

/** A seed in words. */
export const describe = (schedule: Schedule): string => {
  const { events, fates, full, kills, rows } = schedule
  const bad = [...fates.values()].filter((fate) => fate !== "fine").length
  const percent = (risk: number) => `${Math.round(risk * 100)}%`
  return [
    `${rows.length} rows (${fates.size} texts, ${bad} of them bad), ${schedule.isDeterministic ? "" : "not "}deterministic, ${schedule.isAdaptive ? "adaptive limit of at most" : "limit"} ${schedule.limit}, ${schedule.way}`,
    `endpoint found: ${schedule.found}; boots in ${schedule.bootSeconds} s; left: ${schedule.policy}`,
    `risk of a call ${percent(schedule.callRisk)}, of the line ${percent(schedule.wireRisk)}, of the management API ${percent(schedule.managementRisk)}; ${schedule.failedPauses} pauses refused, ${schedule.lyingPauses} lied about`,
    `an answer takes ${schedule.serviceMillis.join(" to ")} ms, a sync ${schedule.syncMillis.join(" to ")} ms`,
    `${schedule.troubled} troubled processes`,
    ...[...kills].map(
      ([process, kill]) =>
        `process ${process} is ${kill.isGentle ? "interrupted" : "killed"} at ${kill.at} ${kill.count}${kill.isPowerCut ? ", with its machine" : ""}`
    ),
    ...events.map(
      ({ afterRequests, deed, process }) => `process ${process}: ${deed} after request ${afterRequests}`
    ),
    ...options(schedule),
    ...(full === undefined
      ? []
      : [`process ${full.process}: the disk is full from write ${full.fromWrite} on`])
  ]
    .map((line) => `  ${line}`)
    .join("\n")
}
