/** Many processes that want one folder. */
import { type ChildProcess, fork, spawnSync } from "node:child_process"
import NodeProcess from "node:process"
import { assert } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Path } from "effect"
import { folder } from "./folder.ts"

/** The lock of a folder. */
export const lockIn = Effect.fnUntraced(function* (directory: string) {
  return (yield* Path.Path).join(directory, "lock")
})

/** A folder whose lock names that holder. */
export const lockedBy = Effect.fnUntraced(function* (content: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* folder
  yield* fs.writeFileString(yield* lockIn(directory), content)
  return directory
})

/** The number of a process that has ended. */
export const deadPid = () => spawnSync(NodeProcess.execPath, ["-e", ""]).pid

/** A process of its own that tries for folders; killed with the test. */
const racer = Effect.acquireRelease(
  Effect.sync(() => fork(new URL("lockRacer.ts", import.meta.url))),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const answerOf = (child: ChildProcess) =>
  Effect.callback<string>((resume) => {
    child.once("message", (message) => resume(Effect.succeed(String(message))))
  })

const exitOf = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })

/** Names the folder to all at once, and gives their answers. */
const raceFor = Effect.fnUntraced(function* (directory: string, children: ReadonlyArray<ChildProcess>) {
  const answers = yield* Effect.forkChild(Effect.forEach(children, answerOf, { concurrency: "unbounded" }))
  yield* Effect.yieldNow
  for (const child of children) child.send(directory)
  return yield* Fiber.join(answers)
})

/**
 * Round after round, of many that find the lock of a dead process, one gets it. Every fifth round that one is killed, and of
 * the others one gets it at once.
 */
export const race = Effect.fnUntraced(function* (size: {
  readonly processes: number
  readonly rounds: number
}) {
  const dead = deadPid()
  const all = Array.from({ length: size.processes }, () => racer)
  let children = yield* Effect.all(all)
  yield* Effect.forEach(children, answerOf, { concurrency: "unbounded" })
  for (let round = 0; round < size.rounds; round++) {
    const directory = yield* lockedBy(JSON.stringify({ pid: dead, startedAt: "1" }))
    const answers = yield* raceFor(directory, children)
    const winners = children.filter((_, at) => answers[at] === "won")
    assert.strictEqual(winners.length, 1, answers.join("\n"))
    for (const answer of answers) assert.match(answer, /^won$|FolderLocked/)
    if (round % 5 !== 4) continue
    const killed = Effect.forEach(winners, exitOf, { concurrency: "unbounded" })
    for (const winner of winners) winner.kill("SIGKILL")
    yield* killed
    children = children.filter((child) => !winners.includes(child))
    const again = yield* raceFor(directory, children)
    assert.strictEqual(again.filter((answer) => answer === "won").length, 1, again.join("\n"))
  }
}, Effect.scoped)
