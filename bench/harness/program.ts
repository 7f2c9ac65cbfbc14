/** Programs of the benches, each in a process of its own. */
import { Effect, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { decode } from "../measured.ts"

const start = (file: string, flags: ReadonlyArray<string>, args: ReadonlyArray<string>) =>
  ChildProcess.make(process.execPath, [...flags, `${import.meta.dirname}/../${file}`, ...args], {
    stderr: "inherit"
  })

const linesOf = (stdout: ChildProcessSpawner.ChildProcessHandle["stdout"]) =>
  Stream.splitLines(Stream.decodeText(stdout))

/** The first line that a program prints; it runs until the scope ends. */
export const started = Effect.fnUntraced(function* (file: string, ...args: ReadonlyArray<string>) {
  const { stdout } = yield* start(file, [], args)
  const [line = ""] = yield* Stream.runCollect(Stream.take(linesOf(stdout), 1))
  return line
})

/** The last line that a program prints. */
export const ended = Effect.fnUntraced(function* (
  file: string,
  args: ReadonlyArray<string>,
  flags: ReadonlyArray<string> = []
) {
  const { exitCode, stdout } = yield* start(file, flags, args)
  const lines = yield* Stream.runCollect(linesOf(stdout))
  const code = yield* exitCode
  return code === 0 ? (lines.at(-1) ?? "") : yield* Effect.die(`${file} ${args.join(" ")} ended with ${code}`)
}, Effect.scoped)

/** The URL of a server of this folder, until the scope ends: it prints its port. */
export const server = (file: string, ...args: ReadonlyArray<string>) =>
  Effect.map(started(file, ...args), (port) => `http://127.0.0.1:${port}`)

/** What a program measures of itself. */
export const measured = (file: string, args: ReadonlyArray<string>, flags?: ReadonlyArray<string>) =>
  Effect.flatMap(ended(file, args, flags), decode)
