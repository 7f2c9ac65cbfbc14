/**
 * The record of a lease as a file: read with care, written whole or not at all.
 *
 * Used by the guardian too, so it needs Node and nothing else: what it reads is checked by hand.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import type { Facts, Found } from "../../Leases.ts"
import type { Acquisition, ReleasePolicy } from "../../ManagedEndpoint.ts"
import type { Identity } from "./leaseProcess.ts"

/** How many lines of history a record keeps. */
const LINES = 60
/** How much of the log of what guardians did is kept, in bytes. */
const LOG_BYTES = 64 * 1024

/** One that holds the endpoint. */
export interface Holder extends Identity {
  /** Names this hold, of several that one process may have. */
  readonly token: string
  readonly since: string
  /** It was the last one and is releasing the endpoint now: nobody is let in. */
  readonly isReleasing: boolean
}

/** What is known of one lease. */
export interface LeaseRecord {
  readonly version: 1
  /** Differs from that of every record before it and after it. */
  readonly id: string
  /** Goes up when an orphan is taken over: whoever knows an older one has nothing to do here any more. */
  readonly generation: number
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
  readonly policy: ReleasePolicy
  /** The policy of those who took an orphan over: it counts once they have acquired the endpoint. */
  readonly wanted?: ReleasePolicy | undefined
  readonly since: string
  readonly holders: ReadonlyArray<Holder>
  readonly facts: Facts
  /** What stood in the way of a release that was given up. */
  readonly unconfirmed: string | undefined
  readonly history: ReadonlyArray<string>
}

/** What was found under a record's name. */
export type Reading =
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Damaged"; readonly detail: string }
  | { readonly _tag: "Found"; readonly record: LeaseRecord }

/** Which endpoint of which API. */
export interface Key {
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
}

const withoutSlash = (url: string) => url.replace(/\/+$/, "")

/** Whether two addresses are of one API. */
export const isSameApi = (one: string, other: string): boolean => withoutSlash(one) === withoutSlash(other)

/** The file of an endpoint's record: a name for people, and a hash that no other endpoint has. */
export const fileOf = (directory: string, key: Key): string => {
  const text = `${withoutSlash(key.apiUrl)}\n${key.namespace}\n${key.name}`
  const hash = crypto.createHash("sha256").update(text).digest("hex").slice(0, 12)
  const readable = `${key.namespace}.${key.name}`.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 80)
  return path.join(directory, `${readable}.${hash}.json`)
}

/** Where a guardian writes what it did, beside the records. */
const logFileOf = (file: string): string => path.join(path.dirname(file), "guardian.log")

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)
const numberOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined

const policies: ReadonlyArray<ReleasePolicy> = ["pause", "restore", "scaleToZero", "delete", "keep"]
const acquisitions: ReadonlyArray<Acquisition> = ["Created", "Resumed", "Adopted"]

const foundOf = (value: unknown): Found | undefined => {
  if (!isFields(value) || typeof value["state"] !== "string") return undefined
  const timeout = value["scaleToZeroTimeout"]
  return {
    state: value["state"],
    minReplica: numberOf(value["minReplica"]),
    maxReplica: numberOf(value["maxReplica"]),
    scaleToZeroTimeout: timeout === null ? null : numberOf(timeout)
  }
}

const factsOf = (value: unknown): Facts =>
  isFields(value)
    ? {
        found: foundOf(value["found"]),
        updatedAt: textOf(value["updatedAt"]),
        acquisition: acquisitions.find((one) => one === value["acquisition"]),
        isScalingChanged: value["isScalingChanged"] === true ? true : undefined,
        pricePerHour: numberOf(value["pricePerHour"])
      }
    : {}

const holderOf = (value: unknown): Holder | undefined => {
  if (!isFields(value)) return undefined
  const { boot, host, isReleasing, pid, since, space, startedAt, token } = value
  if (typeof pid !== "number" || typeof startedAt !== "string" || typeof host !== "string") return undefined
  if (typeof boot !== "string" || typeof space !== "string" || typeof token !== "string") return undefined
  return {
    pid,
    startedAt,
    host,
    boot,
    space,
    token,
    since: textOf(since) ?? "",
    isReleasing: isReleasing === true
  }
}

