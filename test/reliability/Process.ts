/**
 * A program as a real process: the command, or a small one on the library that takes orders on its standard input.
 */
import { Deferred, Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { compiled } from "../command/stintProcess.ts"

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const bin = file("../../packages/cli/src/bin.ts")
const library = file("program.ts")

/** What every run of a cell shares. */
export interface Place {
  readonly input: string
  readonly spec: string
  readonly out: string
  readonly env: Record<string, string>
}

/** Which of the two it is. */
export type Kind = "command" | "library"

/** How a process ended: its code, or the name of its signal. */
export type Status = number | NodeJS.Signals

/** A program that runs. */
export interface Running {
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly order: (line: string) => Effect.Effect<void>
  /** Lets it take nothing more; returns when it has said so. */
  readonly drain: Effect.Effect<void>
  readonly said: () => string
  readonly end: Effect.Effect<Status>
}

/** What the command of a cell is. */
const commandOf = (kind: Kind, { input, out, spec }: Place) =>
  kind === "library"
    ? [library, input, spec, out]
    : [
        bin,
        "run",
        input,
        "--endpoint",
        "batch",
        "--spec",
        spec,
        "--job",
        "embed",
        "--out",
        out,
        "--concurrency",
        "4"
      ]

/** Starts it; what is left of it when the scope closes is killed. */
export const start = Effect.fnUntraced(function* (
  kind: Kind,
  place: Place,
  env?: Record<string, string>
): Effect.fn.Return<Running, never, Scope.Scope> {
  const ended = yield* Deferred.make<Status>()
  let said = ""
  const waiting = new Set<() => void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, commandOf(kind, place), {
        env: { ...compiled, ...place.env, ...env },
        stdio: ["pipe", "pipe", "pipe"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  child.stdin.on("error", () => undefined)
  child.stdout.resume()
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text
    for (const look of waiting) look()
  })
  child.on("close", (code, signal) => {
    Deferred.doneUnsafe(ended, Effect.succeed(signal ?? code ?? -1))
    for (const look of waiting) look()
  })
  const says = (text: string) =>
    Effect.callback<void>((resume) => {
      const look = () => {
        if (said.includes(text)) resume(Effect.void)
        else if (child.exitCode !== null || child.signalCode !== null) {
          resume(Effect.die(new Error(`it ended without saying "${text}":\n${said}`)))
        }
      }
      waiting.add(look)
      look()
      return Effect.sync(() => waiting.delete(look))
    })
  const kill = (signal: NodeJS.Signals) => Effect.sync(() => void child.kill(signal))
  const order = (line: string) => Effect.sync(() => void child.stdin.write(`${line}\n`))
  return {
    kill,
    order,
    drain:
      kind === "library"
        ? Effect.andThen(order("drain"), says("draining"))
        : Effect.andThen(kill("SIGINT"), says("finishing what is in flight")),
    said: () => said,
    end: Deferred.await(ended)
  }
})
