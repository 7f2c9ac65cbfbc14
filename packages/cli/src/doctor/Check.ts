/**
 * What a look at one thing found, and how to mend it.
 */
import * as Schema from "effect/Schema"

/** `skip` is what could not be looked at, since something else stands in the way. */
export const Mark = Schema.Literals(["ok", "warn", "fail", "skip"])

/** How it stands with one thing. `mend` is the next step, for what is not well. */
export const Check = Schema.Struct({
  name: Schema.String,
  mark: Mark,
  found: Schema.String,
  mend: Schema.optionalKey(Schema.String),
  /** How long the server took to answer. */
  millis: Schema.optionalKey(Schema.Int)
})

/** How it stands with one thing. */
export type Check = typeof Check.Type

/** The document of `stint doctor --json`. */
export const Findings = Schema.Struct({
  /** Whether nothing failed. */
  ok: Schema.Boolean,
  version: Schema.String,
  checks: Schema.Array(Check)
})

export const ok = (name: string, found: string): Check => ({ name, mark: "ok", found })
export const warn = (name: string, found: string, mend: string): Check => ({
  name,
  mark: "warn",
  found,
  mend
})
export const fail = (name: string, found: string, mend: string): Check => ({
  name,
  mark: "fail",
  found,
  mend
})
export const skip = (name: string, found: string): Check => ({ name, mark: "skip", found })

const colours = { ok: 32, warn: 33, fail: 31, skip: 2 } as const
const WIDTH = 80
const MARK = 6
const NAME = 13

/** Breaks between words; a word that is longer than a line stays whole, so that it can be copied. */
const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

const block = (check: Check, canColor: boolean): string => {
  const indent = MARK + NAME
  const mark = canColor ? `\u001b[${colours[check.mark]}m${check.mark}\u001b[0m` : check.mark
  const head = mark + " ".repeat(MARK - check.mark.length) + check.name.padEnd(NAME)
  const lines = [
    ...wrap(check.found, WIDTH - indent),
    ...(check.mend === undefined
      ? []
      : wrap(check.mend, WIDTH - indent - 2).map((line, at) => `${at === 0 ? "→" : " "} ${line}`))
  ]
  return lines.map((line, at) => (at === 0 ? head + line : " ".repeat(indent) + line)).join("\n")
}

const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? "" : "s"}`

/** All of it, for a person, within 80 columns. */
export const format = (checks: ReadonlyArray<Check>, canColor: boolean): string => {
  const failed = checks.filter(({ mark }) => mark === "fail").length
  const warned = checks.filter(({ mark }) => mark === "warn").length
  const said = [
    ...(failed === 0 ? [] : [`${plural(failed, "check")} failed`]),
    ...(warned === 0 ? [] : [plural(warned, "warning")])
  ].join(", ")
  const last = said === "" ? "Nothing stands in the way." : `${said}.`
  return `${checks.map((check) => block(check, canColor)).join("\n")}\n\n${last}`
}
