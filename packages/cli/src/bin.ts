#!/usr/bin/env node
/**
 * The program's own main: a stock runner would take the second Ctrl-C for the first.
 */
// Before all others, for what it sets.
// oxlint-disable-next-line import/no-unassigned-import
import "./Heap.ts"
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
import * as HttpClient from "effect/http/HttpClient"
import { UndiciClient } from "@stint/batch/node"
import NodeProcess from "node:process"
import { cli } from "./Cli.ts"
import * as ConfigFile from "./ConfigFile.ts"
import { ExitCode, type Signal, decidingError, fromCause, signalCodes } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"
import * as Signals from "./Signals.ts"
import { Screen } from "./ui/RunView.ts"
import { version } from "./version.ts"

/** Signals of one kind this close together are one: a process group and a wrapper may both pass on the same key press. */
const SAME_PRESS_MILLIS = 100

const screen = Layer.succeed(Screen, {
  write: (text) => Effect.sync(() => void NodeProcess.stderr.write(text)),
  canRedraw: NodeProcess.stderr.isTTY === true,
  columns: NodeProcess.stderr.columns ?? 80
})

/** One line a message, on stderr: what is on stdout is the result. */
const logger = Logger.layer([
  Logger.withConsoleError(
    Logger.make(({ logLevel, message }) => {
      const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
      return logLevel === "Info" ? text : `${logLevel.toLowerCase()}: ${text}`
    })
  )
])

const platform = Layer.mergeAll(
  NodeServices.layer,
  // A span for each request would cost as much as the request.
  UndiciClient.layerConfig().pipe(
    Layer.provideMerge(Layer.succeed(HttpClient.TracerDisabledWhen, () => true)),
    Layer.orDie
  ),
  screen,
  logger
)

const explain = (cause: Cause.Cause<unknown>) =>
  Option.match(decidingError(cause), {
    onNone: () => (Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(Cause.pretty(cause))),
    onSome: (error) =>
      CliError.isCliError(error)
        ? Effect.void
        : Console.error(`stint: ${Predicate.isError(error) ? error.message : String(error)}`)
  })

const isHelp = (cause: Cause.Cause<unknown>) =>
  Option.exists(
    decidingError(cause),
    (error) => CliError.isCliError(error) && error._tag === "ShowHelp" && error.errors.length === 0
  )

// A terminal that was closed, a pipe whose reader left, a full disk: none of them may keep the endpoint from being
// released. What cannot be written is lost; without a listener Node would end the program over it.
for (const stream of [NodeProcess.stdout, NodeProcess.stderr]) stream.on("error", () => undefined)

// Node's diagnostic report, which users turn on with NODE_OPTIONS, would hold the environment and the token with it.
NodeProcess.report.excludeEnv = true

const program = Effect.gen(function* () {
  const status = yield* Ref.make<number>(ExitCode.success)
  const signals = yield* Signals.make
  const main = yield* ConfigFile.withDefaults(
    NodeProcess.argv.slice(2),
    Command.runWith(cli, { version })
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

Effect.runPromise(Effect.provide(program, platform)).then(
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
