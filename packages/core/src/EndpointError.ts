/**
 * What can go wrong with an endpoint.
 *
 * What a caller branches on is a tag of its own; what is only retried or reported is an {@link ApiError} with a `reason`.
 * Every message names the thing and the next step.
 */
import * as Schema from "effect/Schema"

const where = (namespace: string | undefined, name: string) =>
  namespace === undefined ? `"${name}"` : `"${namespace}/${name}"`

const suffix = (detail: string | undefined) => (detail ? ` The server says: ${detail}` : "")

/** `404, request abc`: what the server's people will ask for. */
const answered = (answer: {
  readonly status?: number | undefined
  readonly requestId?: string | undefined
}) => {
  const parts = [
    ...(answer.status === undefined ? [] : [String(answer.status)]),
    ...(answer.requestId === undefined ? [] : [`request ${answer.requestId}`])
  ]
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`
}

const Named = { namespace: Schema.optional(Schema.String), name: Schema.String }
const Answer = {
  status: Schema.optional(Schema.Int),
  detail: Schema.optional(Schema.String),
  requestId: Schema.optional(Schema.String)
}

/** No endpoint of that name, or the token may not see it. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { ...Named, ...Answer }) {
  override get message() {
    return `There is no endpoint ${where(this.namespace, this.name)}${answered(this)}. Check the name and the namespace, or give a spec to create it.`
  }
}

/** The name is taken, by an endpoint that may be somebody else's. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", {
  ...Named,
  ...Answer
}) {
  override get message() {
    return `An endpoint ${where(this.namespace, this.name)} exists already${answered(this)}. Get it and use it, or choose another name.${suffix(this.detail)}`
  }
}

/** The namespace has no accelerators left for that instance. */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", {
  ...Named,
  ...Answer
}) {
  override get message() {
    return `The quota of the namespace does not allow endpoint ${where(this.namespace, this.name)}${answered(this)}. Pause another endpoint (scaled to zero still counts), choose other hardware, or ask Hugging Face for more.${suffix(this.detail)}`
  }
}

/** The endpoint was not ready before the deadline. */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", {
  ...Named,
  waited: Schema.String,
  state: Schema.String,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    return `Endpoint ${where(this.namespace, this.name)} was not ready after ${this.waited}; its last state was "${this.state}". Look at its logs, or give it a longer ready timeout.${suffix(this.detail)}`
  }
}

/** The container could not be brought up (`failed`) or changed (`updateFailed`). */
export class EndpointFailed extends Schema.TaggedError<EndpointFailed>()("EndpointFailed", {
  ...Named,
  state: Schema.String,
  detail: Schema.optional(Schema.String),
  /** The last lines of the container's log. */
  log: Schema.optional(Schema.String)
}) {
  override get message() {
    const log = this.log === undefined ? "" : `\nIts log ends:\n${this.log.replace(/^/gm, "  ")}`
    return `Endpoint ${where(this.namespace, this.name)} is in state "${this.state}" and will not become ready. Look at its logs, mend its spec and try again.${suffix(this.detail)}${log}`
  }
}

/** Somebody paused the endpoint while we waited for it. */
export class PausedByOther extends Schema.TaggedError<PausedByOther>()("PausedByOther", {
  ...Named,
  by: Schema.optional(Schema.String)
}) {
  override get message() {
    return `Endpoint ${where(this.namespace, this.name)} is paused${this.by ? ` (by ${this.by})` : ""}, and not by this program. Resume it when its owner agrees.`
  }
}

/** The endpoint runs, but the token may not call it. */
export class CallForbidden extends Schema.TaggedError<CallForbidden>()("CallForbidden", {
  ...Named,
  status: Schema.Int,
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    return `Endpoint ${where(this.namespace, this.name)} runs, but answers ${this.status} to this token. Give the token the permission "Make calls to Inference Endpoints".${suffix(this.detail)}`
  }
}

/**
 * The endpoint could not be shown to have stopped billing. It may still run.
 *
 * `command` is the one command that ends it, that of `@stint/cli`. Where that is not installed, `hf endpoints pause` takes the
 * same name and `--namespace`.
 */
export class ReleaseUnconfirmed extends Schema.TaggedError<ReleaseUnconfirmed>()("ReleaseUnconfirmed", {
  ...Named,
  policy: Schema.String,
  state: Schema.optional(Schema.String),
  pricePerHour: Schema.optional(Schema.Finite),
  detail: Schema.optional(Schema.String)
}) {
  get command() {
    const namespace = this.namespace === undefined ? "" : ` --namespace ${this.namespace}`
    return `stint endpoints pause ${this.name}${namespace}`
  }
  override get message() {
    const price = this.pricePerHour === undefined ? "" : ` at $${this.pricePerHour} an hour`
    // The command comes last, to be taken from there.
    const why = this.detail ? ` Why: ${this.detail.replace(/\.?$/, ".")}` : ""
    const state = this.state === undefined ? "" : ` (last seen "${this.state}")`
    return `Endpoint ${where(this.namespace, this.name)} MAY STILL BE BILLING${price}${state}: release "${this.policy}" could not be confirmed.${why} Run: ${this.command}`
  }
}

/** 401: the token is missing, wrong or revoked. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", Answer) {}
/** 403: the token lacks a permission. */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", Answer) {}
/** 402, or a 403 that asks for a payment method. */
export class PaymentRequired extends Schema.TaggedError<PaymentRequired>()("PaymentRequired", Answer) {}
/** 400 and 422: the request is wrong, and will be wrong again. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", Answer) {}
/** 400 "not available yet": the hardware exists but none is free. */
export class NoCapacity extends Schema.TaggedError<NoCapacity>()("NoCapacity", Answer) {}
/** 429: told to slow down; `retryAfter` when the server said for how long. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...Answer,
  retryAfter: Schema.optional(Schema.Duration)
}) {}
/** 5xx and 408: the server's trouble, usually gone in a moment. */
export class ServerError extends Schema.TaggedError<ServerError>()("ServerError", Answer) {}
/** No answer at all: refused, reset, cut off, or over the call's deadline. */
export class TransportError extends Schema.TaggedError<TransportError>()("TransportError", Answer) {}
/** An answer that is not what the API promises. */
export class DecodeError extends Schema.TaggedError<DecodeError>()("DecodeError", Answer) {}

/** Why a call failed. */
export const Reason = Schema.Union([
  Unauthorized,
  Forbidden,
  PaymentRequired,
  InvalidRequest,
  NoCapacity,
  RateLimited,
  ServerError,
  TransportError,
  DecodeError
])

/** Why a call failed. */
export type Reason = typeof Reason.Type

const nextStep: Record<Reason["_tag"], string> = {
  Unauthorized: "Set HF_TOKEN to a valid token, and check that the namespace is yours.",
  Forbidden: 'Give the token the permission "Manage Inference Endpoints" for this namespace.',
  PaymentRequired: "Add a payment method or credits to the namespace.",
  InvalidRequest: "Mend the request; sending it again will not help.",
  NoCapacity: "Try other hardware or another region, or try later.",
  RateLimited: "Wait, then call less often.",
  ServerError: "Try again in a moment.",
  TransportError: "Check the network and the API's address.",
  DecodeError: "Check the API's address: what answers does not look like Hugging Face's API."
}

/**
 * A call to the management API failed for a reason that no caller usually branches on.
 *
 * **Example** (Reacting to one reason)
 *
 * ```ts
 * import { type ApiError } from "@stint/core"
 * import { Effect } from "effect"
 *
 * const quietly = (call: Effect.Effect<string, ApiError>) =>
 *   call.pipe(Effect.catchReason("ApiError", "RateLimited", () => Effect.succeed("later")))
 * ```
 */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  method: Schema.String,
  namespace: Schema.optional(Schema.String),
  name: Schema.optional(Schema.String),
  reason: Reason
}) {
  /** Whether the same call may succeed in a moment. */
  get isTransient(): boolean {
    const tag = this.reason._tag
    return tag === "RateLimited" || tag === "ServerError" || tag === "TransportError"
  }
  override get message() {
    const target =
      this.name === undefined ? (this.namespace ?? "the account") : where(this.namespace, this.name)
    const status = this.reason.status === undefined ? "" : ` ${this.reason.status}`
    const id = this.reason.requestId === undefined ? "" : ` (request ${this.reason.requestId})`
    return `${this.method} ${target} failed: ${this.reason._tag}${status}${id}. ${nextStep[this.reason._tag]}${this.reason.status === undefined && this.reason.detail ? ` Why: ${this.reason.detail}` : suffix(this.reason.detail)}`
  }
}

/** Everything that waiting for an endpoint can fail with. */
export type NotReady = NotFound | Timeout | EndpointFailed | PausedByOther | CallForbidden | ApiError
