/**
 * Items from lines of JSON, a whole chunk of a file at a time.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Stream from "effect/Stream"
import * as FileKind from "./fileKind.ts"
import * as ProblemText from "./problemText.ts"
import { type TextLine, TextLines } from "./textLines.ts"

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024

/** Bytes whose lines are held at once: with more of them they outlive the collector's first look, at half the speed. */
const PIECE = 128 * 1024

/** The longest line that is taken unless one says otherwise: 64 MB. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024

/** A file cannot be read at all: what is wrong with it. */
export class Unusable {
  readonly _tag = "Unusable"
  readonly problem: string | PlatformError.PlatformError
  constructor(problem: string | PlatformError.PlatformError) {
    this.problem = problem
  }
}

const unusable = (problem: string | PlatformError.PlatformError) => new Unusable(problem)

/** What is told of an open file: `look` runs when it is opened, after each chunk that was read, and at its end. */
export interface Watch<E> {
  readonly look: (file: FileSystem.File) => Effect.Effect<void, E>
  /** Runs at the end with the number of lines, and may fail the stream. */
  readonly atEnd: (lines: number) => Effect.Effect<void, E>
}

/** What a chunk of lines came to: items, and what ended the reading after them. */
export interface Decoded<A, E> {
  readonly items: ReadonlyArray<A>
  readonly failure?: E | undefined
}

/** What reading a file needs to know. */
export interface Reading<A, E, E2, R> {
  readonly maxLineBytes: number
  readonly decode: (lines: ReadonlyArray<TextLine>) => Effect.Effect<Decoded<A, E>, E, R>
  readonly watch?: Watch<E2> | undefined
}

/** The items of a file, an array for each chunk that was read: one effect a chunk, and none an item. */
export const read = <A, E, E2 = never, R = never>(
  path: string,
  { maxLineBytes, decode, watch }: Reading<A, E, E2, R>
): Stream.Stream<A, Unusable | E | E2, FileSystem.FileSystem | R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), unusable)
      const look = watch === undefined ? Effect.void : watch.look(file)
      yield* look
      const lines = new TextLines(maxLineBytes)
      const buffer = new Uint8Array(CHUNK)
      let size = 0
      let at = 0
      let isFirst = true
      let isOver = false
      let failure: E | undefined

      const fill = Effect.gen(function* () {
        size = yield* Effect.mapError(file.read(buffer), unusable)
        at = 0
        // Looked at before what was read is used: a line of a changed file never leaves here.
        yield* look
        const problem = isFirst ? FileKind.problemOf(buffer.subarray(0, size)) : undefined
        isFirst = false
        if (problem !== undefined) return yield* Effect.fail(unusable(problem))
        return size === 0
      })

      const piece = Effect.suspend(() => {
        const start = at
        at = Math.min(at + PIECE, size)
        return decode(lines.take(buffer.subarray(start, at)))
      })

      const next = Effect.suspend(() => {
        if (at < size) return piece
        return Effect.flatMap(fill, (isEnd) => {
          isOver = isEnd
          return isEnd ? decode(lines.end()) : piece
        })
      })

      type Items = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Unusable | E | E2, void, R>
      const pull: Items = Effect.suspend((): Items => {
        if (failure !== undefined) return Effect.fail(failure)
        if (isOver)
          return watch === undefined ? Cause.done() : Effect.andThen(watch.atEnd(lines.count), Cause.done())
        return Effect.flatMap(next, (decoded): Items => {
          failure = decoded.failure
          return Arr.isReadonlyArrayNonEmpty(decoded.items) ? Effect.succeed(decoded.items) : pull
        })
      })
      return Stream.fromPull(Effect.succeed(pull))
    })
  )

/** A line that is no item. */
export class BadLine {
  readonly line: TextLine
  readonly field: string | undefined
  readonly detail: string
  readonly isNotJson: boolean
  constructor(line: TextLine, text: ProblemText.Text, isNotJson = false) {
    this.isNotJson = isNotJson
    this.line = line
    this.field = text.field
    this.detail = text.detail
  }
}

const unreadable = {
  "not UTF-8": () => "is not UTF-8",
  "too long": (maxBytes: number) => `is longer than ${maxBytes.toLocaleString("en-US")} bytes`
}

