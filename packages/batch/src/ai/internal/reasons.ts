/**
 * A classified fault in the words of `effect/ai`.
 */
import * as AiError from "effect/ai/AiError"
import type * as Schema from "effect/Schema"
import type { Fault } from "../../Fault.ts"

/** Where an error comes from. */
export interface Where {
  readonly module: string
  readonly method: string
  /** What was asked. */
  readonly url: string
  /** Takes the token out of what an engine says: some say again what they were sent. */
  readonly conceal: (text: string) => string
}

/** The fault as it was classified, for whoever wants more than the reason. */
const metadataOf = ({ reason, requestId, status }: Fault): Record<string, Schema.Json> => ({
  huggingface: {
    reason,
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId })
  }
})

/** No key is at fault where somebody has to pay. */
const accountReason = (fault: Fault, description: string): AiError.AiErrorReason => {
  const metadata = metadataOf(fault)
  if (fault.status === 401 || fault.status === 403) {
    const kind = fault.status === 401 ? "InvalidKey" : "InsufficientPermissions"
    return new AiError.AuthenticationError({ kind, description, metadata })
  }
  return new AiError.QuotaExhaustedError({ metadata })
}

/** The reason that callers branch on; whether it is worth another try is the reason's `isRetryable`. */
const reasonOf = (fault: Fault, { conceal, url }: Where): AiError.AiErrorReason => {
  const description = conceal(fault.message)
  const metadata = metadataOf(fault)
  switch (fault.reason) {
    case "busy":
      return new AiError.RateLimitError({ retryAfter: fault.retryAfter, metadata })
    case "account":
      return accountReason(fault, description)
    case "row":
    case "config":
      return new AiError.InvalidRequestError({ description, metadata })
    case "tooLarge":
      return new AiError.InvalidRequestError({ constraint: "is too large", description, metadata })
    case "cold":
    case "engine":
      return new AiError.InternalProviderError({ description, metadata })
    case "gone":
      // Another try does not wake it: unlike the errors of an engine this one is not retryable.
      return new AiError.UnknownError({
        description: `The endpoint is paused or gone (${description}): acquire it again.`,
        metadata
      })
    case "transport":
      return new AiError.NetworkError({ reason: "TransportError", method: "POST", url, description })
  }
}

/** The fault as an error of `effect/ai`. */
export const fromFault =
  (where: Where) =>
  (fault: Fault): AiError.AiError =>
    make(where, reasonOf(fault, where))

/** An error at that place. */
export const make = ({ method, module }: Where, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module, method, reason })

/** The answer has another shape than the route's. */
export const unexpected =
  (where: Where) =>
  (error: Schema.SchemaError): AiError.AiError =>
    make(where, new AiError.InvalidResponseError({ description: where.conceal(error.message) }))
