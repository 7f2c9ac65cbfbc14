/**
 * Whose fault is it? One classifier reads a failed attempt and gives it a reason; everything else acts on reasons alone.
 */
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * Why an attempt failed, and with it what happens next.
 *
 * | reason | meaning | what happens |
 * | --- | --- | --- |
 * | `row` | this input is wrong | outcome failed, never retried |
 * | `tooLarge` | too much for one request | outcome failed (a pack is split) |
 * | `busy` | the engine is full | waited out, budgeted by time |
 * | `cold` | replicas start or move | the gate closes; no attempt is charged |
 * | `gone` | paused, or the host is gone | the gate closes and the state is read; no attempt is charged |
 * | `engine` | the engine broke | retried a few times |
 * | `transport` | no answer, or not a whole one | retried a few times |
 * | `config` | wrong route or model name | outcome failed |
 * | `account` | token, permission or payment | the run stops |
 */
export const Reason = Schema.Literals([
  "row",
  "tooLarge",
  "busy",
  "cold",
  "gone",
  "engine",
  "transport",
  "config",
  "account"
])

/** Why an attempt failed: see {@link Reason}. */
export type Reason = typeof Reason.Type

/**
 * A failed attempt, classified.
 */
export class Fault extends Schema.TaggedError<Fault>()("Fault", {
  reason: Reason,
  status: Schema.optional(Schema.Int),
  detail: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String),
  retryAfter: Schema.optional(Schema.Duration)
}) {
  override get message() {
    const status = this.status === undefined ? "" : ` ${this.status}`
    return `${this.reason}${status}${this.detail ? `: ${this.detail}` : ""}`
  }
}

/** What an endpoint answered when it did not answer 2xx. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfter?: Duration.Duration | undefined
  readonly requestId?: string | undefined
}

const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

interface Said {
  readonly text: string | undefined
  readonly code: string | undefined
}

const stringAt = (value: unknown, key: string) =>
  Predicate.hasProperty(value, key) && typeof value[key] === "string" ? value[key] : undefined

/** The text and the code of an error body in any of the dialects: proxy, TGI, TEI, OpenAI, FastAPI, toolkit, plain text. */
const said = (body: string): Said => {
  const json = Option.getOrUndefined(decodeJson(body))
  if (json === undefined) {
    return { text: /^\s*</.test(body) ? undefined : body.trim() || undefined, code: undefined }
  }
  const error = Predicate.hasProperty(json, "error") ? json.error : undefined
  const text =
    typeof error === "string"
      ? error
      : (stringAt(error, "message") ??
        stringAt(json, "message") ??
        stringAt(json, "detail") ??
        (Array.isArray(error) ? error.join("; ") : undefined))
  return { text, code: stringAt(json, "code") ?? stringAt(error, "type") ?? stringAt(json, "error_type") }
}

const isPaused = (text: string) => /endpoint is paused|invalid state/i.test(text)
const isPayment = (text: string) => /payment|credit/i.test(text)

const reasonFor = (status: number, what: Said): Reason => {
  const text = what.text ?? ""
  switch (status) {
    case 400:
      return isPaused(text) ? "gone" : "row"
    case 401:
    case 402:
    case 403:
      return "account"
    case 404:
      // Nobody at home, or the proxy says so in its own code; an engine that knows no such route or model has words for it.
      return what.code === "NOT_FOUND" || (what.text === undefined && what.code === undefined)
        ? "gone"
        : "config"
    case 405:
      return "config"
    case 408:
      return "transport"
    case 413:
      return "tooLarge"
    case 422:
      return "row"
    case 424:
      return "engine"
    case 429:
      return isPayment(text) ? "account" : "busy"
    case 502:
    case 504:
      return "cold"
    case 503:
      // A router's full queue is the one 503 that means "later", not "not there yet".
      return /queue/i.test(text) ? "busy" : "cold"
    default:
      return status >= 500 ? "engine" : status >= 400 ? "row" : "transport"
  }
}

/**
 * Gives an answer outside 2xx its reason. Pure: the same answer always gets the same reason.
 *
 * @source contract: data plane. A paused endpoint answers 400; a cold one 503 at once, without `Retry-After`.
 *
 * **Example** (A paused endpoint is not a bad row)
 *
 * ```ts
 * import { Fault } from "@stint/batch"
 *
 * const fault = Fault.classify({ status: 400, body: '{"error":"Bad Request: Invalid state"}' })
 * console.log(fault.reason) // => gone
 * ```
 */
export const classify = (answer: Answer): Fault => {
  const what = said(answer.body)
  return new Fault({
    reason: reasonFor(answer.status, what),
    status: answer.status,
    detail: what.text?.slice(0, 2000),
    requestId: answer.requestId,
    retryAfter: answer.retryAfter
  })
}

/** A fault of the connection: refused, reset, cut off, timed out, or not what was asked for. */
export const transport = (detail: string): Fault => new Fault({ reason: "transport", detail })

/** Whether the endpoint itself is not there: these close the gate and charge no attempt. */
export const closesGate = (fault: Fault): boolean => fault.reason === "cold" || fault.reason === "gone"

/** Whether the same request may succeed in a moment. */
export const isRetryable = (fault: Fault): boolean =>
  fault.reason === "engine" || fault.reason === "transport" || fault.reason === "busy"
