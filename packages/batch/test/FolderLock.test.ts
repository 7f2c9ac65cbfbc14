import { spawnSync } from "node:child_process"
import NodeProcess from "node:process"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { FolderLock } from "@stint/batch/node"
import { Effect, Exit, FileSystem, Path, Scope } from "effect"
import { folder } from "./folder.ts"

const lockIn = Effect.fnUntraced(function* (directory: string) {
  return (yield* Path.Path).join(directory, "lock")
})

/** A folder whose lock names that holder. */
const lockedBy = Effect.fnUntraced(function* (content: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* folder
  yield* fs.writeFileString(yield* lockIn(directory), content)
  return directory
})

const holderOf = (directory: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.flatMap(lockIn(directory), (path) => fs.readFileString(path))
  )

/** The number of a process that has ended. */
const deadPid = () => spawnSync(NodeProcess.execPath, ["-e", ""]).pid

const isTaken = Effect.fnUntraced(function* (directory: string) {
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* FolderLock.hold(directory)
      assert.include(yield* holderOf(directory), `"pid":${NodeProcess.pid},`)
    })
  )
})

describe("hold", () => {
  it.effect("a second holder is refused, and told who holds it", () =>
    Effect.gen(function* () {
      const directory = yield* folder
      yield* FolderLock.hold(directory)
      const error = yield* Effect.flip(FolderLock.hold(directory))
      assert.strictEqual(error._tag, "FolderLocked")
      assert.strictEqual(error.pid, NodeProcess.pid)
      assert.include(error.message, directory)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("is over with its scope, and can be had again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const scope = yield* Scope.make()
      yield* Scope.provide(FolderLock.hold(directory), scope)
      assert.isTrue(yield* fs.exists(yield* lockIn(directory)))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(yield* fs.exists(yield* lockIn(directory)))
      yield* isTaken(directory)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("who is refused does not take the lock away when leaving", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      yield* FolderLock.hold(directory)
      yield* Effect.exit(Effect.scoped(FolderLock.hold(directory)))
      assert.isTrue(yield* fs.exists(yield* lockIn(directory)))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("takes over from a process that is dead", () =>
    Effect.gen(function* () {
      yield* isTaken(yield* lockedBy(JSON.stringify({ pid: deadPid(), startedAt: "1" })))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("takes over from a process whose number another one has by now", () =>
    Effect.gen(function* () {
      yield* isTaken(yield* lockedBy(JSON.stringify({ pid: NodeProcess.pid, startedAt: "1" })))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("does not take over from another process that lives", () =>
    Effect.gen(function* () {
      // Process 1 lives as long as the machine, and may be somebody else's.
      const fs = yield* FileSystem.FileSystem
      const stat = yield* Effect.orElseSucceed(fs.readFileString("/proc/1/stat"), () => "")
      const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
      const directory = yield* lockedBy(JSON.stringify({ pid: 1, startedAt }))
      const error = yield* Effect.flip(FolderLock.hold(directory))
      assert.strictEqual(error.pid, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  for (const content of ["", "{", '{"pid":"x"}']) {
    it.effect(`takes over a lock that names nobody: ${JSON.stringify(content)}`, () =>
      Effect.gen(function* () {
        yield* isTaken(yield* lockedBy(content))
      }).pipe(Effect.provide(NodeServices.layer))
    )
  }
})
