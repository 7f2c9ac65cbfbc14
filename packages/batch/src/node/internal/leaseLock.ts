/**
 * A lock between processes that a dead holder does not keep.
 *
 * The lock is a file that appears whole or not at all: written aside, then linked. Whoever finds that its holder is gone
 * claims to follow it under a name made from that holder's own token, which no two can have at once, looks again that
 * nothing has changed, and only then takes the lock's place.
 *
 * Used by the guardian too, so it needs Node and nothing else.
 */
import * as crypto from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import * as Process from "./leaseProcess.ts"

/** A lock is held for one change of a file or one call: one that cannot be looked at is nobody's after this long. */
const UNSEEN_MILLIS = 5 * 60_000
/** A holder that is still writing its name, where the file system has no links. */
const WRITING_MILLIS = 5_000

/** How an attempt went. */
export type Attempt =
  | { readonly _tag: "Held"; readonly release: () => void }
  | { readonly _tag: "Busy"; readonly holder: Process.Identity | undefined }

const codeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : undefined

const readFile = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}

const ageOf = (file: string, now: number): number => {
  try {
    return now - fs.statSync(file).mtimeMs
  } catch {
    return 0
  }
}

const identityOf = (text: string): Process.Identity | undefined => {
  const [token, pid, startedAt, host, boot, space, end] = text.split("\n")
  if (token === undefined || startedAt === undefined || host === undefined) return undefined
  if (boot === undefined || space === undefined || end !== "end") return undefined
  return { pid: Number(pid), startedAt, host, boot, space }
}

/** Tries once to hold the lock of that file. Throws what the file system throws. */
export const attempt = (file: string, now: number, self: Process.Identity = Process.self()): Attempt => {
  const directory = path.dirname(file)
  const name = `${path.basename(file)}.lock`
  const at = (name: string) => path.join(directory, name)
  const token = crypto.randomUUID()
  const { boot, host, pid, space, startedAt } = self
  const own = [token, pid, startedAt, host, boot, space, "end"].join("\n")
  const draft = at(`${name}-draft-${token}`)

  const isGone = (name: string, holder: Process.Identity | undefined) => {
    if (holder === undefined) return ageOf(at(name), now) > WRITING_MILLIS
    const standing = Process.standing(holder)
    return standing === "Gone" || (standing === "Elsewhere" && ageOf(at(name), now) > UNSEEN_MILLIS)
  }
  const follower = (link: { readonly name: string; readonly text: string }) =>
    `${name}-after-${crypto.createHash("sha256").update(`${link.name}\n${link.text}`).digest("hex").slice(0, 32)}`

  /** Puts our name there if nothing is; some file systems have no links. */
  const put = (name: string): boolean => {
    try {
      fs.linkSync(draft, at(name))
      return true
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false
    }
    try {
      fs.writeFileSync(at(name), own, { flag: "wx", mode: 0o600 })
      return true
    } catch (error) {
      if (codeOf(error) === "EEXIST") return false
      throw error
    }
  }

  /** What those left behind who were killed while they tried. */
  const tidy = () => {
    for (const entry of fs.readdirSync(directory)) {
      if (!entry.startsWith(`${name}-`)) continue
      const text = readFile(at(entry))
      if (text !== undefined && text !== own && isGone(entry, identityOf(text)))
        fs.rmSync(at(entry), { force: true })
    }
  }

  const held = (): Attempt => ({
    _tag: "Held",
    release: () => {
      if (readFile(at(name)) === own) fs.rmSync(at(name), { force: true })
    }
  })

  try {
    fs.writeFileSync(draft, own, { flag: "wx", mode: 0o600 })
    const links: Array<{ readonly name: string; readonly text: string }> = []
    let free = name
    for (let text = readFile(at(free)); text !== undefined; text = readFile(at(free))) {
      const holder = identityOf(text)
      if (!isGone(free, holder)) return { _tag: "Busy", holder }
      links.push({ name: free, text })
      free = follower({ name: free, text })
    }
    if (!put(free)) return { _tag: "Busy", holder: undefined }
    if (free === name) return held()
    if (links.some((link) => readFile(at(link.name)) !== link.text)) {
      fs.rmSync(at(free), { force: true })
      return { _tag: "Busy", holder: undefined }
    }
    // Nobody else may take this lock's place now: they would have had to be where we are in the queue.
    fs.renameSync(at(free), at(name))
    tidy()
    return held()
  } finally {
    fs.rmSync(draft, { force: true })
  }
}
