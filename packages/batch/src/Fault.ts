/**
 * Whose fault is it? One classifier reads a failed attempt and gives it a reason; everything else acts on reasons alone.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Headers from "effect/http/Headers"
import { retryAfterOf } from "@stint/core/Policy"
import { requestIdOf } from "./internal/protocol/requestId.ts"

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
 * | `config` | wrong route, model or template | outcome failed; a few of one cause in a row stop the run |
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

/**
 * What is known of a failed attempt: an answer outside 2xx, or what broke before there was a whole one.
 */
export interface Observed {
  /** Absent when nothing was answered. */
  readonly status?: number | undefined
  readonly headers?: Headers.Headers | undefined
  readonly body?: string | undefined
  /** What broke the exchange, in words: refused, reset, cut off, timed out. */
  readonly transport?: string | undefined
  /** The endpoint's state, read after the attempt: see {@link inState}. */
  readonly state?: string | undefined
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
const isOutOfCredits = (text: string) =>
  /included credits|out of credits?|insufficient (credit|fund|balance)|credits? (are |is )?(exhausted|used up)/i.test(
    text
  )
const isPayment = (text: string) => /payment/i.test(text) || isOutOfCredits(text)
const isFull = (text: string) => /queue|overload|too many requests/i.test(text)
const isOutOfMemory = (text: string) => /out of memory|cuda error/i.test(text)

/** No row is at fault for these, whatever the status says: the model cannot do this job at all. */
const isMisfit = (text: string) =>
  /chat[ _]template|template not found|template_error|model is not an? |does not support .*(api|endpoint)/i.test(
    text
  )

const badRequest = (text: string): Reason => {
  if (isPaused(text)) return "gone"
  if (isOutOfCredits(text)) return "account"
  if (isMisfit(text)) return "config"
  // The managed toolkit answers 400 to everything, its own troubles included.
  return isOutOfMemory(text) ? "engine" : "row"
}

const reasonFor = (status: number, what: Said): Reason => {
  const text = what.text ?? ""
  switch (status) {
    case 400:
      return badRequest(text)
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
      if (/batch size \d+ > maximum/i.test(text)) return "tooLarge"
      return isMisfit(text) || what.code === "template_error" ? "config" : "row"
    case 424:
      return isMisfit(text) ? "config" : "engine"
    case 429:
      return isPayment(text) ? "account" : "busy"
    case 502:
    case 504:
    case 520:
    case 521:
    case 522:
    case 523:
    case 524:
      return "cold"
    case 503:
      // A router's full queue is the one 503 that means "later", not "not there yet".
      return isFull(text) ? "busy" : "cold"
    case 529:
      return "busy"
    default:
      if (status >= 500) return "engine"
      if (status >= 400) return "row"
      // A redirect is not followed, because the token would go with it.
      return status >= 300 ? "config" : "transport"
  }
}

/**
 * Gives a failed attempt its reason. Pure: the same observation always gets the same reason.
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
export const classify = (observed: Observed): Fault => {
  const { body = "", headers, state, status } = observed
  if (status === undefined) return transport(observed.transport ?? "no answer")
  const what = said(body)
  const fault = new Fault({
    reason: reasonFor(status, what),
    status,
    detail: what.text?.slice(0, 2000),
    requestId: headers && requestIdOf(headers),
    retryAfter: headers && retryAfterOf(headers)
  })
  return state === undefined ? fault : inState(fault, state)
}

/**
 * The same fault, once the endpoint's state is known. An endpoint that runs and is healthy is neither cold nor gone: what
 * looked like it was the row's doing (400), a route that there is not (404), or a queue that is full (502 to 504).
 *
 * **Example** (A text that only sounds like a pause)
 *
 * ```ts
 * import { Fault } from "@stint/batch"
 *
 * const fault = Fault.classify({ status: 400, body: '{"error":"Invalid state: TX"}', state: "running" })
 * console.log(fault.reason) // => row
 * ```
 */
export const inState = (fault: Fault, state: string): Fault => {
  if (state !== "running" || !closesGate(fault)) return fault
  const { detail, requestId, retryAfter, status } = fault
  const reason = fault.reason === "cold" ? "busy" : status === 404 ? "config" : "row"
  return new Fault({ reason, status, detail, requestId, retryAfter })
}

/** A fault of the connection: refused, reset, cut off, timed out, or not what was asked for. */
export const transport = (detail: string): Fault => new Fault({ reason: "transport", detail })

/** Whether the endpoint itself is not there: these close the gate and charge no attempt. */
export const closesGate = (fault: Fault): boolean => fault.reason === "cold" || fault.reason === "gone"

/** Whether the same request may succeed in a moment. */
export const isRetryable = (fault: Fault): boolean =>
  fault.reason === "engine" || fault.reason === "transport" || fault.reason === "busy"
