/** One seed: a world in which everything goes wrong, the runs that go through it, and what does not hold in the end. */
import { Progress } from "@stint/batch"
import { Cause, Effect, Exit, Option } from "effect"
import * as Dice from "./Dice.ts"
import * as Disk from "./Disk.ts"
import * as Excuses from "./Excuses.ts"
import * as Invariants from "./Invariants.ts"
import * as Machine from "./Machine.ts"
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
  /** A number for everything that happened: the same seed has the same. */
  readonly trace: number
}

const LONGEST = 8 * 3_600_000

const asleep = ["paused", "scaledToZero", "failed", "gone"]

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
  seed: number,
  options?: { readonly isVerbose?: boolean | undefined }
): Effect.fn.Return<Result> {
  const schedule = Schedule.make(seed)
  const simulation = Simulation.make()
  const disk = Disk.make()
  const invariants = Invariants.make(schedule)
  const service = Service.make(bench, schedule, simulation.now)
  const world = simulation.domain()
  const machine = Machine.make({ simulation, disk, world, serve: service.serve, seed })
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

  /** Does something in the world and lets the time pass that it takes. */
  const inWorld = <A>(effect: Effect.Effect<A>) =>
    Effect.gen(function* () {
      const fiber = machine.inWorld(effect)
      yield* simulation.run(() => fiber.pollUnsafe() !== undefined)
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

  /** Runs one process to its end. */
  const process = Effect.fnUntraced(function* (id: number) {
    const watch = invariants.process(id)
    const progress = Progress.make({ total: schedule.rows.length })
    const kill = schedule.kills.get(id)
    const dice = Dice.named(seed, `process ${id}`)
    const before = yield* stateNow
    const minutesBefore = yield* minutesNow
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
      if (kill?.isGentle !== true) return dying.kill()
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

    const running = machine.start(
      Program.make({
        schedule,
        service,
        watch,
        progress,
        isDurable,
        onEvent: (event) => {
          events.push(event._tag)
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
          if (kind === "pause" || kind === "scaleToZero" || kind === "delete") {
            releasing ??= running.domain.tasks()
            if (kill?.at === "release" && kill.count === 0) die("as it releases")
          }
          if (kind !== "infer") return
          inferred++
          killAt("request", inferred)
          for (const { afterRequests, deed, process } of schedule.events) {
            if (process !== id || afterRequests !== inferred) continue
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
    const ran = yield* simulation.run(
      () => running.exit() !== undefined || !running.isAlive() || simulation.now() > until
    )
    const exit = running.isAlive() ? running.exit() : undefined
    const isKilled = !running.isAlive()
    if (exit === undefined && !isKilled) {
      watch.violate(ran ? `did not end within ${LONGEST / 3_600_000} hours` : "hangs: nothing is left to run")
      running.kill()
    }
    running.end()
    dying = undefined
    highest = Math.max(highest, watch.highest())
    const isOk = exit !== undefined && Exit.isSuccess(exit)
    const report = exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
    const journal = disk.read(Program.journalPath) ?? ""
    watch.onOver(journal, { isComplete: isOk })
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
        .filter((done) => done.process === id)
        .map(({ deed }) => deed)
    )
    if (exit !== undefined && Exit.isFailure(exit)) {
      const seen = {
        deeds,
        managementFaults:
          schedule.managementRisk > 0 || schedule.failedPauses + schedule.lyingPauses > 0 ? 1 : 0,
        gone: infer.filter((kind) => kind === "gone").length,
        accounts: infer.filter((kind) => kind === "account").length,
        failures: progress.cells.failed,
        isFull,
        isInterrupted
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
      if (schedule.way === "stream" && remaining > 0 && watch.seen().size !== schedule.rows.length)
        watch.violate(`${watch.seen().size} outcomes for ${schedule.rows.length} rows`)
    }
    if (isOk && infer.includes("account")) watch.violate("went on although the account was refused")

    // What the endpoint is left as.
    const after = yield* stateNow
    const held = events.includes("Acquired")
    const isReleased = exit !== undefined && end !== "ReleaseUnconfirmed"
    if (isReleased && held && !deeds.has("delete")) {
      const allowed = statesAfter(schedule.policy, before)
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
        (woken || (yield* minutesNow) !== minutesBefore || (!isOk && !isFull && !isInterrupted))
      )
        watch.violate(`nothing was left to do, and it ended ${end}${woken ? " and woke the endpoint" : ""}`)
    }
    if (held || watch.calls().some((call) => ["create", "resume"].includes(Service.kindOf(call))))
      lastHolder = id
    return { report, end }
  })

  let id = 0
  let isOver = false
  let isWhole = false
  while (!isOver && id < schedule.troubled + 2 && invariants.violations.length === 0) {
    if (id >= schedule.troubled) service.calm()
    const { end, report } = yield* process(id)
    yield* inWorld(Effect.sleep(Dice.named(seed, `gap ${id}`).between(1, 30_000)))
    const wasWhole = isWhole
    isWhole = end === "ok" && report?.failed === 0
    // Once more when nothing is left, to see that nothing is done.
    isOver = (isWhole && wasWhole) || (end === "ok" && id > schedule.troubled)
    id++
  }
  if (invariants.violations.length === 0) {
    if (ends.at(-1) !== "ok") invariants.violate(`the last process ended with ${ends.at(-1)}`)
    invariants.final(
      disk.read(`${Program.folder}/results.jsonl`),
      disk.read(`${Program.folder}/errors.jsonl`)
    )
    const bill = yield* minutesNow
    const left = yield* stateNow
    yield* inWorld(Effect.sleep("50 minutes"))
    const later = yield* minutesNow
    // A run that was killed as it released, and left nothing to do: no rerun wakes the endpoint, so none puts it to sleep.
    const isOrphan = ends[lastHolder] === "killed"
    // After a crash a restore finds what the crash left, which runs.
    const mayRun = schedule.policy === "restore" && (schedule.found === "running" || ends.includes("killed"))
    if (!isOrphan && !mayRun) {
      if (bill !== later) invariants.violate(`the bill goes on: ${bill} minutes, then ${later}`)
      if (lastHolder >= 0 && !["paused", "scaledToZero", "gone"].includes(left))
        invariants.violate(`the endpoint is ${left} in the end`)
    }
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
    trace
  }
})
