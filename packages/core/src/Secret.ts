/**
 * Keeping a secret out of what others say: a server that echoes a request must not bring its token into a message.
 */

/** Characters of base64 that depend on the secret alone, wherever it stands in what was encoded. */
const inBase64 = (secret: string): ReadonlyArray<string> => {
  const bytes = Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join("")
  return [0, 1, 2].map((before) => {
    const all = btoa("\0".repeat(before) + bytes)
    const rest = (before + bytes.length) % 3
    return all.slice(before === 0 ? 0 : before + 1, rest === 0 ? all.length : all.length - 4 + rest)
  })
}

const inPercent = (secret: string) =>
  Array.from(new TextEncoder().encode(secret), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")

/** Anything shorter is found in texts that do not hold the secret. */
const SHORTEST_ENCODED = 8

const formsOf = (secret: string): ReadonlyArray<string> => {
  const base64 = inBase64(secret)
  const encoded = [
    encodeURIComponent(secret),
    inPercent(secret),
    inPercent(secret).toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))
  ]
  return [...new Set([secret, ...encoded.filter((text) => text.length >= SHORTEST_ENCODED)])]
}

/**
 * Takes a secret out of texts: as it is, URL-encoded, and in base64 wherever it stands in what was encoded. To be used before a
 * text is cut, since a part of a secret is not recognised.
 *
 * **Example** (A server that says too much)
 *
 * ```ts
 * import { Secret } from "@stint/core"
 *
 * const conceal = Secret.conceal("hf_1234567890")
 * console.log(conceal("no such user: Bearer hf_1234567890")) // => no such user: Bearer <the token>
 * ```
 */
export const conceal = (secret: string): (<T extends string | undefined>(text: T) => T | string) => {
  const forms = secret === "" ? [] : formsOf(secret)
  return (text) =>
    text === undefined
      ? text
      : forms.reduce<string>((left, form) => left.replaceAll(form, "<the token>"), text)
}
