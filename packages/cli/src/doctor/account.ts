/**
 * The token, whose it is, and what it may do.
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Credentials from "@stint/core/Credentials"
import { type Answer, Unreached } from "./network.ts"
import * as Check from "./Check.ts"

const Permissions = Schema.Array(Schema.String)

/**
 * What the hub says of a token.
 *
 * @source contract: `GET /api/whoami-v2`; `fineGrained` as answers of the hub that users published show it; no
 * document promises it.
 */
export const Who = Schema.Struct({
  type: Schema.String,
  name: Schema.String,
  canPay: Schema.optionalKey(Schema.Boolean),
  orgs: Schema.optionalKey(Schema.Array(Schema.Struct({ name: Schema.String }))),
  auth: Schema.optionalKey(
    Schema.Struct({
      accessToken: Schema.optionalKey(
        Schema.Struct({
          role: Schema.optionalKey(Schema.String),
          fineGrained: Schema.optionalKey(
            Schema.Struct({
              global: Schema.optionalKey(Permissions),
              scoped: Schema.optionalKey(
                Schema.Array(
                  Schema.Struct({
                    entity: Schema.Struct({ name: Schema.optionalKey(Schema.String) }),
                    permissions: Permissions
                  })
                )
              )
            })
          )
        })
      )
    })
  )
})

/** What the hub says of a token. */
export type Who = typeof Who.Type

const decodeWho = Schema.decodeUnknownOption(Who)

/** Who the hub says it is. */
export const whoOf = (heard: Answer | Unreached): Who | undefined =>
  heard instanceof Unreached || heard.status !== 200
    ? undefined
    : Option.getOrUndefined(decodeWho(heard.body))

const isSet = (name: string) =>
  Effect.map(
    Config.option(Config.String(name)),
    Option.exists((text) => text.trim() !== "")
  )

/** The token and how it stands with it; it is never in what is found. */
export const token = Effect.gen(function* () {
  const name = "token"
  const found = yield* Effect.exit(Credentials.token)
  if (Exit.isFailure(found)) {
    const error = yield* Effect.flip(Credentials.token)
    const mend =
      error._tag === "TokenMissing"
        ? 'Make one at https://huggingface.co/settings/tokens, then set HF_TOKEN or run "hf auth login".'
        : "Change the environment as it says, and run this again."
    const found = error._tag === "TokenMissing" ? `none found in ${error.lookedIn.join(", ")}` : error.message
    return { token: undefined, check: Check.fail(name, found, mend) }
  }
  for (const variable of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    if (yield* isSet(variable)) return { token: found.value, check: Check.ok(name, `from ${variable}`) }
  }
  const file = yield* tokenFile
  const fs = yield* FileSystem.FileSystem
  const mode = yield* Effect.orElseSucceed(
    Effect.map(fs.stat(file), (stat) => stat.mode & 0o077),
    () => 0
  )
  const from = `from the file ${file}`
  return {
    token: found.value,
    check:
      mode === 0
        ? Check.ok(name, from)
        : Check.warn(name, `${from}, which others may read`, `chmod 600 ${file}`)
  }
})

/** Without a file system there is no token file, and the error names the one that would be read. */
const tokenFile = Effect.match(
  Effect.updateContext(Credentials.token, (context: Context.Context<never>) =>
    Context.omit(FileSystem.FileSystem)(context)
  ),
  {
    onFailure: (error) => (error._tag === "TokenMissing" ? (error.lookedIn.at(-1) ?? "") : ""),
    onSuccess: () => ""
  }
)

/** Whose token it is. */
export const account = (heard: Answer | Unreached, hasToken: boolean): Check.Check => {
  const name = "account"
  if (!hasToken) return Check.skip(name, "not asked without a token")
  if (heard instanceof Unreached) return Check.skip(name, "not known: the hub was not reached")
  if (heard.status === 401 || heard.status === 403) {
    return Check.fail(
      name,
      `the hub refuses the token (${heard.status})`,
      "It is wrong, expired or revoked. Make a new one at https://huggingface.co/settings/tokens."
    )
  }
  if (heard.status === 429) {
    return Check.warn(
      name,
      "the hub was asked too often whose token it is (429)",
      "Wait a few minutes. Set HF_ENDPOINTS_NAMESPACE, and runs need not ask."
    )
  }
  const who = whoOf(heard)
  if (who === undefined) return Check.skip(name, `not known: the hub answered ${heard.status}`)
  const kind = who.type === "user" ? "" : ` (${who.type})`
  if (who.canPay === false) {
    return Check.warn(
      name,
      `${who.name}${kind}, without a way to pay`,
      "Creating an endpoint would be refused. Add a card: https://huggingface.co/settings/billing."
    )
  }
  return Check.ok(name, `${who.name}${kind}`)
}

