/**
 * By what a request is recognised again: sixteen hexadecimal digits of its canonical JSON and the run's identity.
 */
import type * as Schema from "effect/Schema"
import { canonicalJson } from "./canonicalJson.ts"
import { digestAfter, toHex } from "./digest.ts"

/** A fingerprint, and about how long the request is. */
export interface Fingerprint {
  readonly fingerprint: string
  readonly bytes: number
}

/** The fingerprints of requests under an identity: the job, the repository, the revision. */
export const under = (identity: string): ((request: Schema.Json) => Fingerprint) => {
  const ofJson = digestAfter(`${identity}\n`)
  // A text is read as it is, behind a quotation mark: no other JSON begins with one.
  const ofText = digestAfter(`${identity}\n"`)
  return (request) => {
    if (typeof request === "string") return { fingerprint: toHex(ofText(request)), bytes: request.length }
    const text = canonicalJson(request)
    return { fingerprint: toHex(ofJson(text)), bytes: text.length }
  }
}
