/**
 * An input that is checked as a whole while it is read for the first time, and gives the same items again whenever it is
 * read after that.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe } from "../../FileProblem.ts"
import { InputChanged, InvalidInput, type Problem } from "../../InvalidInput.ts"
import { SourceError, type Unit } from "../../SourceError.ts"
import { FirstLines } from "./firstLines.ts"
import { LineSet } from "./lineSet.ts"
import * as ProblemText from "./problemText.ts"
import * as Records from "./records.ts"

/** How many problems are held in memory. */
const HELD = 1000

/** How an input is checked. */
export interface Options<A> {
  /** What the messages call the input. Default: its path. */
  readonly name?: string | undefined
  /** The item's identity, when it must be unique: of two lines with one key the later one is invalid. */
  readonly key?: ((item: A) => string) | undefined
  /**
   * Whether the items fail with `InvalidInput` at their end when lines are invalid, or go on without those. Default:
   * `fail`.
   */
  readonly onInvalid?: "fail" | "skip" | undefined
  /** Where the invalid lines are written when they are skipped, one JSON object each. */
  readonly invalidPath?: string | undefined
  /** The longest line, or record of CSV, that is taken. Default: 64 MB. */
  readonly maxLineBytes?: number | undefined
}

/** What a check came to. */
export interface Check {
  /** All lines, the blank ones too; of Parquet all rows. */
  readonly lines: number
  readonly items: number
  readonly invalid: number
  /** What is wrong with the first 1,000 invalid lines. */
  readonly problems: ReadonlyArray<Problem>
}

type Failure = SourceError | InvalidInput | InputChanged

/** An input that is checked while it is read for the first time. */
export interface Checked<A, R> {
  readonly items: Stream.Stream<A, Failure, FileSystem.FileSystem | R>
  /** What the check came to; nothing until the items were read to their end once. */
  readonly check: Effect.Effect<Check | undefined>
}

const differenceOf = (before: Records.Stamp, now: Records.Stamp): string | undefined => {
  if (before.size !== now.size) return `it had ${before.size} bytes and has ${now.size} now`
  if (before.place !== now.place) return "it is another file now"
  return before.version === now.version ? undefined : "it was written to"
}

/** What later readings go by. */
interface Known {
  readonly stamp: Records.Stamp
  readonly bad: LineSet
  readonly check: Check
}

const encoder = new TextEncoder()

const lineOf =
  (unit: Unit) =>
  ({ record, field, message }: Records.BadRecord) => {
    const error = field === undefined ? { reason: "invalid", message } : { reason: "invalid", field, message }
    return `${JSON.stringify({ [unit]: record.number, error, text: record.text })}\n`
  }

/** Writes the invalid lines beside `path`, and puts them in its place when `finish` is run. */
const makeWriter = Effect.fnUntraced(function* (path: string, unit: Unit) {
  const fs = yield* FileSystem.FileSystem
  const part = `${path}.part`
  let isFinished = false
  yield* Effect.addFinalizer(() => (isFinished ? Effect.void : Effect.ignore(fs.remove(part))))
  const file = yield* fs.open(part, { flag: "w" })
  return {
    write: (bad: ReadonlyArray<Records.BadRecord>) =>
      bad.length === 0 ? Effect.void : file.writeAll(encoder.encode(bad.map(lineOf(unit)).join(""))),
    finish: Effect.gen(function* () {
      yield* file.sync
      yield* fs.rename(part, path)
      isFinished = true
    })
  }
})

const noWriter = { write: () => Effect.void, finish: Effect.void }

/** The error of an input that cannot be read at all, under its name. */
const toFailure =
  (name: string) =>
  <E>(error: Records.Unusable | E): SourceError | E =>
    error instanceof Records.Unusable ? new SourceError({ path: name, line: 0, detail: error.detail }) : error

/** What is decoded, of what. */
export interface Subject<S, Rec extends Records.Entry, R> {
  /** What the messages call the input. */
  readonly name: string
  readonly format: Records.Format<Rec, R>
  readonly schema: S
  /** The name that a field of the schema has in the input. */
  readonly renameField?: ((field: string) => string) | undefined
}