const MANAGE = "inference.endpoints.write"
const CALL = "inference.endpoints.infer.write"
const MAKE_ANOTHER = `Make a token at https://huggingface.co/settings/tokens with the role write, or a fine-grained one with ${MANAGE} and ${CALL}.`

/**
 * What the token may do in a namespace.
 *
 * @source contract: `inference.endpoints.write` manages, `inference.endpoints.infer.write` calls.
 */
export const permissions = (who: Who | undefined, namespace: string | undefined): Check.Check => {
  const name = "permissions"
  const access = who?.auth?.accessToken
  if (access?.role === undefined)
    return Check.skip(name, "not known: the hub says nothing of the token's role")
  if (access.role === "write") return Check.ok(name, "role write: manages and calls endpoints")
  if (access.role === "read") {
    return Check.warn(name, "role read: cannot start or pause endpoints", MAKE_ANOTHER)
  }
  const { fineGrained } = access
  if (fineGrained?.scoped === undefined && fineGrained?.global === undefined) {
    return Check.ok(name, `role ${access.role}; the hub does not say which permissions it has`)
  }
  const scoped = (fineGrained.scoped ?? []).filter(({ entity }) => entity.name === namespace)
  const held = new Set([...(fineGrained.global ?? []), ...scoped.flatMap(({ permissions }) => permissions)])
  const lacking = [MANAGE, CALL].filter((permission) => !held.has(permission))
  return lacking.length === 0
    ? Check.ok(name, `${access.role}: manages and calls endpoints of ${namespace ?? "its account"}`)
    : Check.warn(
        name,
        `${access.role}: lacks ${lacking.join(" and ")}${namespace === undefined ? "" : ` for ${namespace}`}`,
        MAKE_ANOTHER
      )
}

const decodeList = Schema.decodeUnknownOption(
  Schema.Struct({ items: Schema.Array(Schema.Json), totalItems: Schema.optionalKey(Schema.Int) })
)

/** The namespaces of an account. */
const mine = (who: Who | undefined): ReadonlyArray<string> =>
  who === undefined
    ? []
    : [...(who.type === "user" ? [who.name] : []), ...(who.orgs ?? []).map(({ name }) => name)]

/** The namespace that runs would use, and whether its endpoints can be seen. */
export const namespace = (options: {
  readonly who: Who | undefined
  readonly used: string | undefined
  /** What says so: a variable or a file. */
  readonly place: string | undefined
  readonly heard: Answer | Unreached | "unasked"
}): Check.Check => {
  const name = "namespace"
  const { heard, place, used, who } = options
  if (used === undefined) {
    const mend = "Set HF_ENDPOINTS_NAMESPACE to a user or an organisation."
    return who === undefined
      ? Check.skip(name, "not known, since the account is not")
      : Check.fail(
          name,
          `the token belongs to ${who.name} (${who.type}), which has no endpoints of its own`,
          mend
        )
  }
  const said = `${used}${place === undefined ? "" : ` (${place})`}`
  if (heard === "unasked") return Check.skip(name, `${said}; not asked without a token that is good`)
  if (heard instanceof Unreached) return Check.skip(name, `${said}; the API was not reached`)
  const own = mine(who)
  const others = own.filter((one) => one !== used)
  const also = others.length === 0 ? "" : `; also ${others.join(", ")}`
  if (heard.status === 401 || heard.status === 403 || heard.status === 404) {
    return Check.fail(
      name,
      `${said}: the API does not show its endpoints to this token (${heard.status})${also}`,
      who !== undefined && !own.includes(used)
        ? `The account has no part in it. Set HF_ENDPOINTS_NAMESPACE to ${own.join(" or ")}.`
        : MAKE_ANOTHER
    )
  }
  const list = Option.getOrUndefined(decodeList(heard.body))
  if (heard.status !== 200 || list === undefined) {
    return Check.warn(name, `${said}: the API answers ${heard.status}${also}`, "Try again later.")
  }
  const count = list.totalItems ?? list.items.length
  return Check.ok(name, `${said}, ${count} endpoint${count === 1 ? "" : "s"}${also}`)
}
