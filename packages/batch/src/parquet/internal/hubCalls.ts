/**
 * Calls to the hub: who asks, where an answer comes from, and what a refusal means.
 *
 * @source huggingface_hub, `hf_api.py`: `GET /api/datasets/{id}/revision/{revision}` with the commit in `sha`, `GET
 * /api/datasets/{id}/tree/{revision}/{path}?recursive=` in pages that a `Link` with `rel="next"` chains, and files at
 * `/datasets/{id}/resolve/{revision}/{path}`, answered by a redirect to a host that takes no token.
 * @source huggingface_hub, `hf_raise_for_status`: `X-Error-Code` is `GatedRepo`, `RevisionNotFound`, `EntryNotFound` or
 * `RepoNotFound`; 401 is also what somebody without a token is told of a dataset that is not there.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import { retries } from "../../internal/input/byteFile.ts"
import { DatasetError, type DatasetReason } from "../DatasetError.ts"

/** Where the hub is, and who asks. */
export interface Options {
  readonly hubUrl: URL
  readonly token: Redacted.Redacted | undefined
}

const MAX_REDIRECTS = 5
const MAX_PAGES = 10_000

const STRANGE = "answered something else than a hub does. Check HF_ENDPOINT"

/** How an answer is read. */
type Read<A> = (
  response: HttpClientResponse.HttpClientResponse
) => Effect.Effect<A, HttpClientError.HttpClientError | Schema.SchemaError>

/** A page of a list, and where the next one is. */
export interface Page<A> {
  readonly value: A
  readonly next: string | undefined
}

/** A path in a URL, segment by segment. */
export const encodePath = (path: string): string => path.split("/").map(encodeURIComponent).join("/")

/** What a refusal means. */
export const refusalOf = (
  response: HttpClientResponse.HttpClientResponse,
  { hasToken, page }: { readonly hasToken: boolean; readonly page: string }
): { readonly reason: DatasetReason; readonly detail: string } => {
  const { headers, status } = response
  const code = headers["x-error-code"] ?? ""
  if (code === "GatedRepo") {
    const detail = hasToken
      ? `its owner gives access to those who ask for it, and the account of this token has none (HTTP ${status}). Ask for it at ${page}; a fine-grained token also has to be allowed to read gated repositories`
      : `its owner gives access to those who ask for it (HTTP ${status}). Ask for it at ${page}, and set HF_TOKEN`
    return { reason: "gated", detail }
  }
  if (code === "RevisionNotFound") {
    return { reason: "revision", detail: "it has no such branch, tag or commit. Check what follows the @" }
  }
  if (code === "EntryNotFound") return { reason: "file", detail: "it has no such file or folder" }
  if (
    status === 401 &&
    hasToken &&
    /invalid credentials|invalid username or password/i.test(headers["x-error-message"] ?? "")
  ) {
    return { reason: "token", detail: `the hub does not accept the token (HTTP 401). Check HF_TOKEN` }
  }
  if (status === 404 || status === 401 || code === "RepoNotFound") {
    const detail = hasToken
      ? `the hub has no dataset of that name that this token may read (HTTP ${status}). Check the name, and that the token may read the datasets of its owner`
      : `the hub has no dataset of that name, or not for everybody (HTTP ${status}). Check the name; for a private dataset set HF_TOKEN`
    return { reason: "missing", detail }
  }
  if (status === 403) {
    return { reason: "denied", detail: "this token may not read it (HTTP 403). Use one that may" }
  }
  return {
    reason: "unreachable",
    detail: `the hub answered HTTP ${status}. Try again later`
  }
}

/** A page of a list, and the address of the next one. */
const nextOf = (link: string | undefined, base: string): string | undefined => {
  const found = /<([^>]+)>\s*;[^,]*\brel="?next"?/.exec(link ?? "")?.[1]
  return found !== undefined && URL.canParse(found, base) ? new URL(found, base).href : undefined
}

