import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import type { Leases, ManagedEndpoint } from "@stint/batch"
import { LeaseRecords } from "@stint/batch/node"
import {
  ConfigProvider,
  Effect,
  Fiber,
  FileSystem,
  Path,
  Redacted,
  References,
  Schedule,
  type Scope
} from "effect"
import { TestClock } from "effect/testing"
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Release from "../../src/internal/lease/release.ts"
import * as Claims from "../../src/node/internal/leaseClaim.ts"
import * as File from "../../src/node/internal/leaseFile.ts"
import * as Process from "../../src/node/internal/leaseProcess.ts"
import * as Step from "../../src/node/internal/leaseStep.ts"
import * as Store from "../../src/node/internal/leaseStore.ts"

const claim: Leases.Claim = {
  apiUrl: "http://127.0.0.1:9/v2",
  namespace: "tester",
  name: "batch",
  policy: "pause",
  pricePerHour: 0.5,
  whenLeased: "refuse"
}

/** A folder of records, and what makes the service for one process. */
const inFolder = <A, E>(
  use: (directory: string, file: string) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const temp = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    const directory = (yield* Path.Path).join(temp, "leases")
    return yield* use(directory, File.fileOf(directory, claim))
  }).pipe(
    Effect.scoped,
    Effect.provide(NodeServices.layer),
    Effect.provideService(References.MinimumLogLevel, "None")
  )

const recordIn = (file: string): File.LeaseRecord => {
  const reading = File.read(file)
  return reading._tag === "Found" ? reading.record : assert.fail(`no record: ${JSON.stringify(reading)}`)
}

/** Another process, as a record names it. */
const other = Effect.acquireRelease(
  Effect.sync(() => spawn("sleep", ["60"], { stdio: "ignore" })),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const gone = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

const holderOf = (child: ChildProcess): File.Holder => {
  const stat = fs.readFileSync(`/proc/${child.pid}/stat`, "utf8")
  const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  return {
    ...Process.self(),
    pid: child.pid ?? 0,
    startedAt,
    token: "other",
    since: "2026-01-01T00:00:00Z",
    isReleasing: false
  }
}

/** The guardian that this process has started, as soon as it is there. */
const guardianOf = ({ name, namespace }: Leases.Claim) =>
  Effect.sync(() =>
    fs.readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid) || !fs.existsSync(`/proc/${pid}/cmdline`)) return false
      const called = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
      if (!called.includes("guardian") || !called.includes(`${namespace}/${name}`)) return false
      return fs.readFileSync(`/proc/${pid}/status`, "utf8").includes(`\nPPid:\t${process.pid}\n`)
    })
  ).pipe(
    Effect.repeat({ until: (found) => found.length === 1, schedule: Schedule.spaced("1 millis") }),
    Effect.timeout("10 seconds"),
    Effect.map(([pid]) => Number(pid))
  )

/** Writes a record that the other process holds. */
const heldBy = (file: string, child: ChildProcess, more?: Partial<File.LeaseRecord>) =>
  Effect.gen(function* () {
    const leases = yield* LeaseRecords.make({ directory: file.slice(0, file.lastIndexOf("/")) })
    yield* leases.claim(claim)
    File.write(file, { ...recordIn(file), holders: [holderOf(child)], ...more })
    return leases
  })

