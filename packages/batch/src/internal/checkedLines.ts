/**
 * A file of items that is checked as a whole while it is read for the first time, and gives the same items again whenever
 * it is read after that.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { describe } from "../FileProblem.ts"
import { InputChanged, InvalidInput, type Problem } from "../InvalidInput.ts"
import { SourceError } from "../SourceError.ts"
import * as FileKind from "./fileKind.ts"
import { FirstLines } from "./firstLines.ts"
import * as JsonLines from "./jsonLines.ts"
import { LineSet } from "./lineSet.ts"
import * as ProblemText from "./problemText.ts"
import type { TextLine } from "./textLines.ts"

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
  /** The longest line that is taken. Default: 64 MB. */
  readonly maxLineBytes?: number | undefined
}

/** What a check came to. */
export interface Check {
  /** All lines, the blank ones too. */
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

interface Stamp {
  readonly place: string
  readonly size: number
  readonly written: number
}

const stampOf = (info: FileSystem.File.Info): Stamp => ({
  place: `${info.dev}:${Option.getOrElse(info.ino, () => 0n)}`,
  size: Number(info.size),
  written: Option.match(info.mtime, { onNone: () => 0, onSome: (time) => time.getTime() })
})

const differenceOf = (before: Stamp, now: Stamp): string | undefined => {
  if (before.size !== now.size) return `it had ${before.size} bytes and has ${now.size} now`
  if (before.place !== now.place) return "it is another file now"
  return before.written === now.written ? undefined : "it was written to"
}

/** What later readings go by. */
interface Known {
  readonly stamp: Stamp
  readonly bad: LineSet
  readonly check: Check
}

const encoder = new TextEncoder()

const record = ({ line, field, detail }: JsonLines.BadLine) => {
  const message = field === undefined ? detail : `${field}: ${detail}`
  const error = field === undefined ? { reason: "invalid", message } : { reason: "invalid", field, message }
  return `${JSON.stringify({ line: line.number, error, text: line.text })}\n`
}

/** Writes the invalid lines beside `path`, and puts them in its place when `finish` is run. */
const makeWriter = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const part = `${path}.part`
  let isFinished = false
  yield* Effect.addFinalizer(() => (isFinished ? Effect.void : Effect.ignore(fs.remove(part))))
  const file = yield* fs.open(part, { flag: "w" })
  return {
    write: (bad: ReadonlyArray<JsonLines.BadLine>) =>
      bad.length === 0 ? Effect.void : file.writeAll(encoder.encode(bad.map(record).join(""))),
    finish: Effect.gen(function* () {
      yield* file.sync
      yield* fs.rename(part, path)
      isFinished = true
    })
  }
})

const noWriter = { write: () => Effect.void, finish: Effect.void }

