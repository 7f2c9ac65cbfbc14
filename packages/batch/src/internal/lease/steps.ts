/**
 * How many replicas are billed from when on, as steps, and what that comes to.
 *
 * @source contract: price and billing. Each replica is billed by itself, every started minute whole.
 */

export const MINUTE = 60_000

/** From `at` on, so many replicas are billed. `at` is in milliseconds of a clock. */
export interface Step {
  readonly at: number
  readonly replicas: number
}

/** From when to when one replica is billed, in milliseconds of the clock. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** The stretches that are over, and the starts of those that are not; the newest replica is the first to go. */
export const split = (steps: ReadonlyArray<Step>, from: number) => {
  const over: Array<Stretch> = []
  let running: Array<number> = []
  for (const { at, replicas } of steps) {
    for (const start of running.slice(replicas)) over.push({ from: start, to: at })
    running = running.slice(0, replicas)
    while (running.length < replicas) running.push(at)
  }
  return {
    over: over
      .filter(({ to }) => to > from)
      .map((stretch) => ({ from: Math.max(from, stretch.from), to: stretch.to })),
    running: running.map((start) => Math.max(from, start))
  }
}

/** Every stretch between two times; those that go on end at the second. */
export const stretches = (steps: ReadonlyArray<Step>, from: number, to: number): ReadonlyArray<Stretch> => {
  const { over, running } = split(steps, from)
  return [...over, ...running.map((start) => ({ from: start, to: Math.max(start, to) }))]
}

/** The minutes of stretches: of each, every one that has begun. */
export const minutes = (all: ReadonlyArray<Stretch>): number =>
  all.reduce((sum, { from, to }) => sum + Math.ceil((to - from) / MINUTE), 0)

/** How many in the end. */
export const last = (steps: ReadonlyArray<Step>): number => steps.at(-1)?.replicas ?? 0

/** The same from a time on: what went before it is not there. */
export const since = (steps: ReadonlyArray<Step>, from: number): ReadonlyArray<Step> => {
  const before = last(steps.filter(({ at }) => at <= from))
  const after = steps.filter(({ at }) => at > from)
  return before === 0 ? after : [{ at: from, replicas: before }, ...after]
}

/** The same up to a time, at which nothing is billed any more. */
export const until = (steps: ReadonlyArray<Step>, to: number): ReadonlyArray<Step> => {
  const before = steps.filter(({ at }) => at < to)
  return last(before) === 0 ? before : [...before, { at: to, replicas: 0 }]
}

/** At each time the most that any of them has: several that have looked at one endpoint. */
export const joined = (all: ReadonlyArray<ReadonlyArray<Step>>): ReadonlyArray<Step> => {
  const changes = all
    .flatMap((steps, nth) => steps.map(({ at, replicas }) => ({ at, nth, replicas })))
    .toSorted((one, other) => one.at - other.at)
  const now = all.map(() => 0)
  const steps: Array<Step> = []
  changes.forEach(({ at, nth, replicas }, index) => {
    now[nth] = replicas
    // What happens at one moment is one step.
    if (changes[index + 1]?.at === at) return
    const most = Math.max(...now)
    if (most !== last(steps)) steps.push({ at, replicas: most })
  })
  return steps
}
