/**
 * Who may do what to the endpoint, at every step: watched at the claims and at the wire, and told from nothing that the lease
 * itself believes.
 */
import { Leases } from "@stint/batch"
import { Effect } from "effect"
import type * as Guardian from "./Guardian.ts"
import type { Call } from "./Machine.ts"
import type * as Schedule from "./Schedule.ts"
import type { Kind } from "./Service.ts"

/** How long a guardian takes at the most that meets nothing: it learns of the end, counts down, calls twice. */
const GUARDED = 8_000
/** What each fault that it meets may cost it: a call that hangs, the wait after it. */
const PER_FAULT = 22_000
/** Where nobody is left: the endpoint's own idle time, a boot, and what it takes to notice. */
const BACKSTOP = 20 * 60_000

const releases: ReadonlySet<Kind> = new Set(["pause", "scaleToZero", "delete"])

export const make = (options: {
  readonly schedule: Schedule.Schedule
  readonly violate: (what: string) => void
  readonly now: () => number
  /** What a process believes that is dead already comes to nothing: its calls do not leave. */
  readonly isAlive: (who: string) => boolean
}) => {
  const { isAlive, now, schedule } = options
  const alive = new Set<string>()
  const claiming = new Set<string>()
  const holders = new Set<string>()
  /** Those whose disk refused something: what the record says of them is not to be relied on. */
  const blind = new Set<string>()
  const guardians = new Set<Guardian.Guardian>()
  const underWay = new Set<Guardian.Guardian>()
  let releasing: string | undefined
  /** Nothing was done to the endpoint since it was released. */
  let isSettled = true
  /** It was released, and nobody claimed it since. */
  let isReleased = false
  let isForeign = false
  let since: number | undefined
  let isUnguarded = !schedule.hasGuardian
  let faults = 0
  const counts = { claims: 0, joined: 0, takenOver: 0, guarded: 0, guardianCalls: 0 }

  const violate = (what: string) => options.violate(`at ${now()} ms ${what}`)
  const check = (holds: boolean, what: () => string) => {
    if (!holds) violate(what())
  }
  const list = (some: Iterable<string>) => [...some].join(" and ")
  const isSure = () => blind.size === 0

  const gone = (who: string) => {
    alive.delete(who)
    claiming.delete(who)
    holders.delete(who)
    if (releasing === who) releasing = undefined
    if (alive.size > 0) return
    since = now()
    faults = 0
  }

  return {
    counts,
    /** A process of the machine begins. */
    onStart: (who: string) => {
      alive.add(who)
      since = undefined
    },
    onKilled: gone,
    onExit: (who: string) => {
      check(!holders.has(who) || blind.has(who), () => `${who} ended and holds the endpoint still`)
      gone(who)
    },
    onBlind: (who: string) => {
      blind.add(who)
    },
    /** Somebody else did something to the endpoint: what becomes of it is theirs too. */
    onDeed: () => {
      isForeign = true
    },
    onGuardian: {
      start: (guardian: Guardian.Guardian) => {
        guardians.add(guardian)
      },
      acting: () => {
        counts.guarded++
      },
      over: (guardian: Guardian.Guardian, isKilled: boolean) => {
        guardians.delete(guardian)
        underWay.delete(guardian)
        if (isKilled) isUnguarded = true
      }
    },
    /** A guardian's call leaves. */
    onGuardianCall: (guardian: Guardian.Guardian, kind: Kind) => {
      counts.guardianCalls++
      underWay.add(guardian)
      if (!releases.has(kind)) return
      const who = `the guardian of process ${guardian.parent}`
      if (isSure()) {
        check(holders.size === 0, () => `${who} sends ${kind} while ${list(holders)} holds the endpoint`)
        check(releasing === undefined, () => `${who} sends ${kind} while ${releasing} releases`)
        check(!isReleased, () => `${who} sends ${kind} though the endpoint was released and confirmed`)
      }
      check(underWay.size === 1, () => "two guardians call at once")
    },
    onGuardianAnswer: (guardian: Guardian.Guardian, { answer }: Call) => {
      underWay.delete(guardian)
      if (typeof answer !== "object" || (answer.status >= 300 && answer.status !== 404)) faults++
    },
    /** A guardian ends before it is up. */
    onUnguarded: () => {
      isUnguarded = true
    },
    /** A guardian was lied to, or what it asked for took long. */
    onDelay: () => {
      faults++
    },
    onCall: (who: string, kind: Kind) => {
      if (kind === "create" || kind === "resume") {
        isSettled = false
        check(holders.has(who), () => `${who} sends ${kind} and holds nothing`)
      }
      if (!releases.has(kind) || !isSure()) return
      check(releasing === who, () => `${who} sends ${kind}, and ${releasing ?? "nobody"} is to release`)
      check(holders.size === 0, () => `${who} sends ${kind} while ${list(holders)} holds the endpoint`)
    },
    /** A sweep's call leaves: its claim is its own. */
    onSweep: (kind: Kind) => {
      if (releases.has(kind) && isSure())
        check(holders.size === 0, () => `a sweep sends ${kind} while ${list(holders)} holds the endpoint`)
    },
    onAcquired: (who: string) => {
      if (isAlive(who)) isSettled = false
    },
    /** The leases of a process, watched. */
    watched: (who: string, inner: Leases.Service): Leases.Service => ({
      claim: (claim) =>
        Effect.suspend(() => {
          claiming.add(who)
          const before = new Set(holders)
          return Effect.map(inner.claim(claim), (hold) => ({ hold, before }))
        }).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              claiming.delete(who)
            })
          ),
          Effect.map(({ before, hold }) => {
            const still = [...before].filter((other) => holders.has(other))
            if (isSure()) {
              check(releasing === undefined, () => `${who} claims while ${releasing} releases`)
              check(underWay.size === 0, () => `${who} claims in the middle of a guardian's call`)
              check(hold.isShared || still.length === 0, () => `${who} claims alone beside ${list(still)}`)
            }
            isReleased = false
            isUnguarded = !schedule.hasGuardian
            counts.claims++
            if (hold.isShared) counts.joined++
            if (hold.orphan !== undefined) counts.takenOver++
            holders.add(who)
            return {
              ...hold,
              leave: Effect.map(hold.leave, (answer) => {
                if (!isAlive(who)) return answer
                holders.delete(who)
                if (answer === "last") {
                  if (isSure())
                    check(holders.size === 0, () => `${who} is the last one, and ${list(holders)} holds on`)
                  releasing = who
                } else if (isSure())
                  check(
                    holders.size + claiming.size > 0,
                    () => `${who} is told that others hold the endpoint, and nobody does`
                  )
                return answer
              }),
              ended: (unconfirmed) =>
                Effect.suspend(() => {
                  if (releasing === who) releasing = undefined
                  if (unconfirmed === undefined) {
                    isSettled = true
                    isReleased = true
                  }
                  return hold.ended(unconfirmed)
                })
            }
          })
        )
    }),
    /** At every instant: whether the bill must have stopped by now. */
    mustSleep: (): string | undefined => {
      if (since === undefined || isSettled || isForeign || blind.size > 0) return undefined
      if (schedule.policy === "restore" && schedule.found === "running") return undefined
      const bound = isUnguarded ? BACKSTOP : GUARDED + faults * PER_FAULT
      return now() - since > Math.min(bound, BACKSTOP)
        ? `the last owner is gone since ${since} ms and ${isUnguarded ? "nobody guards" : `a guardian met ${faults} faults`}: at ${now()} ms the endpoint still bills`
        : undefined
    },
    holders: (): ReadonlySet<string> => holders,
    alive: (): ReadonlySet<string> => alive,
    guardians: (): ReadonlySet<Guardian.Guardian> => guardians
  }
}

export type Ownership = ReturnType<typeof make>
