/**
 * By what a request is recognised again: 64 bits of its canonical JSON and the run's identity, written down as sixteen
 * hexadecimal digits.
 */
import type * as Schema from "effect/Schema"
import { canonicalJson } from "./canonicalJson.ts"
import { type Digest, longDigestAfter } from "./digest.ts"

/** A fingerprint as its 64 bits, and about how long the request is. */
export interface Fingerprint {
  readonly print: Digest
  readonly bytes: number
}

/** The fingerprints of requests under an identity: the job, the repository, the revision. */
export const under = (identity: string): ((request: Schema.Json) => Fingerprint) => {
  const ofJson = longDigestAfter(`${identity}\n`)
  // A text is read as it is, behind a quotation mark: no other JSON begins with one.
  const ofText = longDigestAfter(`${identity}\n"`)
  return (request) => {
    if (typeof request === "string") return { print: ofText(request), bytes: request.length }
    const text = canonicalJson(request)
    return { print: ofJson(text), bytes: text.length }
  }
}
