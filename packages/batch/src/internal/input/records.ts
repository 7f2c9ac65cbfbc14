/**
 * Records of an input, whatever its format: lines of JSON, records of CSV, rows of Parquet. A format opens an input and
 * gives its records in pieces; here they become items.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { describe } from "../../FileProblem.ts"
import type { Unit } from "../../SourceError.ts"
import * as ProblemText from "./problemText.ts"

/** One record. `number` counts lines or rows from 1; `text` is what is shown of a record that cannot be used. */
export interface Entry {
  readonly number: number
  readonly text: string
}

/** What an input was when it was looked at: the same stamp, the same input. */
export interface Stamp {
  readonly place: string
  readonly size: number
  readonly version: string
}

/** Looks at an open input; what it fails with ends the reading. */
export type Look<E> = (stamp: Stamp) => Effect.Effect<void, E>

/** An open input. */
export interface Opened<Rec, E> {
  /** The next records, perhaps none of them; nothing at the end. */
  readonly next: Effect.Effect<ReadonlyArray<Rec> | undefined, E>
  /** How many lines or rows were seen, blank ones too. */
  readonly count: () => number
}

/** A kind of input; `R` is what it takes beside files. */
export interface Format<Rec extends Entry, R> {
  /** What a record's number counts. */
  readonly unit: Unit
  /**
   * Opens the input. `look` is given its stamp when it is opened, and whenever more of it was read, before that is used.
   * Without one an input may be anything that can be read, a pipe too.
   */
  readonly open: <E>(
    look: Look<E> | undefined
  ) => Effect.Effect<Opened<Rec, Unusable | E>, Unusable | E, FileSystem.FileSystem | R | Scope.Scope>
  /** The value that an item is decoded from. */
  readonly valueOf: (record: Rec) => unknown
  /** What is wrong with the whole input, when its first record cannot be used for this reason. */
  readonly documentProblem?: ((bad: BadRecord) => string | undefined) | undefined
}

/** An input cannot be read at all: what is wrong with it. */
export class Unusable {
  readonly _tag = "Unusable"
  readonly detail: string
  constructor(problem: string | PlatformError.PlatformError) {
    this.detail = typeof problem === "string" ? problem : describe(problem)
  }
}

/** Why a record is no item beside what its schema says. */
export type Broken = "syntax" | "endless"

/** A record that is no item. */
export class BadRecord {
  readonly record: Entry
  readonly field: string | undefined
  readonly detail: string
  /** It could not be read as its format; after an `endless` one no other can be found. */
  readonly broken: Broken | undefined
  constructor(record: Entry, text: ProblemText.Text, broken?: Broken) {
    this.record = record
    this.field = text.field
    this.detail = text.detail
    this.broken = broken
  }

  get message(): string {
    return this.field === undefined ? this.detail : `${this.field}: ${this.detail}`
  }
}

/** What a piece of records came to: items, and what ended the reading after them. */
export interface Decoded<A, E> {
  readonly items: ReadonlyArray<A>
  readonly failure?: E | undefined
}

/** How records are read. */
export interface Reading<Rec, A, E, E2, R> {
  readonly look?: Look<E2> | undefined
  readonly decode: (records: ReadonlyArray<Rec>) => Effect.Effect<Decoded<A, E>, E, R>
  /** Runs at the end with the number of lines or rows, and may fail the stream. */
  readonly atEnd?: ((count: number) => Effect.Effect<void, E2>) | undefined
}

