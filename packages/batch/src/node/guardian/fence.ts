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

/** The record, if it is still the one that is guarded. */
const own = (order: Order): File.LeaseRecord => {
  const reading = File.read(order.file)
  if (reading._tag === "Missing") throw new Relieved("the lease has ended")
  // Nobody can have taken over what nobody can read.
  if (reading._tag === "Damaged") throw new Relieved(`the record is damaged: ${reading.detail}`)
  const { record } = reading
  if (record.id !== order.id) throw new Relieved("the lease is another one now")
  if (record.generation !== order.generation) throw new Relieved("another run has taken the lease over")
  return record
}

/** Does something under the record's lock, with the record as it is now. Throws {@link Relieved} when it is not ours. */
export const within = async <A>(
  order: Order,
  use: (record: File.LeaseRecord) => A | Promise<A>
): Promise<A> => {
  const release = await acquire(order.file)
  try {
    return await use(own(order))
  } finally {
    release()
  }
}

/** The holders that live, or that cannot be seen from here. */
export const living = (record: File.LeaseRecord): ReadonlyArray<File.Holder> =>
  record.holders.filter((holder) => Process.standing(holder) !== "Gone")

/** The same, when the endpoint is nobody's: throws {@link Relieved} while a living process holds it. */
export const unheld = <A>(order: Order, use: (record: File.LeaseRecord) => A | Promise<A>): Promise<A> =>
  within(order, (record) => {
    const others = living(record)
    if (others.length > 0) throw new Relieved(`process ${others[0]?.pid} holds the endpoint`)
    return use(record)
  })

/** Writes a line into the record; a full disk does not stop a guardian. */
export const tell = (order: Order, record: File.LeaseRecord, line: string): File.LeaseRecord => {
  const told = File.withLine(record, now(), `guardian: ${line}`)
  try {
    File.write(order.file, told)
  } catch {
    return told
  }
  return told
}
