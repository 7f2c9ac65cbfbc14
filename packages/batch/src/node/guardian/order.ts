/**
 * What a guardian is told, in one line through its pipe. The token is in it, and nowhere else.
 */

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
  /** The hold that is guarded. */
  readonly holder: string
  /** How long one call may take. */
  readonly callMillis: number
  /** How long it is tried. */
  readonly giveUpMillis: number
  /** How long after an unanswered start the endpoint is looked at again. */
  readonly settleMillis: number
}

/** The lines that follow the first. */
export const done = "done"
export const unconfirmed = "unconfirmed"

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
    holder: textAt(json, "holder"),
    callMillis: numberAt(json, "callMillis"),
    giveUpMillis: numberAt(json, "giveUpMillis"),
    settleMillis: numberAt(json, "settleMillis")
  }
}
