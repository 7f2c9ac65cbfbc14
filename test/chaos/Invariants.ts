/**
 * What must hold of every run, whatever went wrong. Watches the wire, the disk and the outcomes of one process after
 * another, and writes down what does not.
 */
import { Option, Schema } from "effect"
import * as Schedule from "./Schedule.ts"
import type { Answer, Call } from "./Machine.ts"
import * as Service from "./Service.ts"

/** Items that the engine may hold beyond the limit. */
const ROOM = 1024

/** How long outcomes may be gathered for one write, in milliseconds. */
const GATHERED = 50

/** How often an item may be tried that meets nothing but faults of the engine or the line. */
const TRIES = 4

/** How often an item may say that the endpoint is away while it is not, before it is held for the item's own trouble. */
const BELIEVED = 3

/** What a call came to, told apart here by the contract alone and not by the code under test. */
export type Met = "good" | "gone" | "broken" | "busy" | "row" | "account" | "unanswered"

const decodeError = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ error: Schema.String, code: Schema.optionalKey(Schema.String) }))
)
const decodeVector = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Array(Schema.Finite)))
const decodeAny = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

const known = new WeakMap<object, Met>()

export const met = ({ answer }: Call): Met => {
  if (answer === undefined || answer === "hung up") return "unanswered"
  if (answer === "broken") return "broken"
  const before = known.get(answer)
  if (before !== undefined) return before
  const now = read(answer)
  known.set(answer, now)
  return now
}

/** @source contract: data plane */
const read = (answer: Answer): Met => {
  const text = new TextDecoder().decode(answer.bytes)
  // What these mean is said in their bodies, so that half a body means nothing.
  if (answer.isCut && [400, 404, 422, 424, 429].includes(answer.status)) return "broken"
  const error = answer.isCut ? undefined : Option.getOrUndefined(decodeError(text))
  switch (answer.status) {
    case 200:
      if (answer.isCut || Option.isNone(decodeAny(text))) return "broken"
      return Option.isSome(decodeVector(text)) ? "good" : "row"
    case 400:
      return error !== undefined && /paused/.test(error.error) ? "gone" : "row"
    case 401:
      return "account"
    case 404:
      return error === undefined || error.code === "NOT_FOUND" ? "gone" : "row"
    case 413:
    case 422:
      return "row"
    case 429:
      return "busy"
    case 502:
    case 504:
      return "gone"
    case 503:
      return error !== undefined && /queue/.test(error.error) ? "busy" : "gone"
    default:
      return "broken"
  }
}

/** A record of the journal, as far as it is judged. */
const Line = Schema.Struct({
  key: Schema.String,
  tag: Schema.Literals(["Succeeded", "Failed"]),
  attempts: Schema.Int,
  output: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown)
})
export type Line = typeof Line.Type

const decodeLine = Schema.decodeUnknownOption(Schema.fromJsonString(Line))
const isReason = Schema.is(Schema.Struct({ reason: Schema.String }))

/** The whole lines of a text. */
export const wholeLines = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b)

const Derived = Schema.Struct({
  id: Schema.String,
  output: Schema.optionalKey(Schema.Unknown),
  error: Schema.optionalKey(Schema.Unknown)
})
const decodeDerived = Schema.decodeUnknownOption(Schema.fromJsonString(Derived))

const reasonOf = (error: unknown): string | undefined => (isReason(error) ? error.reason : undefined)

/** The reasons that a text's fate may end in, once nothing else goes wrong. */
const reasonsOf: Readonly<Record<Schedule.Fate, ReadonlyArray<string>>> = {
  fine: [],
  invalid: ["row"],
  tooLarge: ["tooLarge"],
  outOfShape: ["config"]
}

