/**
 * Where the token comes from: the same places, in the same order, as Hugging Face's own Python client.
 *
 * @source `huggingface_hub`'s `get_token`: `HF_TOKEN`, the legacy `HUGGING_FACE_HUB_TOKEN`, then the token file.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** The environment asks for something that Stint does not do. */
export class CredentialsRefused extends Schema.TaggedError<CredentialsRefused>()("CredentialsRefused", {
  variable: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `${this.variable} stands in the way: ${this.detail}`
  }
}

/** No token anywhere it is looked for. */
export class TokenMissing extends Schema.TaggedError<TokenMissing>()("TokenMissing", {
  lookedIn: Schema.Array(Schema.String)
}) {
  override get message() {
    return `No Hugging Face token found. Set HF_TOKEN, or log in with "hf auth login". Looked in: ${this.lookedIn.join(", ")}.`
  }
}

const optional = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Config.map((value) =>
      Option.filter(
        Option.map(value, (text) => text.replace(/[\r\n]/g, "").trim()),
        (text) => text !== ""
      )
    )
  )

const expand = (path: string, home: string) => path.replace(/^~(?=\/|$)/, home).replace(/\$HOME\b/g, home)

const tokenFile = Config.all({
  path: optional("HF_TOKEN_PATH"),
  hfHome: optional("HF_HOME"),
  cache: optional("XDG_CACHE_HOME"),
  home: Config.String("HOME").pipe(Config.withDefault(""))
}).pipe(
  Config.map(({ path, hfHome, cache, home }) =>
    expand(
      Option.getOrElse(path, () =>
        Option.match(hfHome, {
          onSome: (dir) => `${dir}/token`,
          onNone: () => `${Option.getOrElse(cache, () => `${home}/.cache`)}/huggingface/token`
        })
      ),
      home
    )
  )
)

const fromEnvironment = Config.all([optional("HF_TOKEN"), optional("HUGGING_FACE_HUB_TOKEN")]).pipe(
  Config.map(([token, legacy]) => Option.orElse(token, () => legacy))
)

const fromFile = Effect.fnUntraced(function* (path: string) {
  const fs = yield* Effect.serviceOption(FileSystem.FileSystem)
  if (Option.isNone(fs)) return Option.none<string>()
  const text = yield* fs.value.readFileString(path).pipe(Effect.orElseSucceed(() => ""))
  const token = text.replace(/[\r\n]/g, "").trim()
  return token === "" ? Option.none<string>() : Option.some(token)
})

const isOn = (value: Option.Option<string>) => Option.exists(value, (text) => /^(1|on|yes|true)$/i.test(text))

/** What the variables of Hugging Face's tools forbid: exchanging OIDC tokens, using what was not given, going online. */
const refusal = Config.all({
  oidc: optional("HF_OIDC_RESOURCE"),
  explicitOnly: optional("HF_HUB_DISABLE_IMPLICIT_TOKEN"),
  offline: optional("HF_HUB_OFFLINE")
}).pipe(
  Config.map(({ oidc, explicitOnly, offline }) => {
    if (isOn(offline)) {
      return new CredentialsRefused({
        variable: "HF_HUB_OFFLINE",
        detail: "every call would go online. Unset it."
      })
    }
    if (Option.isSome(oidc)) {
      const detail = "tokens of an OIDC provider are not exchanged here. Unset it and set HF_TOKEN."
      return new CredentialsRefused({ variable: "HF_OIDC_RESOURCE", detail })
    }
    return isOn(explicitOnly)
      ? new CredentialsRefused({
          variable: "HF_HUB_DISABLE_IMPLICIT_TOKEN",
          detail: "no token is taken from the environment. Unset it, or give the token in code."
        })
      : undefined
  })
)

/**
 * The token: `HF_TOKEN`, else `HUGGING_FACE_HUB_TOKEN`, else the token file (`HF_TOKEN_PATH`, `$HF_HOME/token`,
 * `$XDG_CACHE_HOME/huggingface/token`, `~/.cache/huggingface/token`). The file is looked at only where a `FileSystem`
 * is provided.
 *
 * Fails with {@link TokenMissing} when there is none, and with {@link CredentialsRefused} where `HF_HUB_OFFLINE`,
 * `HF_OIDC_RESOURCE` or `HF_HUB_DISABLE_IMPLICIT_TOKEN` forbid it.
 */
export const token: Effect.Effect<Redacted.Redacted, TokenMissing | CredentialsRefused | Config.ConfigError> =
  Effect.gen(function* () {
    const refused = yield* refusal
    if (refused !== undefined) return yield* refused
    const given = yield* fromEnvironment
    if (Option.isSome(given)) return Redacted.make(given.value, { label: "HF_TOKEN" })
    const path = yield* tokenFile
    const stored = yield* fromFile(path)
    if (Option.isSome(stored)) return Redacted.make(stored.value, { label: "HF_TOKEN" })
    return yield* new TokenMissing({ lookedIn: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", path] })
  })
