import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Emulator } from "@stint/emulator"
import { ConfigProvider, Effect, Fiber, FileSystem, Layer, Path, Redacted, Schema } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as ConfigFile from "../src/ConfigFile.ts"
import * as Account from "../src/doctor/account.ts"
import * as Check from "../src/doctor/Check.ts"
import { examine, online } from "../src/doctor/examine.ts"
import * as Machine from "../src/doctor/machine.ts"
import * as Network from "../src/doctor/network.ts"

const marks = (checks: ReadonlyArray<Check.Check>) =>
  Object.fromEntries(checks.map(({ mark, name }) => [name, mark]))

const foundOf = (checks: ReadonlyArray<Check.Check>, name: string) =>
  checks.find((check) => check.name === name)?.found ?? ""

/** A look at the emulator, from an empty home. */
const look = Effect.fnUntraced(function* <E, R>(
  checks: Effect.Effect<ReadonlyArray<Check.Check>, E, R>,
  env: Record<string, string>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { token, urls } = yield* Emulator.Emulator
  const home = yield* fs.makeTempDirectoryScoped()
  const here = { ...path, resolve: (...parts: ReadonlyArray<string>) => path.resolve(home, ...parts) }
  return yield* checks.pipe(
    Effect.provideService(Path.Path, here),
    Effect.provide(
      ConfigProvider.layer(
        ConfigProvider.fromUnknown({
          PATH: process.env["PATH"] ?? "",
          HOME: home,
          HF_TOKEN: Redacted.value(token),
          HF_ENDPOINT: urls.hub.href,
          STINT_API_URL: urls.management.href,
          ...env
        })
      )
    )
  )
})

const afar = Effect.flatMap(ConfigFile.load, online)

const emulated = Emulator.layerMemory({
  token: "hf_secret_of_the_test",
  namespace: "tester",
  organizations: ["acme"]
}).pipe(Layer.provideMerge(NodeServices.layer))

const failing = (code: string) =>
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) =>
      Effect.fail(
        new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({
            request,
            description: `it failed: ${code}`,
            cause: new Error("outer", { cause: Object.assign(new Error("inner"), { code }) })
          })
        })
      )
    )
  )

const who = (auth: Account.Who["auth"]): Account.Who => ({
  type: "user",
  name: "alice",
  ...(auth && { auth })
})

const answer = (over: Partial<Network.Answer> = {}): Network.Answer => ({
  status: 200,
  body: {},
  millis: 10,
  aheadMillis: 0,
  ...over
})

