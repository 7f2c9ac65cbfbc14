import { hostname } from "node:os"
import NodeProcess from "node:process"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { FolderLock } from "@stint/batch/node"
import { Effect, Exit, FileSystem, Path, Scope } from "effect"
import { folder } from "./folder.ts"
import { deadPid, lockIn, lockedBy, race } from "./lockRace.ts"

const holderOf = (directory: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.flatMap(lockIn(directory), (path) => fs.readFileString(path))
  )

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
      assert.strictEqual(error._tag === "FolderLocked" && error.pid, NodeProcess.pid)
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
      assert.strictEqual(error._tag === "FolderLocked" && error.pid, 1)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("takes over from before the machine was started again", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const held = yield* folder
      const self = yield* Effect.scoped(Effect.andThen(FolderLock.hold(held), holderOf(held)))
      const before = self.replace(/"boot":"[^"]+"/, '"boot":"another"')
      if (before !== self) yield* isTaken(yield* lockedBy(before))
      // The same without the difference is a holder that lives.
      const directory = yield* lockedBy(self)
      assert.strictEqual((yield* Effect.flip(FolderLock.hold(directory))).message.includes(directory), true)
      assert.deepStrictEqual(yield* fs.readDirectory(directory), ["lock"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("does not take over from another machine, and says how to", () =>
    Effect.gen(function* () {
      const elsewhere = { pid: deadPid(), startedAt: "1", host: "gpu-7.example", boot: "b", token: "t" }
      const directory = yield* lockedBy(JSON.stringify(elsewhere))
      const error = yield* Effect.flip(FolderLock.hold(directory))
      assert.strictEqual(error._tag, "FolderLocked")
      assert.match(error.message, /another machine \(gpu-7\.example, .* delete the file "lock"/)
      yield* isTaken(yield* lockedBy(JSON.stringify({ ...elsewhere, host: hostname(), boot: "" })))
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("leaves a lock alone that is not its own any more", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* folder
      const path = yield* lockIn(directory)
      yield* Effect.scoped(
        Effect.andThen(FolderLock.hold(directory), fs.writeFileString(path, "somebody else's"))
      )
      assert.strictEqual(yield* fs.readFileString(path), "somebody else's")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("takes over from one who died while taking over, and leaves nothing behind", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { join } = yield* Path.Path
      const dead = (token: string) => JSON.stringify({ pid: deadPid(), startedAt: "1", token })
      const directory = yield* lockedBy(dead("first"))
      yield* fs.writeFileString(join(directory, "lock.draft-x"), dead("second"))
      // Killed between claiming and taking the place: what it claimed is seen by stopping it there.
      const stopped = { ...fs, rename: () => Effect.die("killed") }
      yield* Effect.scoped(FolderLock.hold(directory)).pipe(
        Effect.provideService(FileSystem.FileSystem, stopped),
        Effect.exit
      )
      const claim = (yield* fs.readDirectory(directory)).find((name) => name.startsWith("lock.after-"))
      assert.isDefined(claim)
      const path = join(directory, claim ?? "")
      assert.strictEqual((yield* Effect.flip(FolderLock.hold(directory))).message.includes(directory), true)
      yield* fs.writeFileString(path, dead("second"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* FolderLock.hold(directory)
          assert.deepStrictEqual(yield* fs.readDirectory(directory), ["lock"])
        })
      )
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a folder that is not there is an error that says so", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(FolderLock.hold(`${yield* folder}/nowhere`))
      assert.strictEqual(error._tag, "PlatformError")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("of many in one process that find a stale lock, one takes it over", () =>
    Effect.gen(function* () {
      const stale = JSON.stringify({ pid: deadPid(), startedAt: "1" })
      for (let round = 0; round < 50; round++) {
        const directory = yield* lockedBy(round % 3 === 2 ? "" : stale)
        const exits = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, racer) => racer),
          () => Effect.exit(FolderLock.hold(directory)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(exits.filter(Exit.isSuccess).length, 1, `round ${round}`)
      }
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

it.live("of many processes that find a stale lock one takes it over, also from one that is killed", () =>
  Effect.provide(race({ processes: 6, rounds: 10 }), NodeServices.layer)
)
