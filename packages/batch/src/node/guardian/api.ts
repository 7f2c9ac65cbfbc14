/**
 * The calls that a guardian makes: a few routes of the management API, on Node's own client.
 */
import * as Secret from "@stint/core/Secret"
import type { RequestOptions } from "node:http"

/** Where and as whom. */
export interface Access {
  readonly apiUrl: string
  readonly namespace: string
  readonly name: string
  readonly token: string
}

/** An answer; `state` where it was an endpoint. */
export interface Answer {
  readonly status: number
  readonly state: string | undefined
  readonly detail: string
  /** How long the server wants to be left alone. */
  readonly retryAfterMillis: number | undefined
}

const BODY_BYTES = 1024 * 1024

const stateOf = (text: string): string | undefined => {
  try {
    const json: unknown = JSON.parse(text)
    const status: unknown =
      typeof json === "object" && json !== null && "status" in json ? json.status : undefined
    const state: unknown =
      typeof status === "object" && status !== null && "state" in status ? status.state : undefined
    return typeof state === "string" ? state : undefined
  } catch {
    return undefined
  }
}

type Headers = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** However long the server wants to be left alone: money is running. */
const LONGEST_RETRY_AFTER = 60

/**
 * How long the server wants to be left alone. A rate limit is on every answer and counts on a 429 alone.
 *
 * @source contract: `Retry-After` in whole seconds; `RateLimit: "api";r=0;t=55`
 */
const retryAfterOf = (status: number, headers: Headers): number | undefined => {
  if (status !== 429 && status !== 503) return undefined
  const limit = status === 429 ? /\br=0\b.*\bt=(\d+)/.exec(String(headers["ratelimit"] ?? "")) : undefined
  const seconds = Number(headers["retry-after"] ?? limit?.[1] ?? Number.NaN)
  return seconds >= 0 ? Math.min(seconds, LONGEST_RETRY_AFTER) * 1000 : undefined
}

/**
 * One call, ended after `timeoutMillis`, whatever it hangs in. A redirect is an answer like any other: the token goes to
 * the API's own host alone. Rejects when there is no answer.
 */
export const call = async (
  access: Access,
  method: "GET" | "POST" | "PUT" | "DELETE",
  action: string,
  options: { readonly timeoutMillis: number; readonly body?: unknown }
): Promise<Answer> => {
  const base = access.apiUrl.replace(/\/+$/, "")
  const path = [access.namespace, access.name].map(encodeURIComponent).join("/")
  const url = new URL(`${base}/endpoint/${path}${action}`)
  // Loaded when it is needed: a guardian that never acts stays small.
  const { request } = await (url.protocol === "https:" ? import("node:https") : import("node:http"))
  const conceal = Secret.conceal(access.token)
  const body = options.body === undefined ? undefined : JSON.stringify(options.body)
  const settings: RequestOptions = {
    method,
    signal: AbortSignal.timeout(options.timeoutMillis),
    headers: {
      authorization: `Bearer ${access.token}`,
      accept: "application/json",
      connection: "close",
      "user-agent": "stint-guardian",
      ...(body === undefined
        ? { "content-length": "0" }
        : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) })
    }
  }
  return new Promise((resolve, reject) => {
    const sent = request(url, settings, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("error", reject)
      response.on("data", (chunk: string) => {
        text += chunk
        if (text.length > BODY_BYTES) sent.destroy(new Error("the answer is too long"))
      })
      response.on("end", () => {
        const said = conceal(text)
        resolve({
          status: response.statusCode ?? 0,
          state: stateOf(said),
          detail: said.slice(0, 300),
          retryAfterMillis: retryAfterOf(response.statusCode ?? 0, response.headers)
        })
      })
    })
    sent.on("error", reject)
    sent.end(body)
  })
}
