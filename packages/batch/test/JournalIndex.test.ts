/** The index beside the log: whatever becomes of either file, what is known is what is in the log. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@stint/batch"
import { Effect, FileSystem, Layer, Logger, Option, Path, PlatformError, Schema, Stream } from "effect"
import { digest, toHex } from "../src/internal/digest.ts"
import { folder } from "./folder.ts"

const entry = (key: string, more: Partial<Journal.Entry> = {}): Journal.Entry => ({
  key,
  fingerprint: toHex(digest(`test ${key}`)),
  tag: "Succeeded",
  attempts: 1,
  durationMillis: 1.5,
  output: { of: key },
  ...more
})

const failed = (key: string) => entry(key, { tag: "Failed", error: "no", input: key })

const places = Effect.gen(function* () {
  const { join } = yield* Path.Path
  const directory = yield* folder
  return { log: join(directory, "journal.jsonl"), index: join(directory, "journal.index") }
})

const inFile = <A, E, R>(path: string, use: (journal: Journal.Journal) => Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(Journal.makeFile(path), use))

/** What the journal at a path knows, and what it warns of when it is opened. */
const knownAt = Effect.fnUntraced(function* (path: string, keys: ReadonlyArray<string>) {
  const warnings: Array<string> = []
  const logger = Logger.layer([
    Logger.make(({ message }) => {
      warnings.push(String(message))
    })
  ])
  const known = yield* inFile(path, (journal) =>
    Effect.gen(function* () {
      return {
        known: keys.map((key) => journal.lookup(key)),
        counts: yield* journal.counts,
        entries: yield* Stream.runCollect(journal.entries),
        recalled: yield* Effect.forEach(keys, (key) => journal.recall(entry(key).fingerprint))
      }
    })
  ).pipe(Effect.provide(logger))
  return { ...known, warnings }
})

/** The same, from the entries that are in the log. */
const model = (entries: ReadonlyArray<Journal.Entry>, keys: ReadonlyArray<string>) => {
  const last = new Map<string, Journal.Entry>()
  for (const one of entries) {
    last.delete(one.key)
    last.set(one.key, one)
  }
  return {
    known: keys.map((key) => {
      const found = last.get(key)
      return found && { fingerprint: found.fingerprint, succeeded: found.tag === "Succeeded" }
    }),
    counts: {
      keys: last.size,
      succeeded: [...last.values()].filter(({ tag }) => tag === "Succeeded").length
    },
    entries: [...last.values()],
    recalled: keys.map((key) =>
      Option.map(
        Option.fromUndefinedOr(
          entries.findLast(
            ({ fingerprint, tag }) => fingerprint === entry(key).fingerprint && tag === "Succeeded"
          )
        ),
        ({ output }) => output
      )
    )
  }
}

const keys = ["a", 'q"uo\\te', "ключ", "\u{feff}bom\u{d800}", "\n", "e", ""]
const all = [
  ...keys.map((key) => entry(key)),
  failed("a"),
  failed("new"),
  entry("e", { output: "again" }),
  entry("new")
]

const writtenOf = Effect.fnUntraced(function* (entries: ReadonlyArray<Journal.Entry>) {
  const at = yield* places
  const fs = yield* FileSystem.FileSystem
  yield* inFile(at.log, ({ append }) =>
    Effect.forEach([entries.slice(0, 3), entries.slice(3, 4), entries.slice(4)], append, { discard: true })
  )
  return { ...at, logBytes: yield* fs.readFile(at.log), indexBytes: yield* fs.readFile(at.index) }
})

const written = writtenOf(all)

const same = Effect.fnUntraced(function* (path: string, entries: ReadonlyArray<Journal.Entry>, why: string) {
  const { warnings, ...known } = yield* knownAt(path, [...keys, "new"])
  assert.deepStrictEqual(known, model(entries, [...keys, "new"]), why)
  return warnings
})

