/** A token that nobody else has, and how to look for it. */
import { assert } from "@effect/vitest"

/** The token. Long enough that a part of it is no accident. */
export const canary = "hf_canaryQ7x2LmPz9RtVw4KdYb8s"

/** What of it is the same in base64, wherever it stands in what was encoded. */
const inBase64 = (text: string): ReadonlyArray<string> =>
  [0, 1, 2].map((shift) => {
    const core = Buffer.from("x".repeat(shift) + text)
      .toString("base64")
      .replace(/=+$/, "")
    return core.slice(4, -4)
  })

/** The spellings in which a server may give it back. */
export const forms: ReadonlyArray<{ readonly name: string; readonly text: string }> = [
  { name: "as it is", text: canary },
  { name: "percent-encoded", text: [...Buffer.from(canary)].map((byte) => `%${byte.toString(16)}`).join("") },
  { name: "base64", text: Buffer.from(canary).toString("base64") },
  { name: "base64 of the header", text: Buffer.from(`Bearer ${canary}`).toString("base64") },
  { name: "base64 of a user", text: Buffer.from(`user:${canary}`).toString("base64") }
]

const needles = [canary, canary.slice(3), ...forms.slice(1, 2).map(({ text }) => text), ...inBase64(canary)]

/** Fails when a text holds it, in any spelling. */
export const absentFrom = (text: string, where: string) => {
  for (const needle of needles) {
    const at = text.indexOf(needle)
    if (at >= 0) {
      const near = text.slice(Math.max(0, at - 300), at + 20)
      assert.fail(`${where} holds the token: …${near}`)
    }
  }
}

/** Addresses of another host, in all the ways that parsers differ about. */
export const foreign: ReadonlyArray<string> = [
  "https://evil.test/v1/embeddings",
  "HTTPS://evil.test/",
  "//evil.test/v1",
  "/\\evil.test/v1",
  "\\\\evil.test/v1",
  "\\/evil.test",
  "/\t/evil.test",
  "/\n/evil.test",
  "\t//evil.test",
  " //evil.test",
  "ht\ttps://evil.test",
  "https:/evil.test",
  "https:evil.test",
  "http:evil.test",
  "https://own.test@evil.test/",
  "https://own.test:443@evil.test/",
  "https://own.test.evil.test/",
  "https://own.test\\@evil.test/",
  "http://own.test/",
  "https://own.test:8443/",
  "https://evil.test#@own.test/",
  "https://evil.test?@own.test/"
]