/** The items of an input, an array for each piece that was read: one effect a piece, and none an item. */
export const read = <Rec extends Entry, R, A, E, R2, E2 = never>(
  format: Format<Rec, R>,
  { look, decode, atEnd }: Reading<Rec, A, E, E2, R2>
): Stream.Stream<A, Unusable | E | E2, FileSystem.FileSystem | Exclude<R, Scope.Scope> | R2> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { next, count } = yield* format.open(look)
      let failure: E | undefined

      type Items = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Unusable | E | E2, void, R2>
      const end: Items =
        atEnd === undefined
          ? Cause.done()
          : Effect.andThen(
              Effect.suspend(() => atEnd(count())),
              Cause.done()
            )
      const pull: Items = Effect.suspend((): Items => {
        if (failure !== undefined) return Effect.fail(failure)
        return Effect.flatMap(next, (records): Items => {
          if (records === undefined) return end
          return Effect.flatMap(decode(records), (decoded): Items => {
            failure = decoded.failure
            return Arr.isReadonlyArrayNonEmpty(decoded.items) ? Effect.succeed(decoded.items) : pull
          })
        })
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  )

/** Whether an effect has its result already, as that of a synchronous decoder has. */
export const isSettled = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Exit.Exit<A, E> =>
  Exit.isExit(effect)

const issueOf = (cause: Cause.Cause<SchemaIssue.Issue>) => Option.getOrUndefined(Cause.findErrorOption(cause))

/** Makes an item of a record, or says why it is none. Synchronous whenever the schema is. */
export const decoder = <S extends Schema.ConstraintCodec<unknown, unknown>, Rec extends Entry>(
  schema: S,
  valueOf: (record: Rec) => unknown,
  renameField: (field: string) => string = (field) => field
) => {
  const decode = SchemaParser.decodeUnknownEffect(schema)
  const decodeAgain = SchemaParser.decodeUnknownEffect(schema, { reportInput: true })
  type Item = S["Type"]
  type Decoding = Effect.Effect<Item, SchemaIssue.Issue, S["DecodingServices"]>

  type Refused = Effect.Effect<never, BadRecord, S["DecodingServices"]>

  const textOf = (issue: SchemaIssue.Issue): ProblemText.Text => {
    const text = ProblemText.fromIssue(issue)
    return text.field === undefined ? text : { ...text, field: renameField(text.field) }
  }

  const refuse = (record: Rec, value: unknown, cause: Cause.Cause<SchemaIssue.Issue>): Refused => {
    const issue = issueOf(cause)
    if (issue === undefined) return Effect.die(Cause.squash(cause))
    // Once more, for an issue that holds the value that does not fit.
    const again: Decoding = decodeAgain(value)
    return Effect.flatMap(Effect.exit(again), (exit) => {
      const better = Exit.isFailure(exit) ? issueOf(exit.cause) : undefined
      return Effect.fail(new BadRecord(record, textOf(better ?? issue)))
    })
  }

  return (record: Rec): Effect.Effect<Item, BadRecord, S["DecodingServices"]> => {
    const value = valueOf(record)
    if (value instanceof BadRecord) return Exit.fail(value)
    const decoded: Decoding = decode(value)
    if (isSettled(decoded) && Exit.isSuccess(decoded)) return Exit.succeed(decoded.value)
    return Effect.matchCauseEffect(decoded, {
      onFailure: (cause) => refuse(record, value, cause),
      onSuccess: (item) => Effect.succeed(item)
    })
  }
}

/** The items of some records in their order, up to the first that `accept` or `reject` gives an error for. */
export const decodeAll = <Rec extends Entry, Item, R, A, E>(
  records: ReadonlyArray<Rec>,
  decode: (record: Rec) => Effect.Effect<Item, BadRecord, R>,
  accept: (item: Item, record: Rec) => A | BadRecord,
  reject: (bad: BadRecord) => E | undefined
): Effect.Effect<Decoded<A, E>, never, R> => {
  const from = (start: number, items: Array<A>): Effect.Effect<Decoded<A, E>, never, R> => {
    for (let at = start; at < records.length; at++) {
      const record = records[at]
      if (record === undefined) break
      const decoded = decode(record)
      if (!isSettled(decoded)) {
        return Effect.flatMap(Effect.exit(decoded), (exit) => {
          const accepted = Exit.isSuccess(exit) ? accept(exit.value, record) : badOf(exit.cause)
          const failure = accepted instanceof BadRecord ? reject(accepted) : void items.push(accepted)
          return failure === undefined ? from(at + 1, items) : Effect.succeed({ items, failure })
        })
      }
      const accepted = Exit.isSuccess(decoded) ? accept(decoded.value, record) : badOf(decoded.cause)
      if (!(accepted instanceof BadRecord)) {
        items.push(accepted)
        continue
      }
      const failure = reject(accepted)
      if (failure !== undefined) return Effect.succeed({ items, failure })
    }
    return Effect.succeed({ items })
  }
  return Effect.suspend(() => from(0, []))
}

/** The bad record of a cause; a decoder's defect stays one. */
const badOf = (cause: Cause.Cause<BadRecord>): BadRecord => {
  const bad = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (bad === undefined) throw Cause.squash(cause)
  return bad
}
