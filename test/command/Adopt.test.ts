import { assert, describe, it } from "@effect/vitest"
import { Endpoints, EndpointSpec } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Deferred, Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { spawn, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"

const bin = fileURLToPath(new URL("../../packages/cli/src/bin.ts", import.meta.url))
const emulator = Layer.merge(World.emulator({ boot: "short", millis: 0 }), FetchHttpClient.layer)

/** util-linux's `script` gives a program a terminal of its own. */
const hasTerminal = spawnSync("script", ["--version"]).status === 0
if (!hasTerminal) process.stderr.write("SKIPPED: there is no program `script` here to ask on a terminal.\n")

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** The command on a terminal: everything it shows, and keys to press. */
const onTerminal = Effect.fnUntraced(function* (args: ReadonlyArray<string>, env: Record<string, string>) {
  const ended = yield* Deferred.make<number | null>()
  let shown = ""
  const command = [process.execPath, bin, ...args].map(quoted).join(" ")
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn("script", ["-qefc", command, "/dev/null"], {
        env: { ...env, TERM: "xterm", SHELL: "/bin/sh" },
        stdio: ["pipe", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  child.stdin.on("error", () => undefined)
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text
  })
  child.on("exit", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code)))
  return {
    shown: () => shown,
    press: (keys: string) => Effect.sync(() => void child.stdin.write(keys)),
    shows: (text: string) =>
      LeaseWorld.until(
        `the terminal shows "${text}"; it shows ${shown}`,
        Effect.sync(() => shown.includes(text))
      ),
    end: Deferred.await(ended)
  }
})

/** A running endpoint that nothing shows to be ours, and the command on it. */
const colleagues = Effect.gen(function* () {
  const world = yield* LeaseWorld.make(5)
  const { namespace, token, urls } = yield* Emulator.Emulator
  const endpoints = yield* Endpoints.make({ token, namespace, apiUrl: urls.management })
  yield* endpoints.create("batch", EndpointSpec.make(World.specJson))
  const { status } = yield* endpoints.awaitReady("batch")
  const terminal = yield* onTerminal([...world.args, "--out", world.out], world.env)
  yield* terminal.shows("Use it, and pause it in the end?")
  return { world, endpoints, terminal, updatedAt: status.updatedAt }
})

const onlyThere = hasTerminal ? describe.concurrent : describe.skip

onlyThere("an endpoint that runs already and may be a colleague's, on a terminal", () => {
  it.live("is asked about, and left untouched when the answer is no: 2", () =>
    Effect.gen(function* () {
      const { endpoints, terminal, updatedAt, world } = yield* colleagues
      assert.include(terminal.shown(), "Endpoint batch is running already")
      yield* terminal.press("n")
      assert.strictEqual(yield* terminal.end, 2)
      assert.include(terminal.shown(), "Nothing was changed")
      const now = yield* endpoints.get("batch")
      assert.strictEqual(now.state, "running")
      assert.strictEqual(now.status.updatedAt, updatedAt)
      assert.deepStrictEqual(LeaseWorld.files(world.home), {})
      assert.deepStrictEqual(LeaseWorld.guardians(world.home), [])
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("is left untouched when nothing but Enter is pressed", () =>
    Effect.gen(function* () {
      const { terminal } = yield* colleagues
      yield* terminal.press("\r")
      assert.strictEqual(yield* terminal.end, 2)
      assert.strictEqual(yield* World.state, "running")
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("is left untouched when Ctrl-C is pressed", () =>
    Effect.gen(function* () {
      const { terminal, world } = yield* colleagues
      yield* terminal.press("\u0003")
      assert.strictEqual(yield* terminal.end, 130)
      assert.notInclude(terminal.shown(), "AdoptionRefused")
      assert.match(terminal.shown(), /\n\r\S+SIGINT: stopping; nothing was woken\./)
      assert.strictEqual(yield* World.state, "running")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )

  it.live("is used and paused in the end when the answer is yes", () =>
    Effect.gen(function* () {
      const { terminal, world } = yield* colleagues
      yield* terminal.press("y")
      assert.strictEqual(yield* terminal.end, 0, terminal.shown())
      assert.strictEqual(yield* world.lineCount("results.jsonl"), 5)
      assert.strictEqual(yield* World.state, "paused")
      yield* LeaseWorld.cleared(world.home)
    }).pipe(Effect.scoped, Effect.provide(emulator))
  )
})
