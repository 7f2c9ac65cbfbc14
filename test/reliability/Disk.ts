/** A small file system in memory that can be filled to the last byte, where this machine lets one be mounted. */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

const mount = (at: string) =>
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "stint-reliability", at]).status === 0
const unmount = (at: string) => spawnSync("umount", ["-l", at])

/** Whether a file system can be mounted here. */
export const canMount = (): boolean => {
  const at = fs.mkdtempSync(path.join(os.tmpdir(), "stint-disk-"))
  const isMounted = mount(at)
  if (isMounted) unmount(at)
  fs.rmdirSync(at)
  return isMounted
}

/** A folder of its own, on a file system of its own if that is asked for; both are gone with the scope. */
export const folder = (isSmall: boolean) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const at = fs.mkdtempSync(path.join(os.tmpdir(), "stint-reliability-"))
      if (isSmall && !mount(at)) throw new Error("no file system can be mounted here")
      return at
    }),
    (at) =>
      Effect.sync(() => {
        if (isSmall) unmount(at)
        fs.rmSync(at, { recursive: true, force: true })
      })
  )

const filler = (at: string) => path.join(at, "filler")

/** Fills it until not a byte more can be written. */
export const fill = (at: string) =>
  Effect.sync(() => {
    const file = fs.openSync(filler(at), "a")
    for (const size of [65_536, 4096, 1]) {
      const block = Buffer.alloc(size)
      try {
        for (;;) if (fs.writeSync(file, block) === 0) break
      } catch {
        continue
      }
    }
    fs.closeSync(file)
  })

/** Makes room again. */
export const clear = (at: string) => Effect.sync(() => fs.rmSync(filler(at), { force: true }))