describe("the index beside the log", () => {
  it.effect("spares the next start the log", () =>
    Effect.gen(function* () {
      const { index, indexBytes, log } = yield* written
      const fs = yield* FileSystem.FileSystem
      assert.strictEqual(indexBytes.length, 32 * (1 + all.length))
      const counts = yield* inFile(log, (journal) => journal.counts).pipe(
        Effect.provideService(FileSystem.FileSystem, {
          ...fs,
          stream: (path) => Stream.die(`reads ${path}`)
        })
      )
      assert.deepStrictEqual(counts, model(all, []).counts)
      assert.deepStrictEqual(yield* fs.readFile(index), indexBytes)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is made anew where it is missing, the same as before", () =>
    Effect.gen(function* () {
      const { index, indexBytes, log } = yield* written
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(index)
      assert.deepStrictEqual(yield* same(log, all, "no index"), [])
      assert.deepStrictEqual(yield* fs.readFile(index), indexBytes)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("torn anywhere it is taken as far as it goes, without a word", () =>
    Effect.gen(function* () {
      const { index, indexBytes, log } = yield* written
      const fs = yield* FileSystem.FileSystem
      for (let end = 0; end <= indexBytes.length; end += 5) {
        yield* fs.writeFile(index, indexBytes.subarray(0, end))
        assert.deepStrictEqual(yield* same(log, all, `index cut at ${end}`), [])
        assert.deepStrictEqual(yield* fs.readFile(index), indexBytes, `index cut at ${end}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("wrong anywhere, it misleads nobody", () =>
    Effect.gen(function* () {
      const { index, indexBytes, log } = yield* written
      const fs = yield* FileSystem.FileSystem
      for (let at = 0; at < indexBytes.length; at += 3) {
        const bytes = Uint8Array.from(indexBytes)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
        yield* fs.writeFile(index, bytes)
        yield* same(log, all, `index wrong at ${at}`)
        assert.deepStrictEqual(yield* fs.readFile(index), indexBytes, `index wrong at ${at}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a log cut anywhere keeps its whole lines and no others, whatever the index says", () =>
    Effect.gen(function* () {
      const few = all.slice(1, 5)
      const { index, indexBytes, log, logBytes } = yield* writtenOf(few)
      const fs = yield* FileSystem.FileSystem
      for (let end = 0; end <= logBytes.length; end += 3) {
        const lines = logBytes.subarray(0, end).filter((byte) => byte === 10).length
        const records = [0, Math.floor(lines / 2), lines, lines + 1, few.length][end % 5] ?? 0
        yield* fs.writeFile(log, logBytes.subarray(0, end))
        yield* fs.writeFile(index, indexBytes.subarray(0, 32 * (1 + records)))
        yield* same(log, few.slice(0, lines), `log cut at ${end}, index of ${records}`)
      }
    }).pipe(Effect.provide(NodeServices.layer))
  )

  const others: ReadonlyArray<readonly [string, (lines: ReadonlyArray<string>) => ReadonlyArray<string>]> = [
    ["with a line taken out", (lines) => lines.toSpliced(3, 1)],
    ["with its last line taken out", (lines) => lines.slice(0, -1)],
    ["in another order", (lines) => lines.toReversed()],
    ["of other items", (lines) => lines.map((line) => line.replace('"key":"', '"key":"x'))]
  ]
  for (const [what, change] of others) {
    it.effect(`is not used for a log ${what}, and that is said`, () =>
      Effect.gen(function* () {
        const { log, logBytes } = yield* written
        const fs = yield* FileSystem.FileSystem
        const lines = change(new TextDecoder().decode(logBytes).trimEnd().split("\n"))
        yield* fs.writeFileString(log, lines.map((line) => `${line}\n`).join(""))
        const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Journal.Entry))
        const [warning = "", ...more] = yield* same(
          log,
          lines.map((line) => decode(line)),
          what
        )
        assert.match(warning, /^The index of the journal .* is not used: /)
        assert.deepStrictEqual(more, [])
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }

  it.effect("is passed over where it cannot be written", () =>
    Effect.gen(function* () {
      const { index, log } = yield* written
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(index)
      yield* fs.makeDirectory(index)
      yield* inFile(log, ({ append }) => append([entry("new", { attempts: 2 })]))
      const warnings = yield* same(log, [...all, entry("new", { attempts: 2 })], "no index")
      assert.isTrue(warnings.some((warning) => warning.includes("cannot be written")))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a log written by hand is read as well", () =>
    Effect.gen(function* () {
      const { log } = yield* places
      const fs = yield* FileSystem.FileSystem
      const { key, ...rest } = entry("b")
      const lines = [`${JSON.stringify({ ...rest, key })}\r\n`, ` ${JSON.stringify(entry("a"))} \n`]
      yield* fs.writeFileString(log, lines.join(""))
      for (const why of ["first", "from the index"]) yield* same(log, [entry("b"), entry("a")], why)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

const Keys = Schema.Array(Schema.Literals([...keys, "new"]))
const Run = Schema.Struct({
  groups: Schema.Array(Keys),
  /** How much of the log's last group and of the index a crash leaves, in parts of a hundred. */
  log: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
  index: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
})

describe("a crash", () => {
  it.effect.prop(
    "after any of many runs loses nothing durable and makes nothing up",
    { runs: Schema.Array(Run) },
    ({ runs }) =>
      Effect.gen(function* () {
        const at = yield* places
        const fs = yield* FileSystem.FileSystem
        let entries: Array<Journal.Entry> = []
        for (const [number, run] of runs.entries()) {
          let durable = 0
          for (const group of run.groups) {
            durable = entries.length
            const added = group.map((key, at) =>
              at % 3 === 2 ? failed(key) : entry(key, { attempts: number, output: `${number} ${at}` })
            )
            // Each in a run of its own, so that the index holds anything from nothing to all of it.
            yield* inFile(at.log, ({ append }) => append(added))
            entries.push(...added)
          }
          const log = yield* Effect.orElseSucceed(fs.readFile(at.log), () => new Uint8Array(0))
          const index = yield* Effect.orElseSucceed(fs.readFile(at.index), () => new Uint8Array(0))
          const ends = [...log.keys()].filter((byte) => log[byte] === 10).map((byte) => byte + 1)
          const kept = durable === 0 ? 0 : (ends[durable - 1] ?? 0)
          const cut = kept + Math.floor(((log.length - kept) * run.log) / 100)
          yield* fs.writeFile(at.log, log.subarray(0, cut))
          yield* fs.writeFile(at.index, index.subarray(0, Math.floor((index.length * run.index) / 100)))
          entries = entries.slice(0, ends.filter((end) => end <= cut).length)
          yield* same(at.log, entries, `run ${number}`)
        }
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    { arbitrary: { runs: 15 } }
  )
})

const full = PlatformError.systemError({
  _tag: "WriteZero",
  module: "FileSystem",
  method: "writeAll",
  description: "no space left on device"
})

/** A file system whose next write, or sync, to a log fails halfway. */
const failing = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const next = { write: false, sync: false }
  const layer = Layer.succeed(FileSystem.FileSystem, {
    ...fs,
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file): FileSystem.File => {
        if (!path.endsWith(".jsonl")) return file
        return {
          [FileSystem.FileTypeId]: FileSystem.FileTypeId,
          stat: file.stat,
          seek: (offset, from) => file.seek(offset, from),
          read: (buffer, options) => file.read(buffer, options),
          readAlloc: (size, options) => file.readAlloc(size, options),
          truncate: (length) => file.truncate(length),
          write: (buffer) => file.write(buffer),
          writeAll: (buffer) =>
            Effect.suspend(() => {
              if (!next.write) return file.writeAll(buffer)
              next.write = false
              const half = buffer.subarray(0, Math.ceil(buffer.length / 2))
              return Effect.andThen(file.writeAll(half), Effect.fail(full))
            }),
          sync: Effect.suspend(() => {
            if (!next.sync) return file.sync
            next.sync = false
            return Effect.fail(full)
          })
        }
      })
  })
  return { next, layer }
})

describe("a disk that fails", () => {
  it.effect("in the middle of a write leaves no half of it, and can be written to again", () =>
    Effect.gen(function* () {
      const { log } = yield* places
      const { layer, next } = yield* failing
      yield* inFile(log, (journal) =>
        Effect.gen(function* () {
          yield* journal.append([entry("a")])
          next.write = true
          const error = yield* Effect.flip(journal.append([entry("e"), entry("new")]))
          assert.include(error.message, log)
          assert.isUndefined(journal.lookup("e"))
          yield* journal.append([entry("new", { attempts: 3 })])
        })
      ).pipe(Effect.provide(layer))
      assert.deepStrictEqual(yield* same(log, [entry("a"), entry("new", { attempts: 3 })], "again"), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("to sync ends the writing: nobody can say what is on it", () =>
    Effect.gen(function* () {
      const { log } = yield* places
      const { layer, next } = yield* failing
      yield* inFile(log, (journal) =>
        Effect.gen(function* () {
          yield* journal.append([entry("a")])
          next.sync = true
          yield* Effect.flip(journal.append([entry("e")]))
          yield* Effect.flip(journal.append([entry("new")]))
          assert.isUndefined(journal.lookup("e"))
        })
      ).pipe(Effect.provide(layer))
      yield* same(log, [entry("a")], "again")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