export const make = <S extends Schema.ConstraintCodec<unknown, unknown>, Rec extends Records.Entry, R>(
  { name, format, schema, renameField }: Subject<S, Rec, R>,
  options: Options<S["Type"]> = {}
): Checked<S["Type"], Exclude<R, Scope.Scope> | S["DecodingServices"]> => {
  type Item = S["Type"]
  const { unit } = format
  const decode = Records.decoder(schema, format.valueOf, renameField)
  const { invalidPath, key, onInvalid = "fail" } = options
  let known: Known | undefined

  const ofFile = (detail: string) => new SourceError({ path: name, line: 0, detail })
  const ofRecord = ({ record, message }: Records.BadRecord) =>
    new SourceError({ path: name, line: record.number, detail: message, ...(unit === "row" ? { unit } : {}) })
  const changed = (detail: string) => new InputChanged({ path: name, detail })
  const unwritten = (error: PlatformError.PlatformError) =>
    new SourceError({ path: invalidPath ?? name, line: 0, detail: describe(error) })

  /** Says whether the open input is still the same. */
  const watcher = <E>(expected: Records.Stamp | undefined, toError: (difference: string) => E) => {
    let stamp = expected
    const look: Records.Look<E> = (now) => {
      stamp ??= now
      const difference = differenceOf(stamp, now)
      return difference === undefined ? Effect.void : Effect.fail(toError(difference))
    }
    return { look, stamp: () => stamp }
  }

  const checking = Effect.gen(function* () {
    const writer =
      onInvalid === "skip" && invalidPath !== undefined
        ? yield* Effect.mapError(makeWriter(invalidPath, unit), unwritten)
        : noWriter
    const seen = new FirstLines()
    const bad = new LineSet()
    const problems: Array<Problem> = []
    let items = 0
    let unwrittenRecords: Array<Records.BadRecord> = []
    let isFirst = true

    const accept = (item: Item, record: Rec) => {
      isFirst = false
      if (key !== undefined) {
        const id = key(item)
        const first = seen.seen(id, record.number)
        if (first !== undefined) {
          const detail = `the id "${ProblemText.safe(id, 80)}" is that of ${unit} ${first} as well; ids must be unique in a file`
          return new Records.BadRecord(record, { detail })
        }
      }
      items++
      return item
    }

    const reject = (record: Records.BadRecord): SourceError | undefined => {
      if (isFirst) {
        const detail = format.documentProblem?.(record)
        if (detail !== undefined) return ofFile(detail)
      }
      isFirst = false
      // Going on would leave out all that follows.
      if (record.broken === "endless" && onInvalid === "skip") return ofRecord(record)
      bad.add(record.record.number)
      if (problems.length < HELD) problems.push(problemOf(record))
      if (onInvalid === "skip" && invalidPath !== undefined) unwrittenRecords.push(record)
      return undefined
    }

    const watch = watcher(undefined, (difference) =>
      ofFile(`was changed while it was being checked: ${difference}. Run again once nobody writes to it`)
    )
    const atEnd = Effect.fnUntraced(function* (lines: number) {
      const check = { lines, items, invalid: bad.size, problems }
      if (onInvalid === "fail" && bad.size > 0) {
        const inUnit = unit === "row" ? { unit } : {}
        return yield* new InvalidInput({ path: name, count: bad.size, problems, ...inUnit })
      }
      yield* Effect.mapError(writer.finish, unwritten)
      const stamp = watch.stamp()
      if (stamp !== undefined) known = { stamp, bad, check }
    })

    return Records.read(format, {
      look: watch.look,
      atEnd,
      decode: (records) =>
        Effect.tap(Records.decodeAll(records, decode, accept, reject), () => {
          const now = unwrittenRecords
          unwrittenRecords = []
          return Effect.mapError(writer.write(now), unwritten)
        })
    }).pipe(Stream.mapError(toFailure(name)))
  })

  const again = ({ stamp, bad, check }: Known) =>
    Records.read(format, {
      look: watcher(stamp, changed).look,
      atEnd: (lines) =>
        lines === check.lines
          ? Effect.void
          : Effect.fail(changed(`it had ${check.lines} ${unit}s and has ${lines} now`)),
      decode: (records) =>
        Records.decodeAll(
          bad.size === 0 ? records : records.filter((record) => !bad.has(record.number)),
          decode,
          (item: Item) => item,
          ({ record }) => changed(`${unit} ${record.number} is another`)
        )
    }).pipe(Stream.mapError(toFailure(name)))

  type Services = FileSystem.FileSystem | Exclude<R, Scope.Scope> | S["DecodingServices"]
  return {
    items: Stream.suspend((): Stream.Stream<Item, Failure, Services> =>
      known === undefined ? Stream.unwrap(checking) : again(known)
    ),
    check: Effect.sync(() => known?.check)
  }
}

/** The items of an input, up to its first record that is none. */
export const unchecked = <S extends Schema.ConstraintCodec<unknown, unknown>, Rec extends Records.Entry, R>({
  name,
  format,
  schema,
  renameField
}: Subject<S, Rec, R>): Stream.Stream<
  { readonly line: number; readonly item: S["Type"] },
  SourceError,
  FileSystem.FileSystem | Exclude<R, Scope.Scope> | S["DecodingServices"]
> =>
  Stream.suspend(() => {
    const { unit } = format
    const decode = Records.decoder(schema, format.valueOf, renameField)
    let isFirst = true
    const number = (item: S["Type"], { number: line }: Rec) => {
      isFirst = false
      return { line, item }
    }
    const refuse = (bad: Records.BadRecord) => {
      const whole = isFirst ? format.documentProblem?.(bad) : undefined
      return whole === undefined
        ? new SourceError({
            path: name,
            line: bad.record.number,
            detail: bad.message,
            ...(unit === "row" ? { unit } : {})
          })
        : new SourceError({ path: name, line: 0, detail: whole })
    }
    return Records.read(format, {
      decode: (records) => Records.decodeAll(records, decode, number, refuse)
    }).pipe(Stream.mapError(toFailure(name)))
  })

const problemOf = ({ record, field, detail }: Records.BadRecord): Problem =>
  field === undefined ? { line: record.number, detail } : { line: record.number, field, detail }
