/**
 * Virtual time for programs that may be cut off in the middle of a step.
 *
 * A simulation is one queue of tasks and one heap of timers. Fibers belong to a domain, which is their scheduler and
 * their clock: killing a domain drops its tasks and timers, so that none of its fibers ever goes on, finalizers included.
 * When nothing is left to do at an instant, time jumps to the next timer.
 */
import { Clock, Context, Duration, Effect, Scheduler } from "effect"
import * as Host from "./Host.ts"

/** Fibers that live and die together. */
export interface Domain {
  readonly isAlive: () => boolean
  /** Tasks run so far: a moment between two instants. */
  readonly tasks: () => number
  /** What its fibers run with. */
  readonly context: Context.Context<never>
  /** Nothing of it ever runs again. */
  readonly kill: () => void
  /** Called before each task. */
  onTask: (() => void) | undefined
  /** The system around it, for code that calls Node. */
  os: Host.Os | undefined
}

export interface Simulation {
  readonly now: () => number
  readonly domain: () => Domain
  /** Somebody outside of the queue has still to do something at this instant: time waits. */
  readonly hold: () => void
  readonly letGo: () => void
  /** Runs everything until `isOver`, or until nothing goes on any more: then `false`. */
  readonly run: (isOver: () => boolean) => Effect.Effect<boolean>
}

interface Timer {
  readonly at: number
  readonly order: number
  readonly domain: Domain
  wake: (() => void) | undefined
}

const isBefore = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.order < b.order)

/** The timers, the earliest first. */
const makeHeap = () => {
  const heap: Array<Timer> = []
  const at = (index: number) => heap[index]
  const swap = (i: number, j: number) => {
    const [a, b] = [heap[i], heap[j]]
    if (a === undefined || b === undefined) return
    heap[i] = b
    heap[j] = a
  }
  const isLess = (i: number, j: number) => {
    const [a, b] = [at(i), at(j)]
    return a !== undefined && b !== undefined && isBefore(a, b)
  }
  return {
    push: (timer: Timer) => {
      let index = heap.push(timer) - 1
      while (index > 0) {
        const parent = (index - 1) >> 1
        if (!isLess(index, parent)) break
        swap(index, parent)
        index = parent
      }
    },
    pop: (): Timer | undefined => {
      const first = heap[0]
      const last = heap.pop()
      if (first === undefined || last === undefined || heap.length === 0) return first
      heap[0] = last
      let index = 0
      while (true) {
        const left = 2 * index + 1
        const smaller = isLess(left + 1, left) ? left + 1 : left
        if (!isLess(smaller, index)) return first
        swap(index, smaller)
        index = smaller
      }
    }
  }
}

/** Tasks between two looks of the host at its own affairs. */
const BREATH = 20_000
/** Sleepers woken at one instant before it is said to go round in circles. */
const CIRCLES = 100_000

const { setImmediate } = new Scheduler.MixedScheduler("async")

export const make = (): Simulation => {
  let now = 0
  let order = 0
  let held = 0
  const timers = makeHeap()
  let tasks: Array<() => void> = []
  let first = 0

  const next = () => {
    if (first === tasks.length) return undefined
    const task = tasks[first++]
    if (first > 1024 && first * 2 > tasks.length) {
      tasks = tasks.slice(first)
      first = 0
    }
    return task
  }

  const domain = (): Domain => {
    let isAlive = true
    let count = 0
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2048,
      makeDispatcher: () => ({
        scheduleTask: (task) => {
          tasks.push(() => {
            if (!isAlive) return
            count++
            self.onTask?.()
            // Killed by what watches the tasks.
            if (isAlive) Host.within(self.os, task)
          })
        },
        flush: () => {}
      })
    }
    const nanos = () => BigInt(Math.round(now * 1_000_000))
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: () => now,
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Effect.callback<void>((resume) => {
          const millis = Duration.toMillis(duration)
          if (!Number.isFinite(millis)) return
          const timer: Timer = {
            at: now + Math.max(0, millis),
            order: order++,
            domain: self,
            wake: () => resume(Effect.void)
          }
          timers.push(timer)
          return Effect.sync(() => {
            timer.wake = undefined
          })
        })
    }
    const self: Domain = {
      isAlive: () => isAlive,
      tasks: () => count,
      context: Context.make(Clock.Clock, clock).pipe(Context.add(Scheduler.Scheduler, scheduler)),
      kill: () => {
        isAlive = false
      },
      onTask: undefined,
      os: undefined
    }
    return self
  }

  let woken = 0
  /** Wakes the next sleeper; `false` when there is none, or when time does not go on for them. */
  const advance = (): boolean => {
    while (true) {
      const timer = timers.pop()
      if (timer === undefined) return false
      if (timer.wake === undefined || !timer.domain.isAlive()) continue
      woken = timer.at === now ? woken + 1 : 0
      if (woken > CIRCLES) return false
      now = timer.at
      Host.within(timer.domain.os, timer.wake)
      return true
    }
  }

  const run = (isOver: () => boolean) =>
    Effect.callback<boolean>((resume) => {
      let isStopped = false
      let hasWaited = false
      const go = () => {
        if (isStopped) return
        for (let breath = BREATH; breath > 0; breath--) {
          const task = next()
          if (task !== undefined) {
            hasWaited = false
            task()
          } else if (held > 0) {
            break
          } else if (isOver()) {
            return resume(Effect.succeed(true))
          } else if (hasWaited) {
            hasWaited = false
            if (!advance()) return resume(Effect.succeed(false))
          } else {
            // A body may be read by real promises: they have their turn before time goes on.
            hasWaited = true
            break
          }
        }
        setImmediate(go)
      }
      go()
      return Effect.sync(() => {
        isStopped = true
      })
    })

  return {
    now: () => now,
    domain,
    hold: () => {
      held++
    },
    letGo: () => {
      held--
    },
    run
  }
}
