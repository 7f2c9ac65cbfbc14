/**
 * A plan as text: a table that fits into 80 columns, and what it goes by.
 */
import type * as Forecast from "@stint/batch/Forecast"
import type { Plan } from "../Plan.ts"
import * as Table from "./Table.ts"

/** How many rows a person reads; all are in the JSON. */
const SHOWN = 12

const count = (n: number) => Math.round(n).toLocaleString("en-US")

const short = (n: number): string =>
  n >= 999_500 ? `${(n / 1e6).toPrecision(3)}M` : n >= 99_950 ? `${(n / 1e3).toFixed(0)}k` : count(n)

const rangeOf = (range: Forecast.Range | undefined, show: (n: number) => string): string => {
  if (range === undefined) return "not known"
  const [low, expected, high] = [show(range.low), show(range.expected), show(range.high)]
  return low === high ? expected : `${expected} (${low}-${high})`
}

const money = (dollars: number): string =>
  dollars === 0
    ? "0"
    : dollars < 0.1
      ? `${Number(dollars.toPrecision(2))}`
      : dollars < 100
        ? dollars.toFixed(2)
        : short(dollars)

const hardwareOf = ({ instanceSize, instanceType, vendor }: Forecast.Choice) =>
  `${vendor} ${instanceType} ${instanceSize}`

const markOf = ({ isCheapest, isFastest }: Forecast.Choice) =>
  isCheapest && isFastest ? "$>" : isCheapest ? "$" : isFastest ? ">" : ""

const basisOf = { runs: "runs", scaled: "scaled", published: "guess", unknown: "" } as const

const priceOf = ({ priceFrom, pricePerHour }: Forecast.Choice) =>
  pricePerHour === undefined ? "?" : `${pricePerHour}${priceFrom === "list" ? "*" : ""}`

const table = (choices: ReadonlyArray<Forecast.Choice>) =>
  Table.format(
    ["", "hardware", "$/h", "billed minutes", "dollars", "by"],
    choices.map((choice) => [
      markOf(choice),
      hardwareOf(choice),
      priceOf(choice),
      rangeOf(choice.billedMinutes, short),
      rangeOf(choice.dollars, money),
      basisOf[choice.basis]
    ])
  )

const bases = (choices: ReadonlyArray<Forecast.Choice>): ReadonlyArray<string> => {
  const seen = new Map<string, string>()
  for (const { basis, because } of choices) {
    const word = basisOf[basis]
    if (word !== "" && !seen.has(word)) seen.set(word, because)
  }
  return [...seen].map(([word, because]) => `${word}: ${because}.`)
}

/** The endpoint's own hardware, in whatever region: `aws us-east-1 nvidia-l4 x1`. */
const isOwn = ({ endpoint }: Plan, choice: Forecast.Choice) => {
  const [vendor, ...rest] = (endpoint?.hardware ?? "").split(" ")
  return endpoint !== undefined && hardwareOf(choice) === [vendor, ...rest.slice(-2)].join(" ")
}

/** What is not known of the hardware that the endpoint has is not lost among others. */
const ownUnknown = (choice: Forecast.Choice): string =>
  `The endpoint's own hardware, ${hardwareOf(choice)} at $${priceOf(choice)} an hour, has no forecast: ${choice.because}.`

const unknowns = (choices: ReadonlyArray<Forecast.Choice>): ReadonlyArray<string> => {
  const groups = new Map<string, Array<string>>()
  for (const { because, ...choice } of choices) {
    groups.set(because, [...(groups.get(because) ?? []), hardwareOf({ ...choice, because })])
  }
  return [...groups].map(
    ([because, names]) =>
      `${because[0]?.toUpperCase() ?? ""}${because.slice(1)} (${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}).`
  )
}

const deadlineLine = (choice: Forecast.Choice): ReadonlyArray<string> => {
  const { deadline } = choice
  if (deadline?.replicas === undefined) return [hardwareOf(choice), "-", "", deadline?.problem ?? ""]
  const surely = deadline.surely === undefined ? "" : `${deadline.surely}`
  return [hardwareOf(choice), `${deadline.replicas}`, surely, rangeOf(deadline.dollars, money)]
}

