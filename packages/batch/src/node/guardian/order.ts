/**
 * What a guardian is told, in one line through its pipe. The token is in it, and nowhere else.
 */
import * as File from "../internal/leaseFile.ts"

/** What a guardian needs to know. */
export interface Order {
  readonly token: string
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
  /** The lease's record. */
  readonly file: string
  /** The record's own name and generation, by which it is known again. */
  readonly id: string
  readonly generation: number
  /** The record as the run wrote it last: what is gone by where there is none to read any more. */
  readonly record: File.LeaseRecord
  /** The hold that is guarded. */
  readonly holder: string
  /** How long one call may take. */
  readonly callMillis: number
  /** How long it is tried. */
  readonly giveUpMillis: number
  /** How long after an unanswered start the endpoint is looked at again. */
  readonly settleMillis: number
  /** The run is about to take the record away, for the endpoint is released: that it is missing is as it should be. */
  readonly isReleased?: boolean | undefined
}

/** The lines that follow the first. */
export const done = "done"
export const unconfirmed = "unconfirmed"
export const released = "released"
/** What a line begins with that tells how the record is now. */
export const record = "record "

/** What a guardian says when it stands ready. */
export const up = "up"

const textAt = (json: object, key: string): string => {
  const value: unknown = Reflect.get(json, key)
  if (typeof value !== "string") throw new Error(`the order has no ${key}`)
  return value
}

const numberAt = (json: object, key: string): number => {
  const value: unknown = Reflect.get(json, key)
  if (typeof value !== "number") throw new Error(`the order has no ${key}`)
  return value
}

/** A record as JSON; throws when it is none. */
const recordOf = (json: unknown): File.LeaseRecord => {
  const record = File.recordOf(json)
  if (typeof record === "string") throw new Error(`the order's record cannot be used: ${record}`)
  return record
}

/** The words of Node's own error would quote the line, and the token with it. */
const jsonOf = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error("the order is not JSON")
  }
}

/** Reads an order; throws when something is missing. */
export const parse = (line: string): Order => {
  const json = jsonOf(line)
  if (typeof json !== "object" || json === null) throw new Error("the order is no object")
  return {
    token: textAt(json, "token"),
    apiUrl: textAt(json, "apiUrl"),
    namespace: textAt(json, "namespace"),
    name: textAt(json, "name"),
    file: textAt(json, "file"),
    id: textAt(json, "id"),
    generation: numberAt(json, "generation"),
    record: recordOf(Reflect.get(json, "record")),
    holder: textAt(json, "holder"),
    callMillis: numberAt(json, "callMillis"),
    giveUpMillis: numberAt(json, "giveUpMillis"),
    settleMillis: numberAt(json, "settleMillis")
  }
}

/** The order after one more line; one that broke off with the run's death changes nothing. */
export const after = (order: Order, line: string): Order => {
  if (line === released) return { ...order, isReleased: true }
  if (!line.startsWith(record)) return order
  try {
    return { ...order, record: recordOf(jsonOf(line.slice(record.length))) }
  } catch {
    return order
  }
}
