/** Real processes with a token that nobody else has: whatever they write is read for it. */
import { assert, describe, it } from "@effect/vitest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Emulator, Scenario } from "@stint/emulator"
import { Effect, Layer, Schedule } from "effect"
import * as fs from "node:fs"
import * as http from "node:http"
import * as path from "node:path"
import * as Canary from "../canary.ts"
import * as World from "./commandWorld.ts"
import * as LeaseWorld from "./leaseWorld.ts"
import * as Stint from "./stintProcess.ts"

const { canary } = Canary

const spoken = `authorization: Bearer ${Canary.forms.map(({ text }) => text).join(" ")}`

/** An answer that gives the request's token back, in every spelling and in its headers. */
const echo = (status: number) => ({
  status,
  body: { error: `no: ${spoken}` },
  headers: { "x-request-id": canary, "retry-after": "0" }
})

const world = (rules: Scenario.Input["rules"]) =>
  Emulator.layerServer({
    token: canary,
    namespace: "tester",
    boot: "100 millis",
    scenario: Scenario.make({ rules })
  }).pipe(Layer.provideMerge(NodeServices.layer))

/** All files below a folder, by name, with what they hold. */
const below = (folder: string): ReadonlyArray<readonly [string, string]> =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .flatMap((file) => {
      try {
        return [[file, fs.readFileSync(file, "latin1")] as const]
      } catch {
        // A lock comes and goes.
        return []
      }
    })

/** Whether what a command and its like have left behind is clean. */
const isClean = (home: string, ...ran: ReadonlyArray<Stint.StintProcess>) => {
  for (const process of ran) {
    Canary.absentFrom(process.stdout(), "stdout")
    Canary.absentFrom(process.stderr(), "stderr")
  }
  for (const [file, text] of below(home)) Canary.absentFrom(text, file)
}

/** Ends with that code and has left nothing; `said` shows that the server did give the token back. */
const ends = (name: string, code: number, rules: Scenario.Input["rules"], ...more: ReadonlyArray<string>) =>
  it.live(name, () =>
    Effect.gen(function* () {
      const { home, run } = yield* LeaseWorld.make(12)
      const stint = yield* run("--log-level", "all", ...more)
      assert.deepStrictEqual(yield* stint.end, { code, signal: null }, stint.stderr())
      assert.include(stint.stderr() + below(home).join(), "<the token>")
      isClean(home, stint)
    }).pipe(Effect.scoped, Effect.provide(world(rules)))
  )

const data = { plane: "data", method: "POST" } as const