export const make = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  path: string,
  schema: S,
  options: Options<S["Type"]> = {}
): Checked<S["Type"], S["DecodingServices"]> => {
  type Item = S["Type"]
  const name = options.name ?? path
  const maxLineBytes = options.maxLineBytes ?? JsonLines.MAX_LINE_BYTES
  const decode = JsonLines.decoder(schema, maxLineBytes)
  const { invalidPath, key, onInvalid = "fail" } = options
  let known: Known | undefined

  const ofFile = (detail: string) => new SourceError({ path: name, line: 0, detail })
  const changed = (detail: string) => new InputChanged({ path: name, detail })
  const unwritten = (error: PlatformError.PlatformError) =>
    new SourceError({ path: invalidPath ?? name, line: 0, detail: describe(error) })
  const toFailure = <E>(error: JsonLines.Unusable | E) =>
    error instanceof JsonLines.Unusable
      ? ofFile(typeof error.problem === "string" ? error.problem : describe(error.problem))
      : error

  /** Looks at the open file, and says whether it is still the same. */
  const watcher = <E>(expected: Stamp | undefined, toError: (difference: string) => E) => {
    let stamp = expected
    const look = Effect.fnUntraced(function* (file: FileSystem.File) {
      const info = yield* Effect.mapError(file.stat, (error) => ofFile(describe(error)))
      if (info.type === "Directory") return yield* ofFile("it is a folder, not a file")
      if (info.type !== "File") return yield* ofFile("can be read only once: write it to a file first")
      const now = stampOf(info)
      stamp ??= now
      const difference = differenceOf(stamp, now)
      if (difference !== undefined) return yield* Effect.fail(toError(difference))
    })
    return { look, stamp: () => stamp }
  }

  const checking = Effect.gen(function* () {
    const writer =
      onInvalid === "skip" && invalidPath !== undefined
        ? yield* Effect.mapError(makeWriter(invalidPath), unwritten)
        : noWriter
    const seen = new FirstLines()
    const bad = new LineSet()
    const problems: Array<Problem> = []
    let items = 0
    let unwrittenLines: Array<JsonLines.BadLine> = []
    let isFirst = true

    const accept = (item: Item, line: TextLine) => {
      isFirst = false
      if (key !== undefined) {
        const id = key(item)
        const first = seen.seen(id, line.number)
        if (first !== undefined) {
          const detail = `the id "${ProblemText.safe(id, 80)}" is that of line ${first} as well; ids must be unique in a file`
          return new JsonLines.BadLine(line, { detail })
        }
      }
      items++
      return item
    }

    const reject = (line: JsonLines.BadLine): SourceError | undefined => {
      if (isFirst && line.isNotJson) {
        const detail = FileKind.documentProblem(line.line.text)
        if (detail !== undefined) return ofFile(detail)
      }
      isFirst = false
      bad.add(line.line.number)
      if (problems.length < HELD) problems.push(problemOf(line))
      if (onInvalid === "skip" && invalidPath !== undefined) unwrittenLines.push(line)
      return undefined
    }

    const watch = watcher(undefined, (difference) =>
      ofFile(`was changed while it was being checked: ${difference}. Run again once nobody writes to it`)
    )
    const atEnd = Effect.fnUntraced(function* (lines: number) {
      const check = { lines, items, invalid: bad.size, problems }
      if (onInvalid === "fail" && bad.size > 0) {
        return yield* new InvalidInput({ path: name, count: bad.size, problems })
      }
      yield* Effect.mapError(writer.finish, unwritten)
      const stamp = watch.stamp()
      if (stamp !== undefined) known = { stamp, bad, check }
    })

    return JsonLines.read(path, {
      maxLineBytes,
      watch: { look: watch.look, atEnd },
      decode: (lines) =>
        Effect.tap(JsonLines.decodeAll(lines, decode, accept, reject), () => {
          const now = unwrittenLines
          unwrittenLines = []
          return Effect.mapError(writer.write(now), unwritten)
        })
    }).pipe(Stream.mapError(toFailure))
  })

  const again = ({ stamp, bad, check }: Known) =>
    JsonLines.read(path, {
      maxLineBytes,
      watch: {
        look: watcher(stamp, changed).look,
        atEnd: (lines) =>
          lines === check.lines
            ? Effect.void
            : Effect.fail(changed(`it had ${check.lines} lines and has ${lines} now`))
      },
      decode: (lines) =>
        JsonLines.decodeAll(
          bad.size === 0 ? lines : lines.filter((line) => !bad.has(line.number)),
          decode,
          (item: Item) => item,
          ({ line }) => changed(`line ${line.number} is another`)
        )
    }).pipe(Stream.mapError(toFailure))

  return {
    items: Stream.suspend((): Stream.Stream<Item, Failure, FileSystem.FileSystem | S["DecodingServices"]> =>
      known === undefined ? Stream.unwrap(checking) : again(known)
    ),
    check: Effect.sync(() => known?.check)
  }
}

const problemOf = ({ line, field, detail }: JsonLines.BadLine): Problem =>
  field === undefined ? { line: line.number, detail } : { line: line.number, field, detail }