describe("the records of leases", () => {
  it.live("are their owner's alone, say who holds what, and go with the lease", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        const leases = yield* LeaseRecords.make({ directory })
        const hold = yield* leases.claim(claim)
        assert.strictEqual(fs.statSync(directory).mode & 0o777, 0o700)
        assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600)
        yield* hold.note({
          found: { state: "paused", minReplica: 0, scaleToZeroTimeout: null },
          acquisition: "Resumed"
        })
        yield* hold.note({ found: { state: "running" }, updatedAt: "2026-01-01T00:00:00Z" })
        const { facts, holders, policy } = recordIn(file)
        assert.strictEqual(policy, "pause")
        assert.strictEqual(holders[0]?.pid, process.pid)
        assert.strictEqual(facts.found?.state, "paused", "what was found first counts")
        assert.strictEqual(facts.found?.scaleToZeroTimeout, null)
        assert.strictEqual(facts.updatedAt, "2026-01-01T00:00:00Z")
        assert.strictEqual((yield* hold.facts).acquisition, "Resumed")
        assert.strictEqual(yield* hold.leave, "last")
        assert.isTrue(recordIn(file).holders[0]?.isReleasing)
        yield* hold.ended()
        assert.deepStrictEqual(fs.readdirSync(directory), [])
      })
    )
  )

  it.live("are kept in the state folder of the user", () =>
    inFolder((directory) =>
      Effect.gen(function* () {
        const leases = yield* LeaseRecords.make()
        yield* leases.claim(claim)
        assert.isTrue(fs.existsSync(File.fileOf(`${directory}/stint/leases`, claim)))
      }).pipe(
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromUnknown({ XDG_STATE_HOME: directory, HOME: "/nowhere" })
        )
      )
    )
  )

  for (const [what, variables] of [
    ["no home is named", {}],
    ["a home is named that depends on where one is", { HOME: ".", USERPROFILE: "", XDG_STATE_HOME: "state" }]
  ] as const) {
    it.effect(`are kept in the home that the system knows when ${what}`, () =>
      Effect.gen(function* () {
        const home = os.userInfo().homedir
        assert.strictEqual(yield* Store.directory, path.join(home, ".local/state/stint/leases"))
      }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(variables)))
    )
  }

  it.live("are found by a guardian whatever folder they are named from", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        const guardian = { token: Redacted.make("hf_test") }
        const leases = yield* LeaseRecords.make({
          directory: path.relative(process.cwd(), directory),
          guardian
        })
        const hold = yield* leases.claim(claim)
        assert.strictEqual(recordIn(file).generation, 1)
        assert.strictEqual(yield* hold.leave, "last")
        yield* hold.ended()
        assert.deepStrictEqual(fs.readdirSync(directory), [])
      })
    )
  )

  it.live("of an orphan change only when another guardian stands ready", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        const child = yield* other
        yield* heldBy(file, child)
        yield* gone(child)
        const before = fs.readFileSync(file, "utf8")
        const leases = yield* LeaseRecords.make({
          directory,
          guardian: { token: Redacted.make("hf_test") }
        })
        const claiming = yield* Effect.forkChild(leases.claim(claim), { startImmediately: true })
        // It is there, and does not get so far as to say so.
        process.kill(yield* guardianOf(claim), "SIGSTOP")
        assert.strictEqual(fs.readFileSync(file, "utf8"), before)
        yield* Fiber.interrupt(claiming)
        assert.strictEqual(fs.readFileSync(file, "utf8"), before)
        const hold = yield* leases.claim(claim)
        assert.strictEqual(recordIn(file).generation, 2)
        yield* hold.leave
        yield* hold.ended()
      })
    )
  )

  it.live("keep what could not be confirmed, and the next claim takes it over", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        const leases = yield* LeaseRecords.make({ directory })
        const first = yield* leases.claim(claim)
        yield* first.note({ acquisition: "Created" })
        yield* first.leave
        yield* first.ended("the API was away")
        const { leases: listed } = yield* LeaseRecords.list({ directory })
        assert.deepStrictEqual(
          listed.map(({ standing, unconfirmed }) => [standing, unconfirmed]),
          [["unconfirmed", "the API was away"]]
        )
        const second = yield* leases.claim(claim)
        assert.strictEqual(second.orphan?.facts.acquisition, "Created")
        assert.strictEqual(recordIn(file).generation, 2)
        // The first one has no say any more.
        yield* first.ended()
        assert.strictEqual(recordIn(file).holders.length, 1)
      })
    )
  )

  it.live("refuse while another process lives, and say which", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child)
        const error = yield* Effect.flip(leases.claim(claim))
        assert.strictEqual(error._tag, "LeasedElsewhere")
        assert.include(error.message, `process ${child.pid}`)
      })
    )
  )

  it.live("count those that join, and only the last one out releases", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child)
        const conflict = yield* Effect.flip(leases.claim({ ...claim, whenLeased: "join", policy: "keep" }))
        assert.strictEqual(conflict._tag, "LeaseConflict")
        const first = yield* leases.claim({ ...claim, whenLeased: "join" })
        const second = yield* leases.claim({ ...claim, whenLeased: "join" })
        assert.isTrue(first.isShared)
        assert.strictEqual(yield* first.leave, "others")
        yield* gone(child)
        assert.strictEqual(yield* second.leave, "last")
      })
    )
  )

  it.effect("let nobody in while the last one is releasing; whoever waits comes after", () =>
    inFolder((directory) =>
      Effect.gen(function* () {
        const leases = yield* LeaseRecords.make({ directory })
        const first = yield* leases.claim(claim)
        yield* first.leave
        let told = ""
        const waiting = yield* leases
          .claim({
            ...claim,
            whenLeased: "join",
            onWaiting: (holders) =>
              Effect.sync(() => {
                told = holders
              })
          })
          .pipe(Effect.forkChild({ startImmediately: true }))
        yield* TestClock.adjust("10 seconds")
        assert.include(told, "which is releasing it")
        assert.isUndefined(waiting.pollUnsafe())
        yield* first.ended()
        yield* TestClock.adjust("500 millis")
        assert.isFalse((yield* Fiber.join(waiting)).isShared)
      })
    )
  )

  it.live("are taken over from a process that is gone, with what was found before it", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child, {
          facts: { found: { state: "scaledToZero" }, acquisition: "Resumed" }
        })
        yield* gone(child)
        const hold = yield* leases.claim(claim)
        assert.strictEqual(hold.orphan?.facts.found?.state, "scaledToZero")
        assert.isFalse(hold.isShared)
        assert.strictEqual(recordIn(file).generation, 2)
      })
    )
  )

  it.live("a process of the same number that started at another time is another one", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const holder = { ...holderOf(child), startedAt: "1" }
        const leases = yield* heldBy(file, child, { holders: [holder] })
        assert.isDefined((yield* leases.claim(claim)).orphan)
      })
    )
  )

  it.live("of another machine are not touched, whoever claims", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child, {
          holders: [{ ...holderOf(child), host: "elsewhere", boot: "another" }]
        })
        for (const whenLeased of ["refuse", "join"] as const) {
          const error = yield* Effect.flip(leases.claim({ ...claim, whenLeased }))
          assert.strictEqual(error._tag, "LeasedElsewhere")
          assert.include(error.message, "elsewhere")
          assert.include(error.message, file)
        }
      })
    )
  )

  it.live("of this machine are known again after it was renamed: it runs since the same start", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child, { holders: [{ ...holderOf(child), host: "former" }] })
        const error = yield* Effect.flip(leases.claim(claim))
        assert.include(error.message, `process ${child.pid} since`)
        yield* gone(child)
        assert.isDefined((yield* leases.claim(claim)).orphan)
      })
    )
  )

  it.live("of an orphan keep its policy until it is had anew, which is when the new one counts", () =>
    inFolder((_, file) =>
      Effect.gen(function* () {
        const child = yield* other
        const leases = yield* heldBy(file, child, { facts: { acquisition: "Created" } })
        yield* gone(child)
        const hold = yield* leases.claim({ ...claim, policy: "keep" })
        yield* hold.note({ acquisition: "Resumed" })
        assert.strictEqual(recordIn(file).policy, "pause")
        const conflict = yield* Effect.flip(leases.claim({ ...claim, whenLeased: "join" }))
        assert.strictEqual(conflict._tag, "LeaseConflict")
        yield* hold.acquired ?? Effect.void
        assert.strictEqual(recordIn(file).policy, "keep")
      })
    )
  )

  it.live("that are damaged when the lease ends are set aside, out of the way", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        const leases = yield* LeaseRecords.make({ directory })
        const hold = yield* leases.claim(claim)
        fs.truncateSync(file, 40)
        assert.strictEqual(yield* hold.leave, "last")
        yield* hold.ended()
        assert.deepStrictEqual((yield* LeaseRecords.list({ directory })).damaged, [])
      })
    )
  )

  it.live("that are damaged are set aside, never deleted, and do not stop a run", () =>
    inFolder((directory, file) =>
      Effect.gen(function* () {
        fs.mkdirSync(directory)
        for (const damage of ["", "{", "[]", '{"version":2}', JSON.stringify({ version: 1, holders: [7] })]) {
          fs.writeFileSync(file, damage)
          const { damaged } = yield* LeaseRecords.list({ directory })
          assert.strictEqual(damaged.length, 1, damage)
          const leases = yield* LeaseRecords.make({ directory })
          const hold = yield* leases.claim(claim)
          assert.isUndefined(hold.orphan)
          const aside = fs.readdirSync(directory).filter((name) => name.includes(".damaged-"))
          assert.strictEqual(fs.readFileSync(`${directory}/${aside.at(-1)}`, "utf8"), damage)
          yield* hold.leave
          yield* hold.ended()
        }
      })
    )
  )

  it.live("that cannot be written refuse the claim", () =>
    inFolder((directory) =>
      Effect.gen(function* () {
        fs.writeFileSync(directory, "a file")
        const leases = yield* LeaseRecords.make({ directory })
        const error = yield* Effect.flip(leases.claim(claim))
        assert.strictEqual(error._tag, "LeaseRecordError")
        assert.include(error.message, directory)
      })
    )
  )

  it("differ by API, namespace and name, and not by a slash", () => {
    const files = [
      claim,
      { ...claim, apiUrl: "http://127.0.0.1:9/v2/" },
      { ...claim, apiUrl: "http://127.0.0.1:8/v2" },
      { ...claim, namespace: "../up" },
      { ...claim, namespace: "tester.batch", name: "x" },
      { ...claim, name: "other" }
    ].map((key) => File.fileOf("/d", key))
    assert.strictEqual(new Set(files).size, files.length - 1)
    for (const file of files) assert.match(file, /^\/d\/[^/]+$/)
  })
})

