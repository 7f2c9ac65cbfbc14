/**
 * A text that is longer than the model reads: what the engine says of it, and what to do.
 */
import { Fault } from "../../Fault.ts"

const words =
  /must have less than \d+ tokens|maximum (?:context|input|sequence|model)[ _]length|too large to process|(?:longer|larger) than (?:the )?(?:max|context|available)|exceeds? (?:the )?(?:max|context|available)|(?:input|text|prompt) is too long/i

/** The same fault; one of too long a text says what helps. */
export const explained = (fault: Fault): Fault => {
  const { detail, reason, requestId, retryAfter, status } = fault
  if ((reason !== "row" && reason !== "tooLarge") || detail === undefined || !words.test(detail)) return fault
  return new Fault({
    reason,
    status,
    detail: `${detail.replace(/[.\s]+$/, "")}. The text is longer than the model reads: shorten it, or make several rows of it`,
    requestId,
    retryAfter
  })
}
