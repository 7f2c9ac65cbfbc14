/**
 * What keeps a guardian from touching an endpoint that is somebody else's by now.
 *
 * Before every call it takes the record's lock and reads the record again; the lock is held while the call lasts. A run
 * that takes the lease over waits for the lock, so that no call can land after it.
 */
import { setTimeout as sleep } from "node:timers/promises"
import * as File from "../internal/leaseFile.ts"
import * as Lock from "../internal/leaseLock.ts"
import * as Process from "../internal/leaseProcess.ts"
import type { Order } from "./order.ts"

/** What is watched over. */
export interface Watch extends Order {
  /** The record as it was last known. */
  record: File.LeaseRecord
  /** Whether it was found on the disk since the run ended: whoever takes it away after that has ended the lease. */
  wasFound: boolean
  /** Whether it was missing: somebody may have taken the lease over and ended it before this guardian looked. */
  wasMissing: boolean
}

export const watchOf = (order: Order): Watch => ({
  ...order,
  wasFound: order.isReleased === true,
  wasMissing: false
})

/** Why a guardian has nothing to do any more. */
export class Relieved extends Error {}

export const now = (): string => new Date().toISOString()

const acquire = async (file: string): Promise<() => void> => {
  for (;;) {
    try {
      const attempt = Lock.attempt(file, new Date().getTime())
      if (attempt._tag === "Held") return attempt.release
    } catch {
      // A full disk lets nobody write a lock, so nobody can take the lease over: what the record says is enough.
      return () => undefined
    }
    await sleep(20 + Math.trunc(performance.now() % 20))
  }
}

const attempt = (act: () => unknown): boolean => {
  try {
    act()
    return true
  } catch {
    return false
  }
}

/** Writes the record anew where it is lost: a run that ends in good order says so, so this one has not. */
const restored = (watch: Watch, why: string): File.LeaseRecord => {
  watch.record = File.withLine(watch.record, now(), `guardian: the record was ${why}; going by what is known`)
  watch.wasFound = attempt(() => {
    File.makeFolder(watch.file)
    File.write(watch.file, watch.record)
  })
  return watch.record
}

/**
 * The record, if it is still the one that is guarded. One that somebody deleted or damaged relieves nobody: the endpoint may
 * be running.
 */
const own = (watch: Watch): File.LeaseRecord => {
  const reading = File.read(watch.file)
  if (reading._tag === "Missing") {
    if (watch.wasFound) throw new Relieved("the lease has ended")
    watch.wasMissing = true
    return restored(watch, "missing")
  }
  if (reading._tag === "Damaged") {
    attempt(() => File.setAside(watch.file, now()))
    return restored(watch, `damaged (${reading.detail})`)
  }
  const { record } = reading
  if (record.id !== watch.id) throw new Relieved("the lease is another one now")
  if (record.generation !== watch.generation) throw new Relieved("another run has taken the lease over")
  watch.record = record
  watch.wasFound = true
  return record
}

/** Does something under the record's lock, with the record as it is now. Throws {@link Relieved} when it is not ours. */
export const within = async <A>(
  watch: Watch,
  use: (record: File.LeaseRecord) => A | Promise<A>
): Promise<A> => {
  const release = await acquire(watch.file)
  try {
    return await use(own(watch))
  } finally {
    release()
  }
}

/** The holders that live, or that cannot be seen from here. */
export const living = (record: File.LeaseRecord): ReadonlyArray<File.Holder> =>
  record.holders.filter((holder) => Process.standing(holder) !== "Gone")

/** The same, when the endpoint is nobody's: throws {@link Relieved} while a living process holds it. */
export const unheld = <A>(watch: Watch, use: (record: File.LeaseRecord) => A | Promise<A>): Promise<A> =>
  within(watch, (record) => {
    const others = living(record)
    if (others.length > 0) throw new Relieved(`process ${others[0]?.pid} holds the endpoint`)
    return use(record)
  })

/** Writes a line into the record; a full disk does not stop a guardian. */
export const tell = (watch: Watch, record: File.LeaseRecord, line: string): File.LeaseRecord => {
  const told = File.withLine(record, now(), `guardian: ${line}`)
  watch.record = told
  attempt(() => File.write(watch.file, told))
  return told
}