describe("stint doctor", () => {
  it.live("finds nothing in the way where there is nothing, and starts a guardian for it", () =>
    Effect.gen(function* () {
      const checks = yield* look(examine, {})
      assert.deepStrictEqual(
        checks.filter(({ mark }) => mark !== "ok").map(({ name }) => name),
        // The emulator in memory sends no date.
        ["clock"]
      )
      assert.strictEqual(foundOf(checks, "token"), "from HF_TOKEN")
      assert.strictEqual(foundOf(checks, "namespace"), "tester, 0 endpoints; also acme")
      assert.strictEqual(foundOf(checks, "guardian"), "starts")
    }).pipe(Effect.provide(emulated))
  )

  it.live("tells a refused token, a missing one, and a namespace that is another's apart", () =>
    Effect.gen(function* () {
      const wrong = yield* look(afar, { HF_TOKEN: "hf_wrong_secret" })
      assert.deepInclude(marks(wrong), {
        token: "ok",
        account: "fail",
        namespace: "skip",
        hub: "ok",
        api: "ok"
      })
      const none = yield* look(afar, { HF_TOKEN: "" })
      assert.deepInclude(marks(none), {
        token: "fail",
        account: "skip",
        namespace: "skip",
        hub: "ok",
        api: "ok"
      })
      const other = yield* look(afar, { HF_ENDPOINTS_NAMESPACE: "strangers" })
      assert.deepInclude(marks(other), { account: "ok", namespace: "fail" })
      assert.include(other.find(({ name }) => name === "namespace")?.mend ?? "", "tester or acme")
      const address = yield* look(afar, { STINT_API_URL: "http://me:pass@localhost" })
      assert.deepInclude(marks(address), { api: "fail", hub: "ok" })
      const said = JSON.stringify([wrong, none, other, address])
      for (const secret of ["hf_secret_of_the_test", "hf_wrong_secret", "pass@"])
        assert.notInclude(said, secret)
    }).pipe(Effect.provide(emulated))
  )

  for (const [code, kind] of [
    ["ENOTFOUND", "dns"],
    ["EAI_AGAIN", "dns"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "tls"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "tls"],
    ["CERT_HAS_EXPIRED", "tls"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "tls"],
    ["UND_ERR_CONNECT_TIMEOUT", "timeout"],
    ["ETIMEDOUT", "timeout"],
    ["ECONNREFUSED", "refused"],
    ["ECONNRESET", "other"]
  ] as const) {
    it.effect(`takes ${code} for ${kind}, and says how to mend it`, () =>
      Effect.gen(function* () {
        const url = new URL("https://hub.example")
        const heard = yield* Effect.flip(Network.ask(url, undefined))
        assert.strictEqual(heard.kind, kind)
        const check = Network.host("hub", url, heard, (text) => text)
        assert.strictEqual(check.mark, "fail")
        assert.include(check.found, code)
        assert.isNotEmpty(check.mend)
      }).pipe(Effect.provide(failing(code)))
    )
  }

  it.effect("waits eight seconds for an answer and no longer", () =>
    Effect.gen(function* () {
      const asked = yield* Effect.forkChild(
        Effect.flip(Network.ask(new URL("https://hub.example"), undefined)),
        {
          startImmediately: true
        }
      )
      yield* TestClock.adjust("7 seconds")
      assert.isUndefined(asked.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(asked)).kind, "timeout")
    }).pipe(
      Effect.provide(
        Layer.succeed(
          HttpClient.HttpClient,
          HttpClient.make(() => Effect.never)
        )
      )
    )
  )

  it.effect("reads the server's clock from the head of its answer", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const heard = yield* Network.ask(new URL("https://hub.example"), undefined)
      assert.strictEqual(heard.aheadMillis, 300_000)
      assert.strictEqual(Network.clock([heard]).mark, "warn")
      assert.include(Network.clock([heard]).found, "300 s ahead")
    }).pipe(
      Effect.provide(
        Layer.succeed(
          HttpClient.HttpClient,
          HttpClient.make((request) =>
            Effect.succeed(
              HttpClientResponse.fromWeb(
                request,
                Response.json({}, { headers: { date: new Date(1_800_000_000_000 - 300_000).toUTCString() } })
              )
            )
          )
        )
      )
    )
  )

  it("warns of a clock that is more than two minutes off, by the fastest answer", () => {
    const mark = (aheadMillis: number | undefined) => Network.clock([answer({ aheadMillis })]).mark
    assert.deepStrictEqual([0, 1400, -119_000, 121_000, -121_000].map(mark), [
      "ok",
      "ok",
      "ok",
      "warn",
      "warn"
    ])
    assert.strictEqual(mark(undefined), "skip")
    const slow = answer({ millis: 5000, aheadMillis: 900_000 })
    assert.strictEqual(Network.clock([slow, answer()]).mark, "ok")
  })

  it("takes a page in place of JSON for a network that wants a login", () => {
    const host = (over: Partial<Network.Answer>) =>
      Network.host("api", new URL("https://api.example/v2"), answer(over), (text) => text).mark
    assert.strictEqual(host({ body: undefined }), "fail")
    assert.strictEqual(host({ status: 302 }), "fail")
    assert.strictEqual(host({ status: 503, body: undefined }), "warn")
    assert.strictEqual(host({ status: 401 }), "ok")
  })

  it("says which permission a token lacks, in the namespace that is meant", () => {
    const all = ["inference.endpoints.write", "inference.endpoints.infer.write"]
    const fine = (permissions: ReadonlyArray<string>, name = "alice") =>
      who({
        accessToken: { role: "fineGrained", fineGrained: { scoped: [{ entity: { name }, permissions }] } }
      })
    const look = (given: Account.Who) => Account.permissions(given, "alice")
    assert.strictEqual(look(fine(all)).mark, "ok")
    assert.include(look(fine(all.slice(0, 1))).found, "lacks inference.endpoints.infer.write for alice")
    assert.include(look(fine(all, "acme")).found, "lacks inference.endpoints.write and")
    assert.strictEqual(look(who({ accessToken: { role: "read" } })).mark, "warn")
    assert.strictEqual(look(who({ accessToken: { role: "write" } })).mark, "ok")
    assert.strictEqual(look(who(undefined)).mark, "skip")
  })

  it("tells an account that cannot pay, and a hub that was asked too often", () => {
    const body = { type: "user", name: "alice", canPay: false }
    assert.include(Account.account(answer({ body }), true).found, "without a way to pay")
    assert.include(Account.account(answer({ status: 429 }), true).mend ?? "", "HF_ENDPOINTS_NAMESPACE")
  })

  it.effect("shows proxies without the passwords in them", () =>
    Effect.gen(function* () {
      const { found } = yield* Machine.proxies
      assert.strictEqual(found, "https: proxy.example:3128, http: other:8080, not for localhost")
    }).pipe(
      Effect.provide(
        ConfigProvider.layer(
          ConfigProvider.fromUnknown({
            HTTPS_PROXY: "http://me:secret@proxy.example:3128",
            http_proxy: "me:secret@other:8080",
            no_proxy: "localhost"
          })
        )
      )
    )
  )

  it.effect("tells of records that are damaged, and of a folder that cannot be one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* fs.makeTempDirectoryScoped()
      const within = Effect.provide(
        ConfigProvider.layer(ConfigProvider.fromUnknown({ XDG_STATE_HOME: state }))
      )
      assert.strictEqual((yield* within(Machine.leases)).mark, "ok")
      yield* fs.makeDirectory(`${state}/stint/leases`, { recursive: true })
      yield* fs.writeFileString(`${state}/stint/leases/0123456789abcdef.json`, "{")
      const { found, mark } = yield* within(Machine.leases)
      assert.strictEqual(mark, "warn", found)
      assert.include(found, "0123456789abcdef.json")
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("wants the Node that package.json wants", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const Manifest = Schema.Struct({ engines: Schema.Struct({ node: Schema.String }) })
      const text = yield* fs.readFileString("packages/cli/package.json")
      const { engines } = yield* Schema.decodeEffect(Schema.fromJsonString(Manifest))(text)
      assert.strictEqual(engines.node, `>=${Machine.oldestNode}`)
      const marks = ["22.18.9", "22.19.0", "24.0.0", "20.30.0"].map((version) => Machine.node(version).mark)
      assert.deepStrictEqual(marks, ["fail", "ok", "ok", "fail"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect.prop(
    "fits into 80 columns, with a mark that reads without colour",
    { checks: Schema.Array(Check.Check) },
    ({ checks }) =>
      Effect.sync(() => {
        const isShort = (text: string) => text.split(/\s+/).every((word) => word.length <= 50)
        const plain = checks.filter(
          ({ found, mend, name }) =>
            /^[\x20-\x7e]{1,12}$/.test(name) &&
            /^[\x20-\x7e]*$/.test(found + (mend ?? "")) &&
            isShort(`${found} ${mend ?? ""}`)
        )
        const lines = Check.format(plain, false).split("\n")
        for (const line of lines) assert.isAtMost(line.length, 80)
        const heads = lines.filter((line) => /^(ok|warn|fail|skip) /.test(line))
        assert.isAtLeast(heads.length, plain.length)
        assert.notInclude(lines.join(""), "\u001b")
      })
  )
})
