/** One seed: a world in which everything goes wrong, the runs that go through it, and what does not hold in the end. */
import { Progress } from "@stint/batch"
import { Cause, Effect, Exit, Option, Redacted } from "effect"
import * as Dice from "./Dice.ts"
import * as Disk from "./Disk.ts"
import * as Excuses from "./Excuses.ts"
import type * as Guardian from "./Guardian.ts"
import * as Host from "./Host.ts"
import * as Invariants from "./Invariants.ts"
import * as Machine from "./Machine.ts"
import * as Ownership from "./Ownership.ts"
import * as Program from "./Program.ts"
import * as Schedule from "./Schedule.ts"
import * as Service from "./Service.ts"
import * as Simulation from "./Simulation.ts"

export interface Result {
  readonly seed: number
  readonly violations: ReadonlyArray<string>
  /** What happened, in words, for whoever looks into a seed. */
  readonly story: ReadonlyArray<string>
  readonly processes: number
  readonly killed: number
  readonly calls: number
  readonly virtualMillis: number
  readonly highestInFlight: number
  /** How each process ended: `ok`, `killed`, or its error's tag. */
  readonly ends: ReadonlyArray<string>
  /** How each neighbour ended. */
  readonly neighbours: ReadonlyArray<string>
  readonly lease: Ownership.Ownership["counts"] | undefined
  /** The faults that were met, by name. */
  readonly faults: ReadonlyArray<string>
  /** A number for everything that happened: the same seed has the same. */
  readonly trace: number
}

const LONGEST = 8 * 3_600_000

const { asleep } = Service

/** The states that a policy may leave an endpoint in that was found so. */
const statesAfter = (policy: Schedule.Policy, before: string): ReadonlyArray<string> => {
  switch (policy) {
    case "pause":
      return ["paused"]
    case "scaleToZero":
      return ["scaledToZero", "paused"]
    case "delete":
      return ["gone"]
    case "restore":
      if (!asleep.includes(before)) return ["running", "initializing", ...asleep]
      return before === "scaledToZero" ? ["scaledToZero", "paused"] : ["paused"]
  }
}

