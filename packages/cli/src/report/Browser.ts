/**
 * Shows a file in the browser of whoever sits at the machine.
 */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import NodeProcess from "node:process"

/** The program of a system that opens a file. No shell takes part: a name may hold what a shell would run. */
const openerOf = (platform: string): string =>
  platform === "darwin" ? "open" : platform === "win32" ? "explorer.exe" : "xdg-open"

/** Opens it, and does not wait for what it opens; where there is no browser to be had, a warning says so. */
export const open = Effect.fnUntraced(function* (file: string) {
  const command = openerOf(NodeProcess.platform)
  const isStarted = yield* Effect.callback<boolean>((resume) => {
    const child = spawn(command, [file], { stdio: "ignore", detached: true })
    child.once("error", () => resume(Effect.succeed(false)))
    child.once("spawn", () => {
      child.unref()
      resume(Effect.succeed(true))
    })
  })
  if (!isStarted) {
    yield* Effect.logWarning(`No browser can be started: there is no ${command} here. Open ${file} yourself.`)
  }
})
