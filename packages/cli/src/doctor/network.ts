/**
 * One request, and what kept it from an answer.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Check from "./Check.ts"

/** An answer, whatever it says. */
export interface Answer {
  readonly status: number
  readonly body: Schema.Json | undefined
  readonly millis: number
  /** How far this machine's clock is ahead of the server's. */
  readonly aheadMillis: number | undefined
}

/** Why there was none. */
export class Unreached extends Schema.TaggedError<Unreached>()("Unreached", {
  kind: Schema.Literals(["dns", "tls", "timeout", "refused", "other"]),
  detail: Schema.String
}) {}

const PATIENCE = Duration.seconds(8)

const dns = /^(ENOTFOUND|EAI_\w+|ENODATA|ESERVFAIL)$/
const tls =
  /^(ERR_TLS_\w+|ERR_SSL_\w+|EPROTO|CERT_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|UNABLE_TO_\w+|HOSTNAME_MISMATCH|INVALID_CA)$/
const timeout = /^(ETIMEDOUT|UND_ERR_\w*TIMEOUT|ESOCKETTIMEDOUT)$/
const refused = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EACCES)$/

/** The codes of an error and of all that it came from. */
const codesOf = (error: unknown, depth = 0): ReadonlyArray<string> => {
  if (!Predicate.isObject(error) || depth > 8) return []
  const own = Predicate.hasProperty(error, "code") && typeof error.code === "string" ? [error.code] : []
  const inner: ReadonlyArray<unknown> = [
    ...(error instanceof AggregateError ? error.errors : []),
    Predicate.hasProperty(error, "reason") ? error.reason : undefined,
    Predicate.hasProperty(error, "cause") ? error.cause : undefined
  ]
  return [...own, ...inner.flatMap((one) => codesOf(one, depth + 1))]
}

/** What kind of trouble the codes of an error tell of. */
export const kindOf = (error: unknown): Unreached["kind"] => {
  const codes = codesOf(error)
  const has = (pattern: RegExp) => codes.some((code) => pattern.test(code))
  if (has(dns)) return "dns"
  if (has(tls)) return "tls"
  if (has(timeout)) return "timeout"
  return has(refused) ? "refused" : "other"
}

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** The request is named beside it. */
const wordsOf = ({ message, reason }: HttpClientError.HttpClientError) =>
  ("description" in reason ? reason.description : undefined) ?? message

/** Asks once, and waits eight seconds at most. */
export const ask = Effect.fnUntraced(function* (url: URL, token: Redacted.Redacted | undefined) {
  const client = yield* HttpClient.HttpClient
  const request = HttpClientRequest.get(url).pipe(
    HttpClientRequest.acceptJson,
    token === undefined ? (same) => same : HttpClientRequest.bearerToken(token)
  )
  const exchange = Effect.gen(function* () {
    const response = yield* client.execute(request)
    const now = yield* Clock.currentTimeMillis
    return { response, now, text: yield* response.text }
  })
  const [took, { now, response, text }] = yield* Effect.timed(exchange).pipe(
    Effect.mapError((error) => new Unreached({ kind: kindOf(error), detail: wordsOf(error) })),
    Effect.timeoutOrElse({
      duration: PATIENCE,
      orElse: () =>
        Effect.fail(
          new Unreached({ kind: "timeout", detail: `no answer within ${Duration.format(PATIENCE)}` })
        )
    })
  )
  const date = Option.flatMap(Option.fromNullishOr(response.headers["date"]), DateTime.make)
  return {
    status: response.status,
    body: Option.getOrUndefined(decode(text)),
    millis: Math.round(Duration.toMillis(took)),
    aheadMillis: Option.getOrUndefined(Option.map(date, (there) => now - DateTime.toEpochMillis(there)))
  } satisfies Answer
})

const mends: Record<Unreached["kind"], string> = {
  dns: "The name of the host was not found. Check the network, the VPN and the DNS server; behind a company's proxy set https_proxy.",
  tls: "The host's certificate is not trusted here. Behind a proxy that opens TLS, give its authority's certificate: NODE_EXTRA_CA_CERTS=/path/to/ca.pem. An expired one may be this machine's clock.",
  timeout: "Nothing answers in time. A firewall may swallow the packets: allow the host, or set https_proxy.",
  refused: "The connection was refused. Check the address, and the proxy when there is one.",
  other: "Check the network and the address, and run this again."
}

const words: Record<Unreached["kind"], string> = {
  dns: "DNS",
  tls: "TLS",
  timeout: "timeout",
  refused: "refused",
  other: "failed"
}

/** How it stands with a host. `say` takes the token out of what was heard. */
export const host = (
  name: string,
  url: URL,
  heard: Answer | Unreached,
  say: (text: string) => string
): Check.Check => {
  const at = url.origin
  if (heard instanceof Unreached) {
    return Check.fail(name, `${at}: ${words[heard.kind]}: ${say(heard.detail)}`, mends[heard.kind])
  }
  const answered = { name, found: `${at} answers in ${heard.millis} ms`, millis: heard.millis }
  if (heard.status >= 500) {
    const mend = "The server has trouble of its own. Try again later; status.huggingface.co may know."
    return { ...answered, mark: "warn", found: `${at} answers ${heard.status}`, mend }
  }
  // A network that wants a login answers for every host, with a page or by sending elsewhere.
  if (heard.body === undefined || (heard.status >= 300 && heard.status < 400)) {
    const mend = "Something else answers: a login page of the network, a proxy, or a wrong address."
    return { ...answered, mark: "fail", found: `${at} answers ${heard.status} without JSON`, mend }
  }
  return { ...answered, mark: "ok" }
}

const ALLOWED_MILLIS = 120_000

/** How far this machine's clock is off, by the answer that took the shortest. */
export const clock = (heard: ReadonlyArray<Answer | Unreached>): Check.Check => {
  const [best] = heard
    .flatMap((one) =>
      one instanceof Unreached || one.aheadMillis === undefined ? [] : [{ ...one, ahead: one.aheadMillis }]
    )
    .toSorted((a, b) => a.millis - b.millis)
  if (best === undefined) return Check.skip("clock", "no server said what time it is")
  const seconds = Math.round(Math.abs(best.ahead) / 1000)
  // The header has whole seconds.
  if (seconds <= 1) return Check.ok("clock", "agrees with the server's")
  const found = `${seconds} s ${best.ahead > 0 ? "ahead of" : "behind"} the server's`
  return Math.abs(best.ahead) > ALLOWED_MILLIS
    ? Check.warn(
        "clock",
        found,
        "Set this machine's clock: times in reports would be wrong, and certificates be refused."
      )
    : Check.ok("clock", found)
}
