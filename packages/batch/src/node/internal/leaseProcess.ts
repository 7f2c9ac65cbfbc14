/**
 * Telling one process from another: by number, by when it started, by its machine and by when that was started.
 *
 * Used by the guardian too, so it needs Node and nothing else.
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import NodeProcess from "node:process"

/** A process, told apart from a later one of the same number. */
export interface Identity {
  readonly pid: number
  /** When it started, in the system's own words; empty where it does not tell. */
  readonly startedAt: string
  readonly host: string
  /** Differs after a restart of the machine; empty where the system does not tell. */
  readonly boot: string
  /** The space that process numbers are counted in: containers of one machine have one each. */
  readonly space: string
}

/** `Elsewhere`: on another machine or in another container, where it cannot be seen from here. */
export type Standing = "Alive" | "Gone" | "Elsewhere"

const attempt = (read: () => string): string => {
  try {
    return read()
  } catch {
    return ""
  }
}

const bootId = attempt(() => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim())
const space = attempt(() => fs.readlinkSync("/proc/self/ns/pid"))

/** Where there is no `/proc`, `ps` knows. */
const asked = (pid: number) => {
  const { stdout } = spawnSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], { encoding: "utf8" })
  const text = (stdout ?? "").trim()
  return { startedAt: text.slice(text.search(/\s/) + 1).trim(), isOver: text.startsWith("Z") }
}

/** When a process started, and whether it has ended but for its name. */
const statOf = (pid: number): { readonly startedAt: string; readonly isOver: boolean } => {
  if (NodeProcess.platform !== "linux") return asked(pid)
  const stat = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
  // The second field is the command in brackets, which may itself hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return { startedAt: fields[19] ?? "", isOver: fields[0] === "Z" || fields[0] === "X" }
}

const exists = (pid: number): boolean => {
  try {
    // Signal 0 asks without sending.
    return NodeProcess.kill(pid, 0)
  } catch (error) {
    // A refusal for want of rights means that there is somebody.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** This process. */
export const self = (): Identity => ({
  pid: NodeProcess.pid,
  startedAt: statOf(NodeProcess.pid).startedAt,
  host: os.hostname(),
  boot: bootId,
  space
})

/** Whether a process lives, as far as that can be seen from here. */
export const standing = (of: Identity): Standing => {
  // A machine may be renamed; that it runs since the same start shows that it is the same.
  const isSameBoot = bootId !== "" && of.boot === bootId
  if (!isSameBoot) {
    if (of.host !== os.hostname()) return "Elsewhere"
    if (bootId !== "" && of.boot !== "") return "Gone"
  }
  if (of.space !== space) return "Elsewhere"
  if (!exists(of.pid)) return "Gone"
  const { isOver, startedAt } = statOf(of.pid)
  return isOver || (of.startedAt !== "" && startedAt !== of.startedAt) ? "Gone" : "Alive"
}

/** Whether two are the same process. */
export const isSame = (one: Identity, other: Identity): boolean =>
  one.pid === other.pid &&
  one.startedAt === other.startedAt &&
  (one.host === other.host || one.boot !== "") &&
  one.boot === other.boot &&
  one.space === other.space