describe.concurrent("the token is in nothing that the command writes", () => {
  ends("when rows fail, and the pause and the polls as well", 3, [
    { on: { ...data, to: 2 }, do: echo(422) },
    { on: { ...data, from: 3, to: 4 }, do: echo(500) },
    { on: { ...data, from: 5, to: 5 }, do: echo(413) },
    { on: { route: "get", from: 2, to: 2 }, do: echo(500) },
    { on: { route: "pause", to: 1 }, do: echo(500) }
  ])
  ends("when the account is refused", 4, [{ on: data, do: echo(401) }])
  ends("when most rows fail", 4, [{ on: data, do: echo(404) }], "--concurrency", "1")
  ends("when the endpoint cannot be created", 6, [{ on: { route: "create" }, do: echo(403) }])
  ends("when the API refuses the request", 2, [{ on: { route: "create" }, do: echo(400) }])
  ends("when the container fails", 6, [{ do: { bootFails: spoken } }])
  ends("when the release cannot be confirmed", 5, [{ on: { route: "pause" }, do: echo(403) }])

  it.live("nor its guardian: command line, environment, record and log", () =>
    Effect.gen(function* () {
      const { home, run, stint } = yield* LeaseWorld.make(12)
      const killed = yield* run("--log-level", "trace")
      yield* killed.says("Ready after")
      const [guardian, ...others] = LeaseWorld.guardians(home)
      assert.deepStrictEqual(others, [])
      assert.include(guardian?.args, " guardian ")
      for (const text of [guardian?.args, guardian?.env]) Canary.absentFrom(text ?? "", "guardian")
      for (const [file, text] of below(home)) Canary.absentFrom(text, file)
      yield* killed.kill("SIGKILL")
      yield* LeaseWorld.until(
        "the guardian wrote what the API said",
        Effect.sync(() => below(home).some(([, text]) => text.includes("<the token>")))
      )
      const listed = yield* stint("leases", "--json", "--log-level", "all")
      yield* listed.end
      assert.include(listed.stdout(), "<the token>")
      isClean(home, killed, listed)
      // Somebody else pauses it: the guardian reads that back, and leaves its log.
      yield* Effect.flatMap(Emulator.Emulator, ({ setState }) => setState("batch", "paused"))
      yield* LeaseWorld.cleared(home)
      assert.include(LeaseWorld.files(home)["guardian.log"], "<the token>")
      isClean(home)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        world([
          { on: data, do: { delay: "30 seconds" } },
          { on: { route: "pause" }, do: echo(500) }
        ])
      )
    )
  )

  it.live("nor a sweep that is refused", () =>
    Effect.gen(function* () {
      const { home, stint } = yield* LeaseWorld.make(0)
      const sweep = yield* stint("sweep", "--yes", "--log-level", "all")
      assert.strictEqual((yield* sweep.end).code, 5)
      assert.include(sweep.stderr(), "<the token>")
      isClean(home, sweep)
    }).pipe(Effect.scoped, Effect.provide(world([{ on: { route: "list" }, do: echo(403) }])))
  )

  it.live("nor Node's diagnostic report of a defect, asked for by a signal or written at a crash", () =>
    Effect.gen(function* () {
      const { args, env, home, out } = yield* LeaseWorld.make(12)
      const bomb = path.join(home, "bomb.mjs")
      fs.writeFileSync(bomb, 'process.on("SIGUSR1", () => { throw new Error("a defect") })\n')
      const flags = `--report-on-signal --report-uncaught-exception --report-dir=${home} --import=${bomb}`
      const stint = yield* Stint.start([...args, "--out", out], { ...env, NODE_OPTIONS: flags })
      yield* stint.says("Ready after")
      const reports = () => below(home).filter(([file]) => /report\..*\.json$/.test(file))
      const written = (count: number) =>
        Effect.sync(() => reports().length).pipe(
          Effect.repeat({ until: (now) => now >= count, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("10 seconds")
        )
      yield* stint.kill("SIGUSR2")
      yield* written(1)
      yield* stint.kill("SIGUSR1")
      yield* stint.end
      yield* written(2)
      for (const [file, text] of reports()) assert.include(text, '"javascriptStack"', file)
      isClean(home, stint)
      yield* LeaseWorld.cleared(home)
    }).pipe(Effect.scoped, Effect.provide(world([{ on: data, do: { delay: "30 seconds" } }])))
  )
})

/** A server that notes whether a request brought a token. */
const listener = Effect.acquireRelease(
  Effect.callback<{ readonly server: http.Server; readonly tokens: Array<string> }>((resume) => {
    const tokens: Array<string> = []
    const server = http.createServer((request, response) => {
      tokens.push(request.headers.authorization ?? "none")
      response.writeHead(407).end("no")
    })
    server.on("connect", (request, socket) => {
      tokens.push(request.headers["proxy-authorization"] ?? "none")
      socket.end("HTTP/1.1 407 no\r\n\r\n")
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, tokens })))
  }),
  ({ server }) => Effect.sync(() => (server.closeAllConnections(), server.close()))
)

const hostOf = (server: http.Server) => {
  const address = server.address()
  return `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`
}

