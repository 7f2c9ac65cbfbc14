import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as CompileCache from "../src/CompileCache.ts"

const bin = new URL("../src/bin.ts", import.meta.url).pathname

/** Says in the end which modules were loaded: plain JavaScript, before anything else. */
const trace = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module"
  import { writeFileSync } from "node:fs"
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
  process.on("exit", () => writeFileSync(process.env.LOADED, loaded.join("\\n")))
`)}`

const started = Effect.fn(function* (
  args: ReadonlyArray<string>,
  {
    env = {},
    flags = []
  }: { readonly env?: Record<string, string>; readonly flags?: ReadonlyArray<string> } = {}
) {
  const handle = yield* ChildProcess.make(process.execPath, [...flags, bin, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env }
  })
  const text = (bytes: typeof handle.stdout) => Stream.mkString(Stream.decodeText(bytes))
  const [out, err] = yield* Effect.all([text(handle.stdout), text(handle.stderr)], { concurrency: 2 })
  return { out, err, code: yield* handle.exitCode }
}, Effect.scoped)

const loadedBy = Effect.fn(function* (args: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const home = yield* fs.makeTempDirectoryScoped()
  const { code, err } = yield* started(args, {
    flags: ["--import", trace],
    env: { HOME: home, LOADED: `${home}/loaded`, NODE_DISABLE_COMPILE_CACHE: "1" }
  })
  assert.strictEqual(code, 0, err)
  const urls = (yield* fs.readFileString(`${home}/loaded`)).split("\n")
  return urls.filter((url) => url.startsWith("file:"))
}, Effect.scoped)

/** What takes its time to load, and that only a command which does something has a use for. */
const heavy = [
  /node_modules\/undici\//,
  /node_modules\/hyparquet/,
  /node_modules\/effect\/dist\/(http\/HttpClient\.js|http-api\/)/,
  /node_modules\/effect\/dist\/(ai|cluster|observability|rpc|sql|socket)\//,
  /packages\/(emulator|cluster)\//,
  /packages\/batch\/src\/(node|internal)\//,
  /packages\/batch\/src\/(Batch|Job|Limit|ManagedEndpoint|Row)\.ts$/,
  /packages\/core\/src\/(ControlPlane|Endpoints|EndpointSpec)\.ts$/,
  /packages\/core\/src\/internal\//,
  /packages\/cli\/src\/(doctor|handlers|report)\//
]

/** Of which Effect's own command line has 200. */
const MODULES = 300

describe("the start of the command", () => {
  it.live.each(["", "--version", "endpoints list --help"])("loads nothing heavy for stint %s", (line) =>
    Effect.gen(function* () {
      const loaded = yield* loadedBy(line.split(" ").filter((arg) => arg !== ""))
      assert.isAbove(loaded.length, 100)
      assert.deepStrictEqual(
        loaded.filter((url) => heavy.some((pattern) => pattern.test(url))),
        []
      )
      assert.isBelow(loaded.length, MODULES)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("loads what a command does when it is done", () =>
    Effect.gen(function* () {
      const loaded = (yield* loadedBy(["leases"])).join("\n")
      assert.match(loaded, /handlers\/leases\.ts/)
      assert.notMatch(loaded, /handlers\/run\.ts/)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("what the command prints", () => {
  it.live("has no colour in a pipe, and ends without a word when its reader has left", () =>
    Effect.gen(function* () {
      const line = `"${process.execPath}" "${bin}" --completions bash`
      const handle = yield* ChildProcess.make("bash", [
        "-c",
        `${line} | head -c 20; echo "\${PIPESTATUS[0]}"`
      ])
      const text = (bytes: typeof handle.stdout) => Stream.mkString(Stream.decodeText(bytes))
      const [out, err] = yield* Effect.all([text(handle.stdout), text(handle.stderr)], { concurrency: 2 })
      assert.match(out, /^[^\u001b]{20}0\n$/)
      assert.strictEqual(err, "")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

describe("the cache of compiled modules", () => {
  const on = (env: Record<string, string>, platform: NodeJS.Platform = "linux", home = "/h") =>
    CompileCache.folder(env, { platform, home, exists: (path) => path === "/h" })

  it("is where the user's other caches are", () => {
    assert.strictEqual(on({}), "/h/.cache/stint/compiled")
    assert.strictEqual(on({}, "darwin"), "/h/Library/Caches/stint/compiled")
    assert.strictEqual(on({ XDG_CACHE_HOME: "/c" }), "/c/stint/compiled")
    assert.strictEqual(on({ LOCALAPPDATA: "/c" }, "win32"), "/c/stint/compiled")
  })

  it("is nowhere where there is no home, and heeds no folder that changes with the current one", () => {
    assert.isUndefined(on({}, "linux", "/gone"))
    assert.isUndefined(on({}, "linux", ""))
    assert.strictEqual(on({ XDG_CACHE_HOME: "c" }), "/h/.cache/stint/compiled")
  })

  it.live("is written, and is left off where Node is told so or where it cannot be", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      const version = (env: Record<string, string>) => started(["--version"], { env: { HOME: home, ...env } })
      yield* version({ NODE_DISABLE_COMPILE_CACHE: "1" })
      assert.isFalse(yield* fs.exists(`${home}/.cache`))
      // A file in the place of the folder cannot be written into by anybody, root included.
      yield* fs.writeFileString(`${home}/file`, "")
      assert.deepStrictEqual(yield* version({ XDG_CACHE_HOME: `${home}/file` }), {
        out: "stint v0.0.0\n",
        err: "",
        code: 0
      })
      yield* version({})
      const [kept] = yield* fs.readDirectory(`${home}/.cache/stint/compiled`)
      assert.isAbove((yield* fs.readDirectory(`${home}/.cache/stint/compiled/${kept}`)).length, 100)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