const isPresent = <A>(value: A | undefined): value is A => value !== undefined

/** A record, or why it is none. */
export const recordOf = (value: unknown): LeaseRecord | string => {
  if (!isFields(value)) return "it holds no record"
  const { apiUrl, generation, holders, id, name, namespace, since, version } = value
  if (version !== 1) return `it is of version ${String(version)}, which this program does not know`
  const policy = policies.find((one) => one === value["policy"])
  if (policy === undefined) return "its policy is unknown"
  if (typeof id !== "string" || typeof generation !== "number" || !Array.isArray(holders))
    return "a field is missing"
  if (typeof apiUrl !== "string" || typeof namespace !== "string" || typeof name !== "string")
    return "a field is missing"
  const known = holders.map(holderOf).filter(isPresent)
  if (known.length !== holders.length) return "a holder cannot be read"
  const history: ReadonlyArray<unknown> = Array.isArray(value["history"]) ? value["history"] : []
  return {
    version: 1,
    id,
    generation,
    apiUrl,
    namespace,
    name,
    policy,
    wanted: policies.find((one) => one === value["wanted"]),
    since: textOf(since) ?? "",
    holders: known,
    facts: factsOf(value["facts"]),
    unconfirmed: textOf(value["unconfirmed"]),
    history: history.map(textOf).filter(isPresent)
  }
}

/** Reads a record; throws only what the file system throws. */
export const read = (file: string): Reading => {
  let text
  try {
    text = fs.readFileSync(file, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { _tag: "Missing" }
    throw error
  }
  try {
    // No Schema here: the guardian, which shares this file, runs without Effect.
    const record = recordOf(JSON.parse(text))
    return typeof record === "string" ? { _tag: "Damaged", detail: record } : { _tag: "Found", record }
  } catch {
    return { _tag: "Damaged", detail: "it is not JSON" }
  }
}

const sync = (file: string) => {
  const descriptor = fs.openSync(file, "r")
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Makes the folder that a record is in, for its owner alone. */
export const makeFolder = (file: string): void => {
  fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
}

/** Writes a record so that it is there whole after a power cut, or the one before it is. To be called under its lock. */
export const write = (file: string, record: LeaseRecord): void => {
  const draft = `${file}.draft`
  fs.writeFileSync(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, flush: true })
  fs.renameSync(draft, file)
  sync(path.dirname(file))
}

/** Takes a record away. To be called under its lock. */
export const remove = (file: string): void => {
  fs.rmSync(file, { force: true })
  fs.rmSync(`${file}.draft`, { force: true })
}

/** Puts a file that is no record out of the way, and says where. */
export const setAside = (file: string, at: string): string => {
  const base = `${file.replace(/\.json$/, "")}.damaged-${at.replaceAll(/[^0-9TZ]/g, "")}`
  let aside = base
  for (let n = 2; fs.existsSync(aside); n++) aside = `${base}-${n}`
  fs.renameSync(file, aside)
  return aside
}

/** What was wanted by those who hold it now counts from here on. */
export const asWanted = (record: LeaseRecord): LeaseRecord =>
  record.wanted === undefined ? record : { ...record, policy: record.wanted, wanted: undefined }

/** The record with one more line in its history. */
export const withLine = (record: LeaseRecord, at: string, line: string): LeaseRecord => ({
  ...record,
  history: [...record.history, `${at} ${line}`].slice(-LINES)
})

/** Adds lines to the log of what guardians did, which keeps its newer half when it is full. */
export const log = (file: string, lines: ReadonlyArray<string>): void => {
  const target = logFileOf(file)
  makeFolder(file)
  const before = fs.existsSync(target) ? fs.readFileSync(target, "utf8") : ""
  const kept = before.length > LOG_BYTES ? before.slice(before.indexOf("\n", LOG_BYTES / 2) + 1) : before
  fs.writeFileSync(target, kept + lines.map((line) => `${line}\n`).join(""), { mode: 0o600 })
}