const byDeadline = (a: Forecast.Choice, b: Forecast.Choice) =>
  (a.deadline?.dollars?.expected ?? Infinity) - (b.deadline?.dollars?.expected ?? Infinity) || 0

const timeOf = (minutes: number) =>
  minutes < 1
    ? `${count(minutes * 60)} ${Math.round(minutes * 60) === 1 ? "second" : "seconds"}`
    : `${Number(minutes.toFixed(1)).toLocaleString("en-US")} ${Number(minutes.toFixed(1)) === 1 ? "minute" : "minutes"}`

const deadlines = (minutes: number, choices: ReadonlyArray<Forecast.Choice>): ReadonlyArray<string> => {
  const sorted = choices.toSorted(byDeadline)
  const best = sorted[0]
  if (best === undefined) return []
  const { deadline } = best
  return [
    "",
    `Replicas for ${timeOf(minutes)}, boot and pause included:`,
    Table.format(["hardware", "likely", "surely", "dollars (likely)"], sorted.map(deadlineLine)),
    "",
    deadline?.replicas === undefined
      ? "No hardware here is likely to meet that."
      : `Cheapest that likely meets it: ${deadline.replicas} x ${hardwareOf(best)}, $${rangeOf(deadline.dollars, money)}.`
  ]
}

const wrap = (text: string, width = 80): string => {
  let line = ""
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].join("\n")
}

/** The whole plan. */
export const format = (plan: Plan): string => {
  const { forecast, tokens } = plan
  const known = forecast.choices.filter(({ minutes }) => minutes !== undefined)
  const unknown = forecast.choices.filter(({ minutes }) => minutes === undefined)
  const shown = known.slice(0, SHOWN)
  // The fastest is seldom among the cheapest.
  const fastest = known.find(({ isFastest }) => isFastest)
  const rows = fastest === undefined || shown.includes(fastest) ? shown : [...shown, fastest]
  const facts = [
    `${count(plan.rows)} ${plan.rows === 1 ? "row" : "rows"} in ${plan.input}: ${count(plan.done)} done, ${count(plan.shared)} share another's answer, ${count(forecast.requests)} to send.`,
    ...(forecast.requests === 0
      ? []
      : [
          `Tokens of a request: ${rangeOf(tokens.input, count)} in, estimated by kind of character (${tokens.counted === plan.rows - plan.shared ? "all rows" : `${count(tokens.counted)} of the rows`}); ${rangeOf(tokens.output, count)} out, ${tokens.outputBecause}.`
        ]),
    ...(plan.endpoint === undefined
      ? []
      : [`Endpoint ${plan.endpoint.name} is ${plan.endpoint.state}, on ${plan.endpoint.hardware}.`])
  ].map((line) => wrap(line))
  if (forecast.requests === 0)
    return [...facts, "Nothing to do: nothing would be woken or billed."].join("\n")
  const dated = forecast.choices.find(({ priceFrom }) => priceFrom === "list")
  const notes = [
    ...(rows.length > 0
      ? ["$ cheapest, > fastest; likely (lowest-highest), on one replica, boot included."]
      : []),
    ...bases(rows),
    ...(known.length > rows.length ? [`${known.length - rows.length} more, dearer; --json has all.`] : []),
    ...unknown.filter((choice) => isOwn(plan, choice)).map(ownUnknown),
    ...unknowns(unknown.filter((choice) => !isOwn(plan, choice))),
    ...(forecast.tooSmall > 0
      ? [
          `${forecast.tooSmall} ${forecast.tooSmall === 1 ? "other has" : "others have"} too little memory for this model.`
        ]
      : []),
    ...(dated === undefined
      ? []
      : [`* Prices of the shipped list of ${dated.priceAsOf ?? "an unknown day"}; the API gives none.`]),
    ...plan.problems
  ].map((line) => wrap(line))
  return [
    ...facts,
    "",
    ...(rows.length > 0 ? [table(rows), ""] : []),
    ...notes,
    ...(plan.deadlineMinutes === undefined ? [] : deadlines(plan.deadlineMinutes, rows))
  ].join("\n")
}
