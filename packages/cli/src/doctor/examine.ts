/**
 * All checks, side by side: two requests that cost nothing, each bounded in time.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { defaultApiUrl, defaultHubUrl } from "@stint/core/ControlPlane"
import * as Secret from "@stint/core/Secret"
import * as ConfigFile from "../ConfigFile.ts"
import * as Account from "./account.ts"
import * as Check from "./Check.ts"
import * as Machine from "./machine.ts"
import * as Network from "./network.ts"

const address = (variable: string, otherwise: URL) =>
  Effect.map(Effect.result(Config.option(Config.URL(variable))), (given) =>
    given._tag === "Failure" ? undefined : Option.getOrElse(given.success, () => otherwise)
  )

/** An address that no run would take. */
const wrong = (name: string, variable: string) =>
  Check.fail(
    name,
    `${variable} is no address that can be used`,
    `Write it as in https://host.example, without a name or a password in it, or unset ${variable}.`
  )

const isUsable = (url: URL | undefined): url is URL =>
  url !== undefined && url.username === "" && url.password === "" && /^https?:$/.test(url.protocol)

const isRefused = (heard: Network.Answer | Network.Unreached) =>
  !(heard instanceof Network.Unreached) && heard.status === 401

const unasked = new Network.Unreached({ kind: "other", detail: "not asked" })

/** The token, the account, and the two hosts. */
export const online = Effect.fnUntraced(function* (loaded: ConfigFile.Found | ConfigFile.ConfigFileError) {
  const apiUrl = yield* address("STINT_API_URL", defaultApiUrl)
  const hubUrl = yield* address("HF_ENDPOINT", defaultHubUrl)
  const { check, token } = yield* Account.token
  const conceal = token === undefined ? (text: string) => text : Secret.conceal(Redacted.value(token))
  const say = (text: string) => conceal(text) ?? ""
  const named =
    loaded instanceof ConfigFile.ConfigFileError
      ? undefined
      : loaded.settings.find(({ member }) => member === "namespace")

  const heard = (url: URL | undefined, at: (url: URL) => URL) =>
    isUsable(url) ? Effect.catch(Network.ask(at(url), token), Effect.succeed) : Effect.succeed(unasked)
  const list = (namespace: string) =>
    heard(apiUrl, ({ href }) => {
      const base = href.replace(/\/$/, "").replace(/\/v2$/, "")
      return new URL(`${base}/v2/endpoint/${encodeURIComponent(namespace)}?limit=1`)
    })
  const whoami = heard(hubUrl, (url) => new URL("/api/whoami-v2", url))

  // The list of a namespace that is known already need not wait for the hub.
  const early = named === undefined ? undefined : String(named.value)
  const [hub, first] = yield* Effect.all([whoami, early === undefined ? Effect.undefined : list(early)], {
    concurrency: 2
  })
  const who = token === undefined ? undefined : Account.whoOf(hub)
  const used = early ?? (who?.type === "user" ? who.name : undefined)
  const api = first ?? (yield* list(used ?? "-"))

  return [
    check,
    Account.account(hub, token !== undefined),
    Account.permissions(who, used),
    Account.namespace({
      who,
      used,
      place: named?.place,
      heard: token === undefined || isRefused(hub) ? "unasked" : api
    }),
    isUsable(hubUrl) ? Network.host("hub", hubUrl, hub, say) : wrong("hub", "HF_ENDPOINT"),
    isUsable(apiUrl) ? Network.host("api", apiUrl, api, say) : wrong("api", "STINT_API_URL"),
    Network.clock([hub, api])
  ]
})

/** How it stands with everything that a run needs. */
export const examine = Effect.gen(function* () {
  const loaded = yield* Effect.catchTag(ConfigFile.load, "ConfigFileError", Effect.succeed)
  const [far, proxies, leases, guardian, disk] = yield* Effect.all(
    [online(loaded), Machine.proxies, Machine.leases, Machine.guardian, Machine.disk],
    { concurrency: "unbounded" }
  )
  return [Machine.node(), ...far, proxies, Machine.config(loaded), leases, guardian, disk]
})
