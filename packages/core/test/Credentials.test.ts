import { assert, describe, it } from "@effect/vitest"
import { Credentials, Endpoints } from "@stint/core"
import { ConfigProvider, Effect, FileSystem, Inspectable, Layer, PlatformError, Redacted } from "effect"
import * as Fake from "./fakeHub.ts"

const missing = (path: string) =>
  PlatformError.systemError({
    _tag: "NotFound",
    module: "FileSystem",
    method: "readFileString",
    pathOrDescriptor: path
  })

const tokenWith = (env: Record<string, string>, files: Record<string, string> = {}) =>
  Credentials.token.pipe(
    Effect.map(Redacted.value),
    Effect.provide([
      ConfigProvider.layer(ConfigProvider.fromEnv({ env: { HOME: "/users/me", ...env } })),
      FileSystem.layerNoop({
        readFileString: (path) => {
          const text = files[path]
          return text === undefined ? Effect.fail(missing(path)) : Effect.succeed(text)
        }
      })
    ])
  )

const defaultFile = "/users/me/.cache/huggingface/token"

describe("Credentials.token", () => {
  it.effect("takes HF_TOKEN before its old name before the file", () =>
    Effect.gen(function* () {
      const files = { [defaultFile]: "hf_file" }
      const old = { HUGGING_FACE_HUB_TOKEN: "hf_old" }
      assert.strictEqual(yield* tokenWith({ HF_TOKEN: "hf_new", ...old }, files), "hf_new")
      assert.strictEqual(yield* tokenWith(old, files), "hf_old")
      assert.strictEqual(yield* tokenWith({}, files), "hf_file")
    })
  )

  for (const [variable, value] of [
    ["HF_HUB_OFFLINE", "1"],
    ["HF_OIDC_RESOURCE", "acme"],
    ["HF_HUB_DISABLE_IMPLICIT_TOKEN", "true"]
  ] as const) {
    it.effect(`is refused, not guessed, when ${variable} is set`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(tokenWith({ HF_TOKEN: "hf_new", [variable]: value }))
        assert.strictEqual(error._tag, "CredentialsRefused")
        assert.include(error.message, variable)
        assert.strictEqual(yield* tokenWith({ HF_TOKEN: "hf_new", [variable]: "" }), "hf_new")
      })
    )
  }

  it.effect("an empty or blank one counts as absent, and blanks around one are dropped", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* tokenWith({ HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: " hf_old\n" }), "hf_old")
      assert.strictEqual(yield* tokenWith({ HF_TOKEN: "  " }, { [defaultFile]: "\r\nhf_file\n" }), "hf_file")
    })
  )

  const places: ReadonlyArray<readonly [Record<string, string>, string]> = [
    [{}, defaultFile],
    [{ XDG_CACHE_HOME: "/cache" }, "/cache/huggingface/token"],
    [{ HF_HOME: "/hf", XDG_CACHE_HOME: "/cache" }, "/hf/token"],
    [{ HF_TOKEN_PATH: "/run/secret", HF_HOME: "/hf" }, "/run/secret"],
    [{ HF_HOME: "~/hf" }, "/users/me/hf/token"],
    [{ HF_TOKEN_PATH: "$HOME/t" }, "/users/me/t"]
  ]
  for (const [env, path] of places) {
    it.effect(`${JSON.stringify(env)}: looks in ${path}`, () =>
      Effect.map(tokenWith(env, { [path]: "hf_file" }), (token) => assert.strictEqual(token, "hf_file"))
    )
  }

  it.effect("says where it looked when there is none", () =>
    Effect.gen(function* () {
      for (const files of [{}, { [defaultFile]: "\n" }]) {
        const error = yield* Effect.flip(tokenWith({}, files))
        assert.strictEqual(error._tag, "TokenMissing")
        assert.include(error.message, "hf auth login")
        assert.include(error.message, defaultFile)
      }
    })
  )

  it.effect("looks into no file where there is no file system", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Credentials.token)
      assert.strictEqual(error._tag, "TokenMissing")
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { HOME: "/users/me" } }))))
  )

  it.effect("does not show the token", () =>
    Effect.gen(function* () {
      const token = yield* Credentials.token
      assert.notInclude(
        `${token} ${JSON.stringify(token)} ${Inspectable.toStringUnknown(token)}`,
        "hf_secret"
      )
    }).pipe(Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: { HF_TOKEN: "hf_secret" } }))))
  )
})

describe("Endpoints.layerConfig", () => {
  const ask = (env: Record<string, string>) => {
    const fake = Fake.make(({ url }) =>
      url.pathname === "/api/whoami-v2"
        ? Response.json({ type: "user", name: "alice" })
        : Fake.endpoint("running")()
    )
    return Endpoints.Endpoints.use(({ get }) => get("e")).pipe(
      Effect.provide(
        Endpoints.layerConfig().pipe(
          Layer.provide([fake.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))])
        )
      ),
      Effect.map(() => fake.asked.map(({ authorization, url }) => `${url.href} ${authorization}`))
    )
  }

  it.effect("needs a token only", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ask({ HF_TOKEN: "hf_a" }), [
        "https://huggingface.co/api/whoami-v2 Bearer hf_a",
        "https://api.endpoints.huggingface.cloud/v2/endpoint/alice/e Bearer hf_a"
      ])
      assert.strictEqual((yield* Effect.flip(ask({})))._tag, "TokenMissing")
    })
  )

  it.effect("takes addresses and namespace from the environment", () =>
    Effect.gen(function* () {
      const env = { HF_TOKEN: "hf_a", STINT_API_URL: "http://127.0.0.1:1/v2", HF_ENDPOINTS_NAMESPACE: "acme" }
      assert.deepStrictEqual(yield* ask(env), ["http://127.0.0.1:1/v2/endpoint/acme/e Bearer hf_a"])
      const { HF_ENDPOINTS_NAMESPACE: _, ...own } = { ...env, HF_ENDPOINT: "http://127.0.0.1:2" }
      assert.strictEqual((yield* ask(own))[0], "http://127.0.0.1:2/api/whoami-v2 Bearer hf_a")
      for (const address of ["nonsense", "ftp://127.0.0.1/v2", "file:///etc/hosts"])
        assert.strictEqual((yield* Effect.flip(ask({ ...env, STINT_API_URL: address })))._tag, "ConfigError")
    })
  )
})