describe.concurrent("the token goes to nobody else", () => {
  it.live(
    "a row whose url is of another origin is refused before anything is woken, however it is spelt",
    () =>
      Effect.gen(function* () {
        const { home, input, run, write } = yield* LeaseWorld.make(0)
        const { server, tokens } = yield* listener
        const urls = Canary.foreign.map((url) => url.replaceAll("evil.test", hostOf(server)))
        const lines = urls.map((url, i) =>
          JSON.stringify({ custom_id: `r${i}`, url, body: { input: "text" } })
        )
        yield* write(input, `${lines.join("\n")}\n`)
        const stint = yield* run()
        assert.deepStrictEqual(yield* stint.end, { code: 2, signal: null })
        assert.include(stint.stderr(), `${lines.length} lines of`)
        assert.deepStrictEqual(tokens, [])
        assert.isUndefined(yield* World.state)
        isClean(home, stint)
      }).pipe(Effect.scoped, Effect.provide(world([])))
  )

  it.live("a redirect of the API, the hub or the endpoint is not followed", () =>
    Effect.gen(function* () {
      const { server, tokens } = yield* listener
      const away = (status: number) => ({ status, headers: { location: `http://${hostOf(server)}/` } })
      yield* Effect.gen(function* () {
        const { home, run } = yield* LeaseWorld.make(12)
        const stint = yield* run("--log-level", "all")
        assert.deepStrictEqual(yield* stint.end, { code: 3, signal: null })
        isClean(home, stint)
      }).pipe(
        Effect.scoped,
        Effect.provide(
          world([
            { on: { ...data, to: 3 }, do: away(307) },
            { on: { ...data }, do: away(308) }
          ])
        )
      )
      for (const status of [302, 307]) {
        yield* Effect.gen(function* () {
          const { home, env, stint } = yield* LeaseWorld.make(0)
          const { HF_ENDPOINTS_NAMESPACE: _, ...without } = env
          const [listed, asked] = yield* Effect.all([
            stint("sweep", "--dry-run"),
            Stint.start(["sweep", "--dry-run"], without)
          ])
          assert.strictEqual((yield* listed.end).code, 5)
          assert.strictEqual((yield* asked.end).code, 5)
          isClean(home, listed, asked)
        }).pipe(
          Effect.scoped,
          Effect.provide(
            world([
              { on: { route: "list" }, do: away(status) },
              { on: { route: "whoami" }, do: away(status) }
            ])
          )
        )
      }
      assert.deepStrictEqual(tokens, [], "nobody came to the other host")
    }).pipe(Effect.scoped)
  )

  it.live("a password in an address is never printed", () =>
    Effect.gen(function* () {
      const { env, home } = yield* LeaseWorld.make(0)
      const { server, tokens } = yield* listener
      const secret = "hunter2-canary"
      const at = (url: string) => url.replace("://", `://user:${secret}@`)
      const tried = [
        { add: { HTTP_PROXY: `http://user:${secret}@${hostOf(server)}` }, code: 5, says: "" },
        { add: { STINT_API_URL: at(env.STINT_API_URL) }, code: 2, says: "STINT_API_URL" },
        { add: { STINT_API_URL: `${at(env.STINT_API_URL)}:bad` }, code: 2, says: "STINT_API_URL" },
        { add: { HF_ENDPOINT: at(env.HF_ENDPOINT) }, code: 2, says: "HF_ENDPOINT" },
        { add: { HTTP_PROXY: `http://user:${secret}@[bad` }, code: 2, says: "HTTP_PROXY" },
        { add: { HTTPS_PROXY: `ftp://user:${secret}@proxy` }, code: 2, says: "HTTPS_PROXY" }
      ]
      const start = Effect.fnUntraced(function* ({ add, code, says }: (typeof tried)[number]) {
        const stint = yield* Stint.start(["sweep", "--dry-run", "--log-level", "all"], { ...env, ...add })
        assert.strictEqual((yield* stint.end).code, code, stint.stderr())
        assert.include(stint.stderr(), says)
        for (const text of [stint.stdout(), stint.stderr(), ...below(home).map(([, each]) => each)]) {
          assert.notInclude(text, secret)
        }
      })
      yield* Effect.forEach(tried, start, { concurrency: 2 })
      assert.isAbove(tokens.length, 0, "the proxy was asked")
    }).pipe(Effect.scoped, Effect.provide(world([])))
  )
})
