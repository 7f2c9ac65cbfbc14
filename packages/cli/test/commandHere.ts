/** The command in this process: what it says, its exit code, and its signals, without a process of its own. */
import { Policy } from "@stint/core"
import { Emulator } from "@stint/emulator"
import {
  ConfigProvider,
  Console,
  Effect,
  Exit,
  FileSystem,
  Metric,
  Option,
  Redacted,
  Ref,
  Schedule,
  Stdio
} from "effect"
import { Command } from "effect/cli"
import { decidingError, fromCause } from "../src/ExitCode.ts"
import { ExitStatus } from "../src/ExitStatus.ts"
import * as Signals from "../src/Signals.ts"

/** How the command is run. */
export interface Options {
  /** All its variables. */
  readonly env: Readonly<Record<string, string>>
  /** Hears each text that it prints, on either stream, when it does. */
  readonly hear?: ((text: string) => void) | undefined
}

/** How it ended. */
export interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number
  /** The error that the exit code is of. */
  readonly why: string
  /** All that it failed with. */
  readonly cause: string
}

/** The command with these arguments: `ended` runs it to its end, `signals` are its own. */
export const make = Effect.fnUntraced(function* <const Name extends string, Input, Context, E, R>(
  command: Command.Command<Name, Input, Context, E, R>,
  args: ReadonlyArray<string>,
  { env, hear }: Options
) {
  const out: Array<string> = []
  const err: Array<string> = []
  const into =
    (lines: Array<string>) =>
    (...words: ReadonlyArray<unknown>) => {
      lines.push(words.join(" "))
      hear?.(words.join(" "))
    }
  const status = yield* Ref.make(0)
  const signals = yield* Signals.make
  const stdio = yield* Stdio.Stdio
  const ended = Command.runWith(command, { version: "0" })(args).pipe(
    Effect.provideService(ExitStatus, status),
    Effect.provideService(Signals.Signals, signals),
    Effect.provideService(Stdio.Stdio, { ...stdio, args: Effect.succeed(args) }),
    Effect.provideService(Console.Console, { ...globalThis.console, log: into(out), error: into(err) }),
    Effect.provideService(Policy.CurrentPolling, Schedule.spaced("10 millis")),
    // Each run counts from nothing.
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(env))),
    Effect.exit,
    Effect.flatMap((exit) =>
      Effect.map(Ref.get(status), (known): Ended => {
        const said = { out: out.join("\n"), err: err.join("\n") }
        if (Exit.isSuccess(exit)) return { ...said, code: known, why: "", cause: "" }
        return {
          ...said,
          code: fromCause(exit.cause),
          why: Option.match(decidingError(exit.cause), { onNone: () => "", onSome: String }),
          cause: String(exit.cause)
        }
      })
    )
  )
  return { ended, signals }
})

/** The variables by which the command finds the emulator. */
export const environment = Effect.map(Emulator.Emulator, ({ namespace, token, urls }) => ({
  HF_TOKEN: Redacted.value(token),
  HF_ENDPOINT: urls.hub.href,
  HF_ENDPOINTS_NAMESPACE: namespace,
  STINT_API_URL: urls.management.href
}))

const spec = `{"repository": "acme/embedder", "task": "feature-extraction", "accelerator": "cpu", "vendor": "aws",
  "region": "us-east-1", "instanceType": "intel-spr", "instanceSize": "x1"}`

/** A home with the spec of an endpoint in it, and so many rows. */
export const folder = Effect.fnUntraced(function* (rows: number) {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  const lines = Array.from({ length: rows }, (_, i) => `{"id":"row-${i}","input":"text ${i}"}\n`)
  yield* fs.writeFileString(`${home}/rows.jsonl`, lines.join(""))
  yield* fs.writeFileString(`${home}/spec.json`, spec)
  return {
    home,
    rows: `${home}/rows.jsonl`,
    out: `${home}/out`,
    env: { ...(yield* environment), HOME: home },
    /** What a command is told of the endpoint and of the work. */
    flags: ["--endpoint", "batch", "--spec", `${home}/spec.json`, "--job", "embed"]
  }
})