const parse = (text: string): unknown => {
  try {
    // Measured: JSON.parse and a decoder of values take half the time of a schema of JSON text.
    return JSON.parse(text)
  } catch (cause) {
    return new NotJson(cause instanceof Error ? cause.message : "")
  }
}

class NotJson {
  readonly detail: string
  constructor(message: string) {
    const cause = message.replace(/ \(line 1 column \d+\)/, "")
    this.detail = ProblemText.safe(`is not JSON: ${cause}`)
  }
}

/** Whether an effect has its result already, as that of a synchronous decoder has. */
export const isSettled = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Exit.Exit<A, E> =>
  Exit.isExit(effect)

const issueOf = (cause: Cause.Cause<SchemaIssue.Issue>) => Option.getOrUndefined(Cause.findErrorOption(cause))

/** Makes an item of a line, or says why it is none. Synchronous whenever the schema is. */
export const decoder = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  schema: S,
  maxLineBytes: number
) => {
  const decode = SchemaParser.decodeUnknownEffect(schema)
  const decodeAgain = SchemaParser.decodeUnknownEffect(schema, { reportInput: true })
  type Item = S["Type"]
  type Decoded = Effect.Effect<Item, SchemaIssue.Issue, S["DecodingServices"]>

  type Refused = Effect.Effect<never, BadLine, S["DecodingServices"]>

  const refuse = (line: TextLine, json: unknown, cause: Cause.Cause<SchemaIssue.Issue>): Refused => {
    const issue = issueOf(cause)
    if (issue === undefined) return Effect.die(Cause.squash(cause))
    // Once more, for an issue that holds the value that does not fit.
    const again: Decoded = decodeAgain(json)
    return Effect.flatMap(Effect.exit(again), (exit) => {
      const better = Exit.isFailure(exit) ? issueOf(exit.cause) : undefined
      return Effect.fail(new BadLine(line, ProblemText.fromIssue(better ?? issue)))
    })
  }

  return (line: TextLine): Effect.Effect<Item, BadLine, S["DecodingServices"]> => {
    if (line.unreadable !== undefined) {
      return Exit.fail(new BadLine(line, { detail: unreadable[line.unreadable](maxLineBytes) }))
    }
    const json = parse(line.text)
    if (json instanceof NotJson) return Exit.fail(new BadLine(line, { detail: json.detail }, true))
    const decoded: Decoded = decode(json)
    if (isSettled(decoded) && Exit.isSuccess(decoded)) return Exit.succeed(decoded.value)
    return Effect.matchCauseEffect(decoded, {
      onFailure: (cause) => refuse(line, json, cause),
      onSuccess: (item) => Effect.succeed(item)
    })
  }
}

/** The items of some lines in their order, up to the first that `accept` or `reject` gives an error for. */
export const decodeAll = <Item, R, A, E>(
  lines: ReadonlyArray<TextLine>,
  decode: (line: TextLine) => Effect.Effect<Item, BadLine, R>,
  accept: (item: Item, line: TextLine) => A | BadLine,
  reject: (bad: BadLine) => E | undefined
): Effect.Effect<Decoded<A, E>, never, R> => {
  const from = (start: number, items: Array<A>): Effect.Effect<Decoded<A, E>, never, R> => {
    for (let at = start; at < lines.length; at++) {
      const line = lines[at]
      if (line === undefined) break
      const decoded = decode(line)
      if (!isSettled(decoded)) {
        return Effect.flatMap(Effect.exit(decoded), (exit) => {
          const accepted = Exit.isSuccess(exit) ? accept(exit.value, line) : badOf(exit.cause)
          const failure = accepted instanceof BadLine ? reject(accepted) : void items.push(accepted)
          return failure === undefined ? from(at + 1, items) : Effect.succeed({ items, failure })
        })
      }
      const accepted = Exit.isSuccess(decoded) ? accept(decoded.value, line) : badOf(decoded.cause)
      if (!(accepted instanceof BadLine)) {
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

/** The bad line of a cause; a decoder's defect stays one. */
const badOf = (cause: Cause.Cause<BadLine>): BadLine => {
  const bad = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (bad === undefined) throw Cause.squash(cause)
  return bad
}
