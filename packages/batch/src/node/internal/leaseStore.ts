/**
 * The records of leases, as effects: read, changed under their lock, listed.
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as File from "./leaseFile.ts"
import * as Lock from "./leaseLock.ts"
import * as Process from "./leaseProcess.ts"

/** A record could not be read, written or locked. */
export class StoreError extends Data.TaggedError("StoreError")<{
  readonly path: string
  readonly detail: string
  /** Another process holds the lock. */
  readonly isBusy?: boolean | undefined
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

/** The home folder that the system has for this user, where no variable tells. */
const systemHome = Effect.orElseSucceed(
  Effect.try(() => os.userInfo().homedir),
  () => ""
)

/**
 * `$XDG_STATE_HOME/stint/leases`, else `~/.local/state/stint/leases`; fails where there is no home. Always absolute: a
 * guardian and the next run look for it from other folders.
 */
export const directory: Effect.Effect<string, Config.ConfigError> = Effect.flatMap(
  Config.all({
    state: Config.option(Config.String("XDG_STATE_HOME")),
    home: Config.option(Config.String("HOME")),
    profile: Config.option(Config.String("USERPROFILE"))
  }),
  Effect.fnUntraced(function* ({ home, profile, state }) {
    // The standard says that a path that is not absolute is to be ignored.
    const absolute = (value: Option.Option<string>) => Option.filter(value, path.isAbsolute)
    const given = absolute(state)
    if (Option.isSome(given)) return path.join(given.value, "stint", "leases")
    const own = Option.orElse(absolute(home), () => absolute(profile))
    const found = Option.isSome(own) ? own.value : yield* systemHome
    if (!path.isAbsolute(found)) {
      const message =
        "there is no folder for the lease records: neither HOME nor XDG_STATE_HOME is an absolute path. Set one of them; nothing was woken"
      return yield* Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message })))
    }
    return path.join(found, ".local", "state", "stint", "leases")
  })
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
          return yield* new StoreError({
            path: file,
            detail: `${who} does not let go of its lock`,
            isBusy: true
          })
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
