/** Answers that no sane server gives, drawn from a seed: the same seed, the same answers. */
import type { Schema } from "effect"

/** A stream of numbers below one: mulberry32. */
export const dice = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What {@link dice} makes. */
export type Dice = ReturnType<typeof dice>

const below = (roll: Dice, count: number) => Math.floor(roll() * count)

/** One of a list. */
export const oneOf = <A>(roll: Dice, first: A, ...rest: ReadonlyArray<A>): A =>
  [first, ...rest][below(roll, rest.length + 1)] ?? first

const texts = [
  "",
  " ",
  "\0",
  "\ud800",
  "\udfff\ud800",
  "\u202e\u0000\ufeff",
  "𝕳𝖚𝖌𝖌𝖎𝖓𝖌 🤗",
  "a".repeat(3000),
  "__proto__",
  "constructor",
  "</script><h1>",
  "running",
  "-1",
  "NaN",
  "https://",
  "http://[::1",
  "//evil.example/x",
  "file:///etc/passwd",
  "2026-13-45T99:99:99Z"
]

const numbers = [0, -0, -1, 0.1, 1e308, -1e308, 5e-324, 2 ** 53, -(2 ** 63), 4294967296, 99_999_999_999]

const nested = (depth: number, isList: boolean): Schema.Json => {
  let json: Schema.Json = "deep"
  for (let level = 0; level < depth; level++) json = isList ? [json] : { a: json }
  return json
}

const value = (roll: Dice): Schema.Json =>
  oneOf<() => Schema.Json>(
    roll,
    () => null,
    () => true,
    () => oneOf(roll, "", ...texts),
    () => oneOf(roll, 0, ...numbers),
    () => [],
    () => ({}),
    () => [null, 1, "a", {}],
    () => ({ state: null, error: [], url: 5 }),
    () => nested(oneOf(roll, 3, 50, 400), roll() < 0.5)
  )()

/** Changes one place in a document, the deeper the rarer. */
const mutate = (roll: Dice, json: Schema.Json): Schema.Json => {
  if (typeof json !== "object" || json === null || roll() < 0.05) return value(roll)
  if (Array.isArray(json)) {
    if (json.length === 0 || roll() < 0.2) return [...json, value(roll)]
    const at = below(roll, json.length)
    return roll() < 0.2
      ? json.filter((_, index) => index !== at)
      : json.map((item, index) => (index === at ? mutate(roll, item) : item))
  }
  const entries = Object.entries(json)
  const at = below(roll, entries.length)
  const [key = "a", old = null] = entries[at] ?? []
  const others = entries.filter((_, index) => index !== at)
  const changed = oneOf<() => ReadonlyArray<readonly [string, Schema.Json]>>(
    roll,
    () => [],
    () => [[oneOf(roll, `${key}s`, key.toUpperCase(), "__proto__", "toString", ""), old]],
    () => [[key, null]],
    () => [[key, value(roll)]],
    () => [[key, mutate(roll, old)]],
    () => [[key, mutate(roll, old)]],
    () => [[key, mutate(roll, old)]]
  )()
  return Object.fromEntries([...others, ...changed])
}

/** A document with up to five places changed. */
export const mutated = (roll: Dice, documents: ReadonlyArray<Schema.Json>): Schema.Json => {
  let json = documents[below(roll, documents.length)] ?? null
  for (let count = below(roll, 6); count > 0; count--) json = mutate(roll, json)
  return json
}

const numberTexts = ["1e400", "-1e400", "1".repeat(400), "0".repeat(300) + "1", "0x10", "01", "1_000", "١٢"]

/** Deeper than the stack goes. */
const abysses = [
  `${"[".repeat(20_000)}${"]".repeat(20_000)}`,
  `${'{"error":'.repeat(20_000)}1${"}".repeat(20_000)}`,
  `{"error":${"[".repeat(20_000)}${"]".repeat(20_000)}}`
]

/** The bytes of a body: mostly JSON, whole or not. */
const bytes = (roll: Dice, documents: ReadonlyArray<Schema.Json>): Uint8Array<ArrayBuffer> => {
  const encode = (text: string) => new TextEncoder().encode(text)
  const text = () => JSON.stringify(mutated(roll, documents))
  return oneOf<() => Uint8Array<ArrayBuffer>>(
    roll,
    () => encode(text()),
    () => encode(text()),
    () => encode(text()),
    () => encode(text()),
    () => encode(JSON.stringify({ error: value(roll), errors: value(roll), message: value(roll) })),
    () => encode(text().slice(0, below(roll, 400))),
    () => encode(text().replace(/\d+/, oneOf(roll, "1e400", ...numberTexts))),
    () => encode(`data: ${text()}\n\ndata: ${text().slice(0, 20)}\n\n:x\nevent: error\nretry: 1\n\n`),
    () => encode("<html><body><h1>502 Bad Gateway</h1></body></html>"),
    () => encode(oneOf(roll, "", ...texts)),
    () => new Uint8Array(),
    () => Uint8Array.from({ length: below(roll, 300) }, () => below(roll, 256)),
    () => Uint8Array.from([0xff, 0xfe, 0x7b, 0, 0x22, 0, 0xc3, 0x28]),
    () => encode(roll() < 0.1 ? oneOf(roll, "[", ...abysses) : "[]")
  )()
}

const headers = (roll: Dice): Record<string, string> => {
  const maybe = (name: string, first: string, ...rest: ReadonlyArray<string>) =>
    roll() < 0.3 ? { [name]: oneOf(roll, first, ...rest) } : {}
  const waits = [
    "7",
    "0",
    "-1",
    "1e9",
    "9".repeat(40),
    "soon",
    "",
    "7, 8",
    "Wed, 21 Oct 2026 07:28:00 GMT",
    "0x7"
  ]
  const limits = [
    '"api";r=0;t=55',
    '"api";r=0',
    "r=0;t=",
    `"api";r=0;t=${"9".repeat(40)}`,
    ";;;",
    '"a";r=0;t=-5',
    "=",
    ""
  ]
  const types = [
    "application/json",
    "text/html",
    "text/event-stream",
    "",
    "application/json; charset=utf-7",
    "x"
  ]
  return {
    ...maybe("retry-after", "1", ...waits),
    ...maybe("ratelimit", "", ...limits),
    ...maybe("content-type", "text/plain", ...types),
    ...maybe("x-error-message", "no", "", "\u00ff\u00fe", "<b>"),
    ...maybe("x-request-id", "req-1", "", "a".repeat(9000)),
    ...maybe("location", "http://evil.example/", "//evil.example", "::"),
    ...maybe("content-length", "0", "-1", "999999999")
  }
}

const statuses = [
  200, 200, 200, 200, 201, 204, 301, 304, 400, 401, 402, 403, 404, 409, 422, 429, 500, 502, 503, 504
]

const bodiless = new Set([101, 103, 204, 205, 304])

/** An answer with any status from 100 to 599, any headers and any body. */
export const answer = (roll: Dice, documents: ReadonlyArray<Schema.Json>): Response => {
  const status = roll() < 0.7 ? oneOf(roll, 200, ...statuses) : 100 + below(roll, 500)
  const body = bytes(roll, documents)
  if (status >= 200)
    return new Response(bodiless.has(status) ? null : body, { status, headers: headers(roll) })
  // `Response` knows no 1xx: a broken proxy does.
  return Object.defineProperty(new Response(body, { headers: headers(roll) }), "status", { value: status })
}