describe("a claim", () => {
  const self: File.Holder = { ...Process.self(), token: "me", since: "now", isReleasing: false }
  const them = (token: string, isReleasing = false): File.Holder => ({ ...self, pid: 1, token, isReleasing })

  it("is decided the same way for every mix of holders", () => {
    const standings = ["Alive", "Gone", "Elsewhere"] as const
    for (const whenLeased of ["refuse", "join", "wait"] as const) {
      for (const first of standings) {
        for (const second of standings) {
          for (const isReleasing of [false, true]) {
            const wanted = { ...claim, whenLeased }
            const made = Claims.decide({
              claim: wanted,
              record: undefined,
              self,
              id: "i",
              standing: () => "Gone",
              file: "f"
            })
            const record = made._tag === "New" ? made.record : assert.fail()
            const decision = Claims.decide({
              claim: wanted,
              record: { ...record, holders: [them("a", isReleasing), them("b")] },
              self,
              id: "j",
              standing: ({ token }) => (token === "a" ? first : second),
              file: "f"
            })
            const label = `${whenLeased} ${first} ${second} ${isReleasing}`
            const isAnyoneThere = first !== "Gone" || second !== "Gone"
            // Nobody is let in beside a living holder unless it asked to join, and then never beside one that is releasing.
            assert.strictEqual(decision._tag === "TakenOver", !isAnyoneThere, label)
            if (decision._tag === "TakenOver")
              assert.strictEqual(decision.record.generation, record.generation + 1, label)
            if (decision._tag === "Joined") {
              assert.strictEqual(whenLeased, "join", label)
              assert.isFalse(isReleasing && first === "Alive", label)
              assert.isFalse(first === "Elsewhere" || second === "Elsewhere", label)
              assert.strictEqual(decision.record.generation, record.generation, label)
            }
            if (isAnyoneThere && whenLeased === "wait") assert.strictEqual(decision._tag, "Wait", label)
            if (isAnyoneThere && whenLeased === "refuse") assert.strictEqual(decision._tag, "Refused", label)
          }
        }
      }
    }
  })
})

describe("what a guardian does", () => {
  it("is what the program itself would have done", () => {
    const policies: ReadonlyArray<ManagedEndpoint.ReleasePolicy> = [
      "pause",
      "restore",
      "scaleToZero",
      "delete",
      "keep"
    ]
    for (const policy of policies) {
      for (const state of [
        undefined,
        "paused",
        "scaledToZero",
        "running",
        "failed",
        "pending",
        "new-state"
      ]) {
        const found = state === undefined ? undefined : { state }
        assert.strictEqual(
          Step.stepFor(policy, { found }),
          Release.stepFor(policy, state),
          `${policy} ${state}`
        )
      }
    }
  })
})
