/**
 * The records of leases, as effects: read, changed under their lock, listed.
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import * as path from "node:path"
import * as File from "./leaseFile.ts"
import * as Lock from "./leaseLock.ts"
import * as Process from "./leaseProcess.ts"

/** A record could not be read, written or locked. */
export class StoreError extends Data.TaggedError("StoreError")<{
  readonly path: string
  readonly detail: string
}> {}

/** How long a guardian may take for one call; it holds the lock as long. */
export const CALL_TIMEOUT = Duration.seconds(10)
/** The longest wait for a lock: a call of a guardian, and a margin for a busy machine. */
const LOCK_TIMEOUT = Duration.seconds(25)
/** From here on the wait is worth a word. */
const SAY_AFTER = Duration.seconds(1)

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

const trying = <A>(path: string, use: () => A): Effect.Effect<A, StoreError> =>
  Effect.try({ try: use, catch: (error) => new StoreError({ path, detail: messageOf(error) }) })

const notEmpty = (value: Option.Option<string>) => Option.filter(value, (text) => text !== "")

/** `$XDG_STATE_HOME/stint/leases`, else `~/.local/state/stint/leases`. */
export const directory: Effect.Effect<string, Config.ConfigError> = Effect.map(
  Config.all({
    state: Config.option(Config.String("XDG_STATE_HOME")),
    home: Config.option(Config.String("HOME")),
    profile: Config.option(Config.String("USERPROFILE"))
  }),
  ({ home, profile, state }) => {
    // The standard says that a path that is not absolute is to be ignored.
    const given = Option.filter(notEmpty(state), path.isAbsolute)
    const own = Option.getOrElse(
      Option.orElse(notEmpty(home), () => notEmpty(profile)),
      () => "."
    )
    return path.join(
      Option.getOrElse(given, () => path.join(own, ".local", "state")),
      "stint",
      "leases"
    )
  }
)

/** Makes the folder of the records, for its owner alone. */
export const makeDirectory = (directory: string): Effect.Effect<void, StoreError> =>
  trying(directory, () => {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    fs.chmodSync(directory, 0o700)
  })

/** Now, as records have it. */
export const now: Effect.Effect<string> = Effect.map(DateTime.now, DateTime.formatIso)

/** Does something under the lock of a record. Waiting for the lock is interruptible, what is done is not. */
export const locked = <A>(file: string, use: () => A): Effect.Effect<A, StoreError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const from = yield* Clock.currentTimeMillis
      let isSaid = false
      for (;;) {
        const at = yield* Clock.currentTimeMillis
        const attempt = yield* trying(file, () => Lock.attempt(file, at))
        if (attempt._tag === "Held") {
          return yield* trying(file, () => {
            try {
              return use()
            } finally {
              attempt.release()
            }
          })
        }
        const waited = Duration.millis(at - from)
        const who = attempt.holder === undefined ? "another process" : `process ${attempt.holder.pid}`
        if (Duration.isGreaterThan(waited, LOCK_TIMEOUT)) {
          return yield* new StoreError({ path: file, detail: `${who} does not let go of its lock` })
        }
        if (!isSaid && Duration.isGreaterThan(waited, SAY_AFTER)) {
          isSaid = true
          yield* Effect.logInfo(`Waiting for ${who}, which is in the middle of a call on the same endpoint …`)
        }
        yield* restore(Effect.sleep("25 millis"))
      }
    })
  )

/** The record as it is. */
export const read = (file: string): Effect.Effect<File.Reading, StoreError> =>
  trying(file, () => File.read(file))

/** The holders that live, as far as can be seen: one of another machine counts as living. */
export const living = (record: File.LeaseRecord): ReadonlyArray<File.Holder> =>
  record.holders.filter((holder) => Process.standing(holder) !== "Gone")

/** Every record there is, by file. */
export const all = (
  directory: string
): Effect.Effect<ReadonlyArray<{ readonly file: string; readonly reading: File.Reading }>, StoreError> =>
  trying(directory, () => {
    if (!fs.existsSync(directory)) return []
    return fs
      .readdirSync(directory)
      .filter((name) => name.endsWith(".json"))
      .toSorted()
      .map((name) => path.join(directory, name))
      .map((file) => ({ file, reading: File.read(file) }))
  })