/** Calls to one hub, about one dataset. */
export const make = Effect.fnUntraced(function* (dataset: string, id: string, { hubUrl, token }: Options) {
  const hub = new URL(hubUrl)
  hub.username = ""
  hub.password = ""
  const base = hub.href.replace(/\/+$/, "")
  const page = `${base}/datasets/${id}`
  const hasToken = token !== undefined
  const client = (yield* HttpClient.HttpClient).pipe(
    HttpClient.retryTransient({ schedule: retries, times: 4 })
  )

  const fail = (reason: DatasetReason, detail: string, choices: ReadonlyArray<string> = []) =>
    new DatasetError({ dataset, reason, detail, choices })
  const refused = (response: HttpClientResponse.HttpClientResponse) => {
    const { detail, reason } = refusalOf(response, { hasToken, page })
    return fail(reason, detail)
  }

  /** Sends a request where redirects lead. The token goes to the hub's own origin alone. */
  const send = (
    url: string,
    headers: Readonly<Record<string, string>>,
    left = MAX_REDIRECTS
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError, Scope.Scope> => {
    const request = HttpClientRequest.get(url, { headers })
    const { origin, protocol } = new URL(url)
    const isOwn = origin === hub.origin
    return Effect.flatMap(
      client.execute(isOwn && token !== undefined ? HttpClientRequest.bearerToken(request, token) : request),
      (response) => {
        const to = response.headers["location"]
        if (response.status < 300 || response.status > 399 || to === undefined || left === 0) {
          return Effect.succeed(response)
        }
        if (!URL.canParse(to, url)) return Effect.succeed(response)
        const next = new URL(to, url)
        // What was asked for in secret is not fetched in the open.
        return next.protocol === protocol || next.protocol === "https:"
          ? send(next.href, headers, left - 1)
          : Effect.succeed(response)
      }
    ).pipe(
      // What follows a trace through our own services is nobody else's.
      Effect.provideService(HttpClient.TracerPropagationEnabled, false)
    )
  }

  const unreachable = (error: HttpClientError.HttpClientError) =>
    fail(
      "unreachable",
      `${hub.origin} cannot be reached: ${error.reason._tag}. Check the network, and HF_ENDPOINT`
    )

  const json = <A>(url: string, read: Read<A>): Effect.Effect<Page<A>, DatasetError> =>
    Effect.scoped(
      Effect.gen(function* () {
        const response = yield* send(url, { accept: "application/json" })
        if (response.status !== 200) return yield* refused(response)
        const value = yield* read(response)
        return { value, next: nextOf(response.headers["link"], url) }
      })
    ).pipe(
      // A body that broke off; that no answer came was tried often enough.
      Effect.retry({
        schedule: retries,
        times: 2,
        while: (error) => error._tag === "HttpClientError" && error.reason._tag !== "TransportError"
      }),
      Effect.catchTags({
        HttpClientError: (error) => Effect.fail(unreachable(error)),
        SchemaError: () => Effect.fail(fail("unreachable", `${hub.origin} ${STRANGE}`))
      })
    )

  /** All pages of a list. */
  const pages = Effect.fnUntraced(function* <A>(
    first: string,
    read: Read<ReadonlyArray<A>>
  ): Effect.fn.Return<ReadonlyArray<A>, DatasetError> {
    const all: Array<A> = []
    let url: string | undefined = first
    for (let nth = 0; url !== undefined && nth < MAX_PAGES; nth++) {
      // A page elsewhere would be somebody else's.
      if (new URL(url).origin !== hub.origin) return yield* fail("unreachable", `${hub.origin} ${STRANGE}`)
      const page: Page<ReadonlyArray<A>> = yield* json(url, read)
      all.push(...page.value)
      url = page.next
    }
    return all
  })

  return { base, page, hasToken, fail, refused, send, json, pages }
})

/** Calls to one hub, about one dataset. */
export type HubCalls = Effect.Success<ReturnType<typeof make>>
