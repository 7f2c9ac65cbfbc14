/**
 * A program of the fleet as a real process. It is asked by lines on its standard input, `number question`, and answers by
 * lines of JSON; when its standard input ends, it ends: so nothing outlives whoever started it.
 */
import { Deferred, Effect, Option, Schema, type Scope } from "effect"
import { spawn } from "node:child_process"
import * as readline from "node:readline"
import { fileURLToPath } from "node:url"
import { compiled } from "../command/stintProcess.ts"

const Answer = Schema.fromJsonString(Schema.Struct({ to: Schema.Int, answer: Schema.Json }))
const decodeAnswer = Schema.decodeUnknownOption(Answer)
const encodeAnswer = Schema.encodeSync(Answer)

/** A process that runs, or ran. */
export interface Process {
  readonly name: string
  /** Waits for an answer of that shape. */
  readonly ask: <S extends Schema.ConstraintCodec<unknown, unknown, never, never>>(
    question: string,
    shape: S
  ) => Effect.Effect<S["Type"]>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  readonly end: Effect.Effect<void>
  /** What it wrote on its standard error. */
  readonly said: () => string
}

/** How it is started. */
export interface Options {
  readonly name: string
  /** A file of this folder. */
  readonly file: string
  /** What it is told: JSON. */
  readonly place: unknown
  /** The network that it lives in; the machine's own if nothing is said. */
  readonly network?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** Starts it, and waits until it says that it is ready; what is left of it when the scope closes is killed. */
export const start = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Process, never, Scope.Scope> {
  const { file, name, network, place } = options
  const ended = yield* Deferred.make<void>()
  const waiting = new Map<number, (answer: Effect.Effect<Schema.Json>) => void>()
  let asked = 0
  let said = ""
  const program = [
    process.execPath,
    fileURLToPath(new URL(file, import.meta.url)),
    JSON.stringify(place)
  ] as const
  const [command, ...args] =
    network === undefined ? program : (["ip", "netns", "exec", network, ...program] as const)
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(command, args, {
        env: { PATH: process.env["PATH"] ?? "", ...compiled, ...options.env },
        stdio: ["pipe", "pipe", "pipe"]
      })
    ),
    (child) =>
      Effect.andThen(
        Effect.sync(() => child.kill("SIGKILL")),
        Deferred.await(ended)
      )
  )
  child.stdin.on("error", () => undefined)
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-20_000)
  })
  readline.createInterface({ input: child.stdout }).on("line", (line) => {
    const heard = Option.getOrUndefined(decodeAnswer(line))
    if (heard === undefined) said = `${said}${line}\n`.slice(-20_000)
    else {
      waiting.get(heard.to)?.(Effect.succeed(heard.answer))
      waiting.delete(heard.to)
    }
  })
  const isGone = () => Effect.die(new Error(`${name} has ended:\n${said}`))
  child.on("error", () => Deferred.doneUnsafe(ended, Effect.void))
  child.on("close", () => {
    Deferred.doneUnsafe(ended, Effect.void)
    for (const resume of waiting.values()) resume(isGone())
  })
  const answerTo = (number: number) =>
    Effect.callback<Schema.Json>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(isGone())
      waiting.set(number, resume)
    })
  const running: Process = {
    name,
    ask: (question, shape) =>
      Effect.suspend(() => {
        const number = ++asked
        return Effect.flatMap(
          Effect.all([answerTo(number), Effect.sync(() => child.stdin.write(`${number} ${question}\n`))], {
            concurrency: 2
          }),
          ([answer]) => Effect.orDie(Schema.decodeUnknownEffect(shape)(answer))
        )
      }),
    kill: (signal) => Effect.sync(() => void child.kill(signal)),
    end: Deferred.await(ended),
    said: () => said
  }
  yield* Effect.timeoutOrElse(running.ask("ready", Schema.Literal(true)), {
    duration: "90 seconds",
    orElse: () => Effect.die(new Error(`${name} was not ready in time:\n${said}`))
  })
  return running
})

/** The other side: answers what is asked, until the standard input ends; then the process ends, whatever it is at. */
export const serve = <R>(
  answers: Readonly<Record<string, Effect.Effect<Schema.Json, never, R>>>
): Effect.Effect<never, never, R> =>
  Effect.flatMap(Effect.context<R>(), (context) =>
    Effect.callback<never>(() => {
      const runFork = Effect.runForkWith(context)
      const questions = readline.createInterface({ input: process.stdin })
      questions.on("line", (line) => {
        const at = line.indexOf(" ")
        const answer = answers[line.slice(at + 1)]
        if (answer === undefined) return
        runFork(
          Effect.map(answer, (answer) =>
            process.stdout.write(`${encodeAnswer({ to: Number(line.slice(0, at)), answer })}\n`)
          )
        )
      })
      questions.on("close", () => process.exit(0))
    })
  )
