/**
 * The real command as a real process: started, signalled, read, waited for.
 */
import { Deferred, Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const bin = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url))

/** Where Node keeps compiled modules, for processes with an environment of their own. */
export const compiled: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    name === "NODE_COMPILE_CACHE" && value !== undefined ? [[name, value]] : []
  )
)

/** How a process ended: a code, or the signal that ended it. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running `stint`. */
export interface StintProcess {
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Everything on stdout so far. */
  readonly stdout: () => string
  /** Everything on stderr so far. */
  readonly stderr: () => string
  /** Waits until stderr holds the text. */
  readonly says: (text: string) => Effect.Effect<void>
  /** Closes the reading end of stdout and stderr, as a terminal does that is closed. */
  readonly hangUp: Effect.Effect<void>
  readonly end: Effect.Effect<End>
}

/** Starts `stint ARGS` with that text on stdin; whatever is left of it when the scope closes is killed. */
export const start = Effect.fnUntraced(function* (
  args: ReadonlyArray<string>,
  env: Record<string, string>,
  stdin?: string
): Effect.fn.Return<StintProcess, never, Scope.Scope> {
  const ended = yield* Deferred.make<End>()
  let out = ""
  let err = ""
  const waiting = new Set<() => void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [bin, ...args], {
        env: { ...compiled, ...env },
        stdio: ["pipe", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  // A process that does not read its stdin closes it; that is no fault of the test's.
  child.stdin.on("error", () => undefined).end(stdin ?? "")
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text
    for (const look of waiting) look()
  })
  child.on("exit", (code, signal) => {
    Deferred.doneUnsafe(ended, Effect.succeed({ code, signal }))
    for (const look of waiting) look()
  })
  return {
    kill: (signal) => Effect.sync(() => void child.kill(signal)),
    stdout: () => out,
    stderr: () => err,
    says: (text) =>
      Effect.callback<void>((resume) => {
        const look = () => {
          const isOver = child.exitCode !== null || child.signalCode !== null
          if (err.includes(text)) resume(Effect.void)
          else if (isOver) resume(Effect.die(`stint ended without saying "${text}":\n${err}`))
        }
        waiting.add(look)
        look()
        return Effect.sync(() => waiting.delete(look))
      }),
    hangUp: Effect.sync(() => {
      child.stdout.destroy()
      child.stderr.destroy()
    }),
    end: Deferred.await(ended)
  }
})