export const make = (schedule: Schedule.Schedule) => {
  const violations: Array<string> = []
  const texts = new Map(schedule.rows.map(({ id, text }) => [id, text]))
  const rowsOf = new Map<string, number>()
  const only = new Map(schedule.rows.map(({ id, text }) => [text, id]))
  for (const { text } of schedule.rows) rowsOf.set(text, (rowsOf.get(text) ?? 0) + 1)
  const shortest = Math.min(...schedule.rows.map(({ text }) => text.length))
  const done = new Set<string>()
  /** Rows and lines of the journal until now, over all processes. */
  let lines: ReadonlyArray<string> = []

  const violate = (what: string) => {
    if (violations.length < 20) violations.push(what)
  }
  const check = (holds: boolean, what: () => string) => {
    if (!holds) violate(what())
  }

  /** The journal's last record of each key. */
  const last = (): ReadonlyMap<string, Line> => {
    const found = new Map<string, Line>()
    for (const text of lines) {
      const line = decodeLine(text)
      if (Option.isSome(line)) found.set(line.value.key, line.value)
    }
    return found
  }

  /** Watches one process. */
  const process = (id: number) => {
    const calls: Array<Call> = []
    const about = new Map<string, Array<Call>>()
    let inFlight = 0
    let highest = 0
    let order = 0
    let opened = -1
    let closedAt: number | undefined = 0
    const sent = new Map<Call, number>()
    const goneBefore = new Map<string, number>()
    let hasInferred = false
    const doneBefore = new Set(done)
    const where = (what: string) => `process ${id}: ${what}`

    const onCall = (call: Call, now: number) => {
      calls.push(call)
      sent.set(call, order++)
      const kind = Service.kindOf(call)
      if (kind === "resume" || kind === "create")
        check(!hasInferred, () => where(`${kind} in the middle of a run at ${now} ms`))
      if (kind !== "infer") return
      hasInferred = true
      inFlight++
      highest = Math.max(highest, inFlight)
      check(inFlight <= schedule.limit, () =>
        where(`${inFlight} requests in flight at ${now} ms, the limit is ${schedule.limit}`)
      )
      check(closedAt === undefined || now <= closedAt, () =>
        where(`a request at ${now} ms through the gate that is closed since ${closedAt} ms`)
      )
      const text = Service.textOf(call)
      const others = about.get(text)
      if (others === undefined) about.set(text, [call])
      else others.push(call)
      if (rowsOf.get(text) === 1) {
        const row = only.get(text)
        check(row === undefined || !doneBefore.has(row), () =>
          where(`row ${row} was durable before the start and is sent again`)
        )
      }
    }

    const onEnd = (call: Call, now: number) => {
      const kind = Service.kindOf(call)
      if (kind === "probe" && typeof call.answer === "object" && call.answer.status === 200) {
        opened = order++
        closedAt = undefined
      }
      if (kind !== "infer") return
      inFlight--
      if (met(call) !== "gone") return
      const text = Service.textOf(call)
      const before = goneBefore.get(text) ?? 0
      goneBefore.set(text, before + 1)
      if (before < BELIEVED && closedAt === undefined && (sent.get(call) ?? 0) > opened) closedAt = now
    }

    /** An outcome comes out: it has to be durable, and right. */
    const seen = new Map<string, number>()
    const onOutcome = (
      outcome: { readonly _tag: string; readonly key: string; readonly output?: unknown },
      isDurable: (key: string, tag: string) => boolean
    ) => {
      const { _tag, key } = outcome
      seen.set(key, (seen.get(key) ?? 0) + 1)
      check(seen.get(key) === 1, () => where(`row ${key} came out ${seen.get(key)} times`))
      if (_tag === "Skipped")
        check(doneBefore.has(key) || isDurable(key, "Succeeded"), () =>
          where(`row ${key} was skipped and is not done`)
        )
      else check(isDurable(key, _tag), () => where(`row ${key} came out ${_tag} before it was durable`))
      if (_tag === "Succeeded")
        check(same(outcome.output, Schedule.answerOf(texts.get(key) ?? "")), () =>
          where(`row ${key} came out with the wrong answer`)
        )
    }

    /** The process is over; the journal is as it left it. */
    const onOver = (
      journal: string,
      options: {
        readonly isComplete: boolean
        readonly killedAt: number | undefined
        /** The records that must be there still: where the machine was lost, those that were on its disk at the start. */
        readonly kept?: number | undefined
      }
    ) => {
      const now = wholeLines(journal)
      const kept = options.kept === undefined ? lines : lines.slice(0, Math.max(options.kept, now.length))
      check(
        kept.every((line, index) => line === now[index]),
        () => where("the journal lost a record that was there before")
      )
      for (const lost of lines.slice(kept.length)) {
        const line = decodeLine(lost)
        if (Option.isSome(line)) done.delete(line.value.key)
      }
      const added = now.slice(lines.length)
      lines = now
      const attempts = new Map<string, number>()
      const recorded = new Map<string, number>()
      for (const text of added) {
        const line = decodeLine(text)
        if (Option.isNone(line)) {
          violate(where(`the journal holds a line that is none: ${text.slice(0, 80)}`))
          continue
        }
        judge(line.value, attempts, recorded)
      }
      charge(attempts, recorded, options.isComplete)
      if (options.killedAt !== undefined) redone(options.killedAt)
      return added.length
    }

    const judge = (line: Line, attempts: Map<string, number>, recorded: Map<string, number>) => {
      const { error, key, output, tag } = line
      const text = texts.get(key)
      if (text === undefined) return violate(where(`a record of a key that there is not: ${key}`))
      attempts.set(text, (attempts.get(text) ?? 0) + line.attempts)
      recorded.set(text, (recorded.get(text) ?? 0) + 1)
      check(!doneBefore.has(key), () => where(`row ${key} was done already and is recorded again`))
      if (tag === "Succeeded") {
        check(same(output, Schedule.answerOf(text)), () => where(`row ${key} has the wrong answer`))
        check(!done.has(key), () => where(`row ${key} succeeded twice`))
        done.add(key)
        return
      }
      const reason = reasonOf(error) ?? "none"
      const kinds = (about.get(text) ?? []).map(met)
      const broken = kinds.filter((kind) => kind === "broken" || kind === "unanswered").length
      if (reason === "engine" || reason === "transport")
        check(broken >= TRIES || schedule.itemTimeoutSeconds !== undefined, () =>
          where(`row ${key} was given up as ${reason} after ${broken} faults of that kind`)
        )
      else if (reason === "row" || reason === "tooLarge" || reason === "config")
        check(kinds.includes("row") || kinds.filter((kind) => kind === "gone").length >= BELIEVED, () =>
          where(`row ${key} failed as ${reason} and met only ${kinds.join(", ")}`)
        )
      else check(reason === "busy", () => where(`row ${key} failed as ${reason}`))
    }

    /**
     * What a killed run paid for and has to do again: what came back while a group was being made durable and the next one
     * gathered, and no more than was in flight at once.
     */
    const redone = (killedAt: number) => {
      const lost = calls.filter((call) => {
        if (Service.kindOf(call) !== "infer" || met(call) !== "good") return false
        const row = only.get(Service.textOf(call))
        return row !== undefined && rowsOf.get(Service.textOf(call)) === 1 && !done.has(row)
      })
      const group = GATHERED + 4 * schedule.syncMillis[1] + 5
      const first = lost.find(({ endedAt }) => endedAt !== undefined && endedAt < killedAt - group)
      check(first === undefined, () =>
        where(
          `killed at ${killedAt} ms, and the answer of ${first?.endedAt} ms to "${first && Service.textOf(first)}" is lost`
        )
      )
    }

    /** Attempts are charged as the table of the design says. */
    const charge = (
      attempts: ReadonlyMap<string, number>,
      recorded: ReadonlyMap<string, number>,
      isComplete: boolean
    ) => {
      for (const [text, some] of about) {
        const kinds = some.map(met)
        const count = (...some: ReadonlyArray<Met>) => kinds.filter((kind) => some.includes(kind)).length
        const gone = count("gone")
        const charged = kinds.length - gone
        const rows = rowsOf.get(text) ?? 1
        const mistakes = Math.max(0, gone - BELIEVED + 1)
        const sum = attempts.get(text) ?? 0
        const story = () => `${text} was charged ${sum} attempts and met ${kinds.join(", ")}`
        check(sum <= charged + mistakes, () => where(`too much charged: ${story()}`))
        if (isComplete || (rows === 1 && recorded.has(text)))
          check(sum >= charged, () => where(`too little charged: ${story()}`))
        check(count("row") <= rows, () => where(`a row at fault was sent again: ${story()}`))
        check(count("broken") <= TRIES * rows, () => where(`tried too often: ${story()}`))
        check(schedule.isDeterministic ? count("good") <= 1 : count("good") <= rows, () =>
          where(`answered well and sent again: ${story()}`)
        )
      }
    }

    /** How many items the source has given and the engine not settled. */
    const onHeld = (held: number) => {
      check(held <= schedule.limit + ROOM + 2, () => where(`${held} items are held in memory`))
      const { maxBytes } = schedule
      if (maxBytes !== undefined && doneBefore.size === 0)
        check((held - 3) * shortest <= maxBytes, () =>
          where(`${held} items of at least ${shortest} bytes are held in memory`)
        )
    }

    return {
      onCall,
      onEnd,
      onOutcome,
      onOver,
      onHeld,
      calls: (): ReadonlyArray<Call> => calls,
      seen: (): ReadonlyMap<string, number> => seen,
      highest: () => highest,
      hasInferred: () => hasInferred,
      violate: (what: string) => violate(where(what))
    }
  }

  /** A derived file is there whole or not at all, and says nothing that is wrong. */
  const derived = (results: string | undefined, errors: string | undefined) => {
    const keys: Array<string> = []
    for (const [name, member, text] of [
      ["results.jsonl", "output", results],
      ["errors.jsonl", "error", errors]
    ] as const) {
      if (text === undefined || text === "") continue
      check(text.endsWith("\n"), () => `${name} is torn`)
      for (const each of wholeLines(text)) {
        const line = decodeDerived(each)
        if (Option.isNone(line) || !(member in line.value)) {
          violate(`${name} holds a line that is none: ${each.slice(0, 80)}`)
          continue
        }
        keys.push(line.value.id)
        const text = texts.get(line.value.id)
        check(text !== undefined, () => `${name} holds a row that there is not`)
        if (member === "output")
          check(
            same(line.value.output, Schedule.answerOf(text ?? "")),
            () => `${name}: wrong answer for ${line.value.id}`
          )
      }
    }
    return keys
  }

  /** The files after the last run: every key once, in the file where it belongs. */
  const final = (results: string | undefined, errors: string | undefined) => {
    const keys = derived(results, errors)
    check(
      keys.length === schedule.rows.length && new Set(keys).size === keys.length,
      () =>
        `${keys.length} lines in the results for ${schedule.rows.length} rows, ${new Set(keys).size} different keys`
    )
    for (const [key, line] of last()) {
      const fate = schedule.fates.get(texts.get(key) ?? "") ?? "fine"
      check(
        (line.tag === "Succeeded") === (fate === "fine"),
        () => `row ${key} is ${fate} and ended as ${line.tag}`
      )
      if (line.tag === "Failed")
        check(
          reasonsOf[fate].includes(reasonOf(line.error) ?? ""),
          () => `row ${key} is ${fate} and failed as ${reasonOf(line.error)}`
        )
    }
  }

  return { violations, violate, check, process, derived, final, done: (): ReadonlySet<string> => done, last }
}

export type Invariants = ReturnType<typeof make>