export const run = Effect.fnUntraced(function* (
  bench: Service.Bench,
  schedule: Schedule.Schedule,
  options?: { readonly isVerbose?: boolean | undefined }
): Effect.fn.Return<Result> {
  Host.install()
  const { seed } = schedule
  const simulation = Simulation.make()
  const invariants = Invariants.make(schedule)
  const secret = Redacted.value(bench.token)
  const canary = Buffer.from(secret)
  const disk = Disk.make({
    now: simulation.now,
    onWritten: (path, bytes) => {
      if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(canary))
        invariants.violate(`the token is written to ${path}`)
    }
  })
  const lives = new Map<string, { readonly isAlive: () => boolean }>()
  const ownership = Ownership.make({
    schedule,
    violate: invariants.violate,
    now: simulation.now,
    isAlive: (who) => lives.get(who)?.isAlive() !== false
  })
  const world = simulation.domain()
  const faults: Array<string> = []
  const runInWorld = Effect.runForkWith(world.context)
  const service: Service.Service = Service.make(bench, schedule, simulation.now, {
    onFault: (name) => faults.push(name),
    onDelay: ownership.onDelay,
    inWorld: (effect) => void runInWorld(effect)
  })
  /** Once all is well, it is for guardians too. */
  let isCalm = false
  const killOf = (nth: number) => (isCalm ? undefined : schedule.guardianKills.get(nth))
  const struck = new Set<number>()
  const guardianCalls = new Map<number, number>()
  const guardianWatch: Guardian.Watch = {
    fate: (nth) => {
      const dice = Dice.named(seed, `guardian ${nth}`)
      return {
        upAfter: killOf(nth)?.at === "start" ? undefined : dice.between(20, 300),
        noticesAfter: dice.between(0, 2000)
      }
    },
    onStart: (guardian, argv, env) => {
      if (argv.join(" ").includes(secret) || JSON.stringify(env).includes(secret))
        invariants.violate("the token is in the arguments or the environment of a guardian")
      if (killOf(guardian.nth)?.at === "start") {
        unguarded++
        ownership.onUnguarded()
      }
      ownership.onGuardian.start(guardian)
      mark(`guardian ${guardian.nth}`)
    },
    onActing: (guardian) => {
      tell(() => `guardian ${guardian.nth} acts for process ${guardian.parent}`)
      ownership.onGuardian.acting()
      const kill = killOf(guardian.nth)
      if (kill?.at === "millis")
        void runInWorld(
          Effect.andThen(
            Effect.sleep(kill.count),
            Effect.sync(() => strikeGuardian(guardian))
          )
        )
    },
    onOver: (guardian) => {
      tell(() => `guardian ${guardian.nth} is gone`)
      ownership.onGuardian.over(guardian, struck.has(guardian.nth) || isPowerCut)
    },
    onCall: (guardian, call) => {
      calls++
      const kind = Service.kindOf(call)
      const nth = (guardianCalls.get(guardian.nth) ?? 0) + 1
      guardianCalls.set(guardian.nth, nth)
      mark(`guardian ${kind}`)
      tell(() => `guardian ${guardian.nth}: ${kind}`)
      ownership.onGuardianCall(guardian, kind)
      const kill = killOf(guardian.nth)
      if (kill?.at === "call" && kill.count === nth) strikeGuardian(guardian)
    },
    onEnd: (guardian, call) => {
      const said = typeof call.answer === "object" ? `${call.answer.status}` : call.answer
      mark(`${said}`)
      tell(() => `guardian ${guardian.nth}:   ${Service.kindOf(call)} -> ${said}`)
      ownership.onGuardianAnswer(guardian, call)
    }
  }
  const strikeGuardian = (guardian: Guardian.Guardian) => {
    if (!guardian.isAlive()) return
    struck.add(guardian.nth)
    tell(() => `guardian ${guardian.nth} is killed`)
    guardian.kill()
  }
  const hosts = new Set(["api.", "hub."])
  const machine = Machine.make({
    simulation,
    disk,
    world,
    serve: service.serve,
    seed,
    isAlone: !schedule.hasLease,
    guardians: guardianWatch,
    onRequest: (request, url) => {
      const isKnown = [...hosts].some((host) => url.host.startsWith(host)) || service.isHost(url)
      for (const [name, value] of Object.entries(request.headers))
        if (value?.includes(secret) && !(name === "authorization" && isKnown))
          invariants.violate(`the token goes to ${url.host} in ${name}`)
      if (request.body._tag === "Uint8Array" && Buffer.from(request.body.body).includes(canary))
        invariants.violate(`the token is in the body of a request to ${url.host}`)
      if (url.href.includes(secret))
        invariants.violate(`the token is in the address of a request to ${url.host}`)
    }
  })
  let unguarded = 0
  let isPowerCut = false
  const neighbours: Array<{
    readonly who: string
    readonly running: Machine.Process<unknown, unknown>
    end: string | undefined
  }> = []
  const story: Array<string> = []
  const ends: Array<string> = []
  let trace = seed
  let calls = 0
  let killed = 0
  let highest = 0
  let lastHolder = -1

  const tell = (what: () => string) => {
    if (options?.isVerbose === true) story.push(`${String(simulation.now()).padStart(9)} ms  ${what()}`)
  }
  const mark = (text: string) => {
    trace = Dice.hash(`${trace} ${simulation.now()} ${text}`)
  }

  let wasLate = false
  /** At every instant. */
  const look = () => {
    for (const one of neighbours) {
      if (one.end !== undefined) continue
      const exit = one.running.exit()
      if (one.running.isAlive() && exit === undefined) continue
      one.end =
        !one.running.isAlive() || exit === undefined
          ? "killed"
          : Exit.isSuccess(exit)
            ? "ok"
            : Excuses.tagOf(exit.cause)
      mark(`${one.who} ${one.end}`)
      if (one.end === "Defect") invariants.violate(`${one.who} ended with a defect`)
      tell(() => `${one.who} ended: ${one.end}`)
      one.running.end()
      if (one.end === "killed") ownership.onKilled(one.who)
      else ownership.onExit(one.who)
    }
    if (wasLate || !schedule.hasLease) return
    const late = ownership.mustSleep()
    if (late === undefined) return
    wasLate = true
    const exit = Effect.runSyncExit(Effect.provideContext(service.state, world.context))
    if (Exit.isSuccess(exit) && !asleep.includes(exit.value)) invariants.violate(`${late} (${exit.value})`)
    else wasLate = false
  }
  const runUntil = Effect.fnUntraced(function* (isOver: () => boolean) {
    const ran = yield* simulation.run(() => {
      look()
      return isOver()
    })
    if (!ran) invariants.violate(`nothing goes on any more after ${simulation.now()} ms`)
    return ran
  })

  /** Does something in the world and lets the time pass that it takes. */
  const inWorld = <A>(effect: Effect.Effect<A>) =>
    Effect.gen(function* () {
      const fiber = machine.inWorld(effect)
      yield* runUntil(() => fiber.pollUnsafe() !== undefined)
      const exit = fiber.pollUnsafe()
      return exit === undefined ? Option.none<A>() : Option.map(Exit.getSuccess(exit), (value) => value)
    })

  disk.put(Program.rowsPath, schedule.rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
  yield* inWorld(service.prepare)
  const stateNow = Effect.map(
    inWorld(service.state),
    Option.getOrElse(() => "unknown")
  )
  const minutesNow = Effect.map(
    inWorld(service.minutes),
    Option.getOrElse(() => -1)
  )

  const powerCut = () => {
    isPowerCut = true
    machine.powerOff()
    isPowerCut = false
  }

  /** Starts a neighbour, which ends by itself. */
  const startNeighbour = (plan: Schedule.Neighbour) => {
    const who = `neighbour ${neighbours.length}`
    const dice = Dice.named(seed, who)
    ownership.onStart(who)
    const running = machine.start(
      Program.neighbour({
        who,
        schedule,
        service,
        lessor: ownership,
        neighbour: plan,
        onEvent: (event) => {
          if (event._tag === "Acquired") ownership.onAcquired(who)
          tell(() => `${who}: ${event._tag}`)
        }
      }),
      {
        syncMillis: () => dice.between(schedule.syncMillis[0], schedule.syncMillis[1]),
        onCall: (call) => {
          calls++
          const kind = Service.kindOf(call)
          mark(`${who} ${kind}`)
          tell(() => `${who}: ${kind}`)
          ownership.onCall(who, kind)
        },
        onEnd: (call) => {
          tell(
            () =>
              `${who}:   ${Service.kindOf(call)} -> ${typeof call.answer === "object" ? call.answer.status : call.answer}`
          )
        }
      }
    )
    lives.set(who, running)
    neighbours.push({ who, running, end: undefined })
    const { kill } = plan
    if (kill !== undefined)
      machine.inWorld(
        Effect.andThen(
          Effect.sleep(kill.afterMillis),
          Effect.sync(() => {
            if (!running.isAlive() || running.exit() !== undefined) return
            tell(() => `${who} is ${kill.isGentle ? "interrupted" : "killed"}`)
            if (kill.isGentle) running.interrupt()
            else running.kill()
          })
        )
      )
  }
  const hasNeighbour = () => neighbours.some(({ end }) => end === undefined)

  /** Runs one process to its end. */
  const process = Effect.fnUntraced(function* (id: number) {
    const watch = invariants.process(id)
    const progress = Progress.make({ total: schedule.rows.length })
    const kill = schedule.kills.get(id)
    const dice = Dice.named(seed, `process ${id}`)
    const who = `process ${id}`
    const before = yield* stateNow
    const minutesBefore = yield* minutesNow
    let hadNeighbour = hasNeighbour()
    let wasGuarded = ownership.guardians().size > 0
    const unguardedBefore = unguarded
    const remaining = schedule.rows.filter(({ id }) => !invariants.done().has(id)).length
    const events: Array<string> = []
    let inferred = 0
    let answered = 0
    let diskCalls = 0
    let resultsCalls = 0
    let writes = 0
    let isFull = false
    let isInterrupted = false
    let dying: Machine.Process<unknown, unknown> | undefined
    let releasing: number | undefined

    const die = (why: string) => {
      if (dying?.isAlive() !== true) return
      tell(() => `process ${id} is ${kill?.isGentle === true ? "interrupted" : "killed"}: ${why}`)
      if (kill?.isGentle !== true) {
        for (const guardian of ownership.guardians())
          if (guardian.parent === dying.id && schedule.guardianKills.get(guardian.nth)?.at === "together")
            strikeGuardian(guardian)
        return kill?.isPowerCut === true ? powerCut() : dying.kill()
      }
      isInterrupted = true
      dying.interrupt()
    }
    const killAt = (at: Schedule.Kill["at"], count: number) => {
      if (kill?.at === at && kill.count === count) die(`${at} ${count}`)
    }

    // Keys that are durable, read from the disk as far as it was synced.
    const durable = new Map<string, string>()
    let read = 0
    const isDurable = (key: string, tag: string) => {
      const bytes = disk.durable(Program.journalPath)
      if (bytes.length > read) {
        const text = new TextDecoder().decode(bytes.subarray(read))
        const whole = text.slice(0, text.lastIndexOf("\n") + 1)
        read += new TextEncoder().encode(whole).length
        for (const [, key, tag] of whole.matchAll(/"key":"([^"]*)".*?"tag":"(\w+)"/g)) {
          if (key !== undefined && tag !== undefined) durable.set(key, tag)
        }
      }
      return durable.get(key) === tag
    }

    const durableAtStart = Invariants.wholeLines(
      new TextDecoder().decode(disk.durable(Program.journalPath))
    ).length
    ownership.onStart(who)
    for (const neighbour of id < schedule.troubled ? schedule.neighbours : []) {
      if (neighbour.process !== id) continue
      hadNeighbour = true
      machine.inWorld(
        Effect.andThen(
          Effect.sleep(neighbour.afterMillis),
          Effect.sync(() => {
            waiting--
            if (!isOver) startNeighbour(neighbour)
          })
        )
      )
      waiting++
    }
    const running = machine.start(
      Program.make({
        schedule,
        service,
        lessor: ownership,
        who,
        isCalm: id >= schedule.troubled,
        watch,
        progress,
        isDurable,
        onEvent: (event) => {
          events.push(event._tag)
          if (event._tag === "Acquired") ownership.onAcquired(who)
          tell(() => `process ${id}: ${event._tag}`)
        }
      }),
      {
        syncMillis: () => dice.between(schedule.syncMillis[0], schedule.syncMillis[1]),
        onDisk: (call, path) => {
          killAt("disk", ++diskCalls)
          if (/results|errors/.test(path)) killAt("results", ++resultsCalls)
          if (call === "write" && schedule.full?.process === id && ++writes >= schedule.full.fromWrite) {
            isFull = true
            ownership.onBlind(who)
            tell(() => `process ${id}: no room for ${path}`)
            return "full"
          }
          return undefined
        },
        onCall: (call) => {
          calls++
          const kind = Service.kindOf(call)
          mark(`${kind} ${Service.textOf(call)}`)
          tell(() => `process ${id}: ${kind} ${Service.textOf(call)}`)
          watch.onCall(call, simulation.now())
          if (schedule.hasLease) ownership.onCall(who, kind)
          if (kind === "pause" || kind === "scaleToZero" || kind === "delete") {
            releasing ??= running.domain.tasks()
            if (kill?.at === "release" && kill.count === 0) die("as it releases")
          }
          if (kind !== "infer") return
          inferred++
          killAt("request", inferred)
          for (const { afterRequests, deed, process } of schedule.events) {
            if (process !== id || afterRequests !== inferred) continue
            ownership.onDeed()
            machine.inWorld(Effect.andThen(Effect.sleep("20 millis"), service.strike(deed, id)))
          }
        },
        onEnd: (call) => {
          const { answer } = call
          const said = typeof answer === "object" ? `${answer.status}${answer.isCut ? " cut" : ""}` : answer
          mark(`${said}`)
          tell(() => `process ${id}:   ${Service.kindOf(call)} ${Service.textOf(call)} -> ${said}`)
          watch.onEnd(call, simulation.now())
          if (Service.kindOf(call) === "infer") killAt("answer", ++answered)
        }
      }
    )
    lives.set(who, running)
    dying = running
    running.domain.onTask = () => {
      killAt("task", running.domain.tasks())
      if (
        kill?.at === "release" &&
        releasing !== undefined &&
        running.domain.tasks() === releasing + kill.count
      )
        die("in the middle of its release")
    }
    if (kill?.at === "millis")
      machine.inWorld(
        Effect.andThen(
          Effect.sleep(kill.count),
          Effect.sync(() => die(`after ${kill.count} ms`))
        )
      )
    const until = simulation.now() + LONGEST
    const ran = yield* runUntil(
      () => running.exit() !== undefined || !running.isAlive() || simulation.now() > until
    )
    const exit = running.isAlive() ? running.exit() : undefined
    const isKilled = !running.isAlive()
    if (exit === undefined && !isKilled) {
      watch.violate(ran ? `did not end within ${LONGEST / 3_600_000} hours` : "hangs")
      running.kill()
    }
    running.end()
    if (isKilled) ownership.onKilled(who)
    else ownership.onExit(who)
    hadNeighbour ||= hasNeighbour()
    wasGuarded ||= ownership.guardians().size > 0
    dying = undefined
    highest = Math.max(highest, watch.highest())
    const isOk = exit !== undefined && Exit.isSuccess(exit)
    const report = exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
    const journal = disk.read(Program.journalPath) ?? ""
    watch.onOver(journal, {
      isComplete: isOk,
      killedAt: isKilled && !isFull ? simulation.now() : undefined,
      kept: isKilled && kill?.isPowerCut === true ? durableAtStart : undefined
    })
    invariants.derived(
      disk.read(`${Program.folder}/results.jsonl`),
      disk.read(`${Program.folder}/errors.jsonl`)
    )
    const end = isKilled
      ? "killed"
      : exit === undefined
        ? "stuck"
        : Exit.isSuccess(exit)
          ? "ok"
          : Excuses.tagOf(exit.cause)
    if (isKilled) killed++
    ends.push(end)
    mark(end)
    tell(
      () =>
        `process ${id} ended: ${end}${exit !== undefined && Exit.isFailure(exit) ? ` ${Cause.pretty(exit.cause)}` : ""}`
    )

    const infer = watch
      .calls()
      .filter((call) => Service.kindOf(call) === "infer")
      .map(Invariants.met)
    const deeds = new Set(
      service
        .done()
        .filter((done) => done.process === id || done.process === -1)
        .map(({ deed }) => deed)
    )
    if (exit !== undefined && Exit.isFailure(exit)) {
      if (Cause.pretty(exit.cause).includes(secret))
        watch.violate("the token is in the error that it ends with")
      const seen = {
        deeds,
        managementFaults:
          schedule.managementRisk > 0 || schedule.failedPauses + schedule.lyingPauses > 0 ? 1 : 0,
        gone: infer.filter((kind) => kind === "gone").length,
        accounts: infer.filter((kind) => kind === "account").length,
        failures: progress.cells.failed,
        isFull,
        isInterrupted,
        hadNeighbour,
        mayFailToGuard: unguarded > unguardedBefore,
        hasDeadline: schedule.deadlineSeconds !== undefined
      }
      if (id >= schedule.troubled || !Excuses.isExcused(end, seen))
        watch.violate(`ended with ${end} for no reason: ${Cause.pretty(exit.cause).slice(0, 300)}`)
    }
    if (report !== undefined) {
      const { failed, items, remaining: left, skipped, succeeded } = report
      if (
        succeeded + failed + skipped + (left ?? 0) !== items ||
        items !== schedule.rows.length ||
        left !== 0
      )
        watch.violate(`the sums are wrong: ${JSON.stringify(report)}`)
      if (schedule.way === "stream" && watch.seen().size > 0 && watch.seen().size !== schedule.rows.length)
        watch.violate(`${watch.seen().size} outcomes for ${schedule.rows.length} rows`)
    }
    if (isOk && infer.includes("account")) watch.violate("went on although the account was refused")

    // What the endpoint is left as.
    const after = yield* stateNow
    const held = events.includes("Acquired")
    const isShared = hadNeighbour || events.includes("Left") || events.includes("TookOver") || wasGuarded
    const isReleased = exit !== undefined && end !== "ReleaseUnconfirmed"
    if (isShared) {
      // What becomes of it is judged when everybody is gone.
    } else if (isReleased && held && !deeds.has("delete")) {
      // What somebody paused meanwhile is theirs, and is not deleted.
      const allowed = [...statesAfter(schedule.policy, before), ...(deeds.has("pause") ? ["paused"] : [])]
      if (!allowed.includes(after))
        watch.violate(
          `left the endpoint ${after}; its policy is ${schedule.policy} and it found it ${before}`
        )
    } else if (isReleased && asleep.includes(before) && !asleep.includes(after)) {
      watch.violate(`woke the endpoint, never held it and left it ${after}`)
    }
    if (remaining === 0) {
      const woken = watch
        .calls()
        .some((call) => ["create", "resume", "infer", "pause"].includes(Service.kindOf(call)))
      if (
        exit !== undefined &&
        (woken ||
          (!isShared && (yield* minutesNow) !== minutesBefore) ||
          (!isOk && !isFull && !isInterrupted))
      )
        watch.violate(`nothing was left to do, and it ended ${end}${woken ? " and woke the endpoint" : ""}`)
    }
    if (held || watch.calls().some((call) => ["create", "resume"].includes(Service.kindOf(call))))
      lastHolder = id
    return { report, end }
  })

  const isRecorded = () =>
    disk.paths().some((path) => path.startsWith(Program.records) && path.endsWith(".json"))

  /** With leases on record: the guardians do what is theirs, a sweep the rest, and the endpoint is as it is to be. */
  const leftAlone = Effect.gen(function* () {
    const isSound = () => service.done().length === 0 && schedule.full === undefined
    yield* runUntil(() => ownership.guardians().size === 0)
    // The idle time of the endpoint, in steps that are looked at.
    for (const minutes of [1, 19, 30])
      if (!asleep.includes(yield* stateNow)) yield* inWorld(Effect.sleep(`${minutes} minutes`))
    if (isRecorded()) {
      ownership.onStart("sweep")
      const running = machine.start(Program.sweep("sweep", schedule, service, ownership), {
        syncMillis: () => 0,
        onCall: (call) => {
          const kind = Service.kindOf(call)
          tell(() => `sweep: ${kind}`)
          ownership.onSweep(kind)
        }
      })
      yield* runUntil(() => running.exit() !== undefined)
      running.end()
      ownership.onExit("sweep")
      if (isRecorded() && isSound()) invariants.violate("a sweep leaves a record behind")
    }
    const left = yield* stateNow
    tell(() => `the endpoint is ${left} in the end`)
    if (lastHolder < 0 || !isSound()) return
    const allowed = statesAfter(schedule.policy, schedule.found === "nothing" ? "gone" : schedule.found)
    if (!allowed.includes(left) && !(left === "gone" && schedule.policy === "delete"))
      invariants.violate(
        `the endpoint is ${left} in the end; its policy is ${schedule.policy} and it was found ${schedule.found}`
      )
  })

  /** Without: a run that was killed as it released leaves what it leaves, and a restore finds what the crash left. */
  const leftBehind = Effect.gen(function* () {
    const bill = yield* minutesNow
    const left = yield* stateNow
    // What sleeps is woken by nobody.
    if (!asleep.includes(left)) yield* inWorld(Effect.sleep("50 minutes"))
    const later = yield* minutesNow
    const isOrphan = ends[lastHolder] === "killed"
    const mayRun = schedule.policy === "restore" && (schedule.found === "running" || ends.includes("killed"))
    if (isOrphan || mayRun) return
    if (bill !== later) invariants.violate(`the bill goes on: ${bill} minutes, then ${later}`)
    if (lastHolder >= 0 && !["paused", "scaledToZero", "gone"].includes(left))
      invariants.violate(`the endpoint is ${left} in the end`)
  })

  let id = 0
  let isOver = false
  let waiting = 0
  let isWhole = false
  while (!isOver && id < schedule.troubled + 2 && invariants.violations.length === 0) {
    if (id === schedule.troubled) {
      isCalm = true
      service.calm()
      // Whatever is under way ends by itself.
      yield* runUntil(() => waiting === 0 && !hasNeighbour())
    }
    const { end, report } = yield* process(id)
    yield* inWorld(Effect.sleep(schedule.gapMillis))
    const wasWhole = isWhole
    isWhole = end === "ok" && report?.failed === 0
    // Once more when nothing is left, to see that nothing is done.
    isOver = (isWhole && wasWhole) || (end === "ok" && id > schedule.troubled)
    id++
  }
  yield* runUntil(() => waiting === 0 && !hasNeighbour())
  if (invariants.violations.length === 0) {
    if (ends.at(-1) !== "ok") invariants.violate(`the last process ended with ${ends.at(-1)}`)
    invariants.final(
      disk.read(`${Program.folder}/results.jsonl`),
      disk.read(`${Program.folder}/errors.jsonl`)
    )
    service.calm()
    if (schedule.hasLease) yield* leftAlone
    else yield* leftBehind
  }
  const virtualMillis = simulation.now()
  yield* inWorld(service.remove)
  world.kill()
  return {
    seed,
    violations: invariants.violations,
    story,
    processes: id,
    killed,
    calls,
    virtualMillis,
    highestInFlight: highest,
    ends,
    neighbours: neighbours.map(({ end }) => end ?? "stuck"),
    lease: schedule.hasLease ? ownership.counts : undefined,
    faults,
    trace
  }
})
