/**
 * The program's own main: a stock runner would take the second Ctrl-C for the first.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import NodeProcess from "node:process"
import { cli } from "./Cli.ts"
import * as ConfigFile from "./ConfigFile.ts"
import { ExitCode, type Signal, decidingError, fromCause, signalCodes } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"
import * as Lazy from "./Lazy.ts"
import * as Signals from "./Signals.ts"
import * as Help from "./ui/Help.ts"
import { Screen } from "./ui/Screen.ts"
import { version } from "./version.ts"

/** Signals of one kind this close together are one: a process group and a wrapper may both pass on the same key press. */
const SAME_PRESS_MILLIS = 100

/** A terminal that knows neither cursor nor colour is written to as a file is. */
const terminal = Config.all({
  term: Config.String("TERM").pipe(Config.withDefault("")),
  noColor: Config.String("NO_COLOR").pipe(Config.withDefault(""))
})

const screen = Layer.effect(
  Screen,
  Effect.map(Effect.orDie(terminal), ({ noColor, term }) => {
    const { stderr } = NodeProcess
    const canRedraw = stderr.isTTY === true && term !== "dumb"
    return {
      write: (text: string) => Effect.sync(() => void stderr.write(text)),
      canRedraw,
      canColor: canRedraw && noColor === "",
      // 0 where a terminal does not say.
      get columns() {
        return stderr.columns || 80
      },
      get rows() {
        return stderr.rows || 24
      }
    }
  })
)

/** Below the cursor stands what is drawn over soon: a message that is longer than a line does not mix with it. */
const WIPE = NodeProcess.stderr.isTTY ? "\u001b[J" : ""

/** What lies at the bottom of an error, for what is logged without a word. */
const innermost = (error: unknown): string => {
  if (!Predicate.isError(error)) return String(error)
  return error.cause === undefined || error.cause === error ? error.message : innermost(error.cause)
}

/** One line a message, on stderr: what is on stdout is the result. */
const logger = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ cause, logLevel, message }) => {
      const said = (Array.isArray(message) ? message : [message]).map(String).join(" ")
      const text = said === "" ? innermost(Cause.squash(cause)) : said
      return `${WIPE}${logLevel === "Info" ? text : `${logLevel.toLowerCase()}: ${text}`}`
    })
  )
])

const platform = Layer.mergeAll(
  NodeServices.layer,
  screen,
  logger,
  Help.layer(() => NodeProcess.stdout.columns || 80)
)

/** The command with its client, which is loaded once there is something to do. */
const stint = Command.provide(
  cli,
  Lazy.layer(() => import("./Client.ts").then(({ layer }) => layer))
)

/** What an error says; a variable that cannot be used is named, without what it holds. */
const messageOf = (error: unknown) => {
  if (error instanceof Config.ConfigError) {
    const [, wrong, name] = /(Expected .*)\s+at \["([^"]+)"\]/.exec(error.message) ?? []
    if (name !== undefined) return `${name} cannot be used: ${wrong}. Correct it, or unset it.`
  }
  return Predicate.isError(error) ? error.message : String(error)
}

const explain = (cause: Cause.Cause<unknown>) =>
  Option.match(decidingError(cause), {
    onNone: () => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(Cause.pretty(cause))),
    onSome: (error) =>
      CliError.isCliError(error) ? Effect.void : Console.error(`stint: ${messageOf(error)}`)
  })

const isHelp = (cause: Cause.Cause<unknown>) =>
  Option.exists(
    decidingError(cause),
    (error) => CliError.isCliError(error) && error._tag === "ShowHelp" && error.errors.length === 0
  )

const program = Effect.gen(function* () {
  const status = yield* Ref.make<number>(ExitCode.success)
  const signals = yield* Signals.make
  const main = yield* ConfigFile.withDefaults(
    // Without a word it is help that is wanted, for which nothing has to be loaded.
    NodeProcess.argv.length > 2 ? NodeProcess.argv.slice(2) : ["--help"],
    Command.runWith(stint, { version })
  ).pipe(
    Effect.provideService(ExitStatus, status),
    Effect.provideService(Signals.Signals, signals),
    Effect.forkChild
  )
  yield* Effect.acquireRelease(
    Effect.sync(() => listen(signals)),
    (stop) => Effect.sync(stop)
  )
  // What nobody takes care of ends the command: it has woken nothing yet.
  yield* Effect.forkChild(
    Effect.gen(function* () {
      yield* Console.error(`${yield* signals.unattended}: stopping; nothing was woken.`)
      yield* Fiber.interrupt(main)
    })
  )
  const exit = yield* Fiber.await(main)
  const known = yield* Ref.get(status)
  if (Exit.isSuccess(exit)) return known
  if (isHelp(exit.cause)) return ExitCode.success
  yield* explain(exit.cause)
  if (known === ExitCode.releaseUnconfirmed) return known
  // A question that is left with Ctrl-C interrupts without a signal.
  return Cause.hasInterruptsOnly(exit.cause)
    ? signalCodes[signals.received() ?? "SIGINT"]
    : fromCause(exit.cause)
}).pipe(Effect.scoped)

const listen = (signals: Signals.Signals["Service"]) => {
  const names: ReadonlyArray<Signal> = ["SIGHUP", "SIGINT", "SIGTERM"]
  let last = { signal: "", at: -Infinity }
  const onSignal = (signal: Signal) => {
    const at = performance.now()
    const isSame = signal === last.signal && at - last.at < SAME_PRESS_MILLIS
    last = { signal, at }
    if (isSame) return
    if (signals.raise(signal) > 0) return
    const atRisk = signals.atRisk()
    NodeProcess.stderr.write(
      `\nstint: left without waiting. ${atRisk ?? "No endpoint is awake because of it."}\n`
    )
    NodeProcess.exit(atRisk === undefined ? signalCodes[signal] : ExitCode.releaseUnconfirmed)
  }
  const listeners = names.map((name) => [name, () => onSignal(name)] as const)
  for (const [name, listener] of listeners) NodeProcess.on(name, listener)
  return () => {
    for (const [name, listener] of listeners) NodeProcess.off(name, listener)
  }
}

/** Runs the command, and ends the process with its exit code. */
export const main = (): void => {
  // A terminal that was closed, a pipe whose reader left, a full disk: none of them may keep the endpoint from being
  // released. What cannot be written is lost; without a listener Node would end the program over it.
  for (const stream of [NodeProcess.stdout, NodeProcess.stderr]) stream.on("error", () => undefined)

  // Node's diagnostic report, which users turn on with NODE_OPTIONS, would hold the environment and the token with it.
  NodeProcess.report.excludeEnv = true

  void Effect.runPromise(Effect.provide(program, platform)).then(
    (code) => NodeProcess.exit(code),
    (defect: unknown) => {
      if (defect instanceof Config.ConfigError) {
        NodeProcess.stderr.write(`stint: ${defect.message}\n`)
        return NodeProcess.exit(ExitCode.refused)
      }
      NodeProcess.stderr.write(
        `stint: ${Predicate.isError(defect) ? (defect.stack ?? defect.message) : String(defect)}\n`
      )
      NodeProcess.exit(ExitCode.defect)
    }
  )
}
