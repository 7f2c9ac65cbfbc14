/**
 * What to do after a run.
 */
import type { RunReport } from "./RunReport.ts"

const count = (n: number) => n.toLocaleString("en-US")

const rows = (n: number) => `${count(n)} ${n === 1 ? "row" : "rows"}`

const billedAs = (endpoint: NonNullable<RunReport["endpoint"]>) => {
  const { name, namespace, state } = endpoint
  const inNamespace = namespace === undefined ? "" : ` --namespace ${namespace}`
  const how = state === undefined ? "MAY STILL BE BILLED" : `is ${state} AND BILLED`
  return `Endpoint ${name} ${how}. To end that: stint endpoints pause ${name}${inNamespace}`
}

/** The share of the billed time that brought no rows, from where it is worth a word. */
const MUCH = 0.5

const lookOfCold = ({ phases }: Pick<RunReport, "phases">) => {
  const billed = phases.filter(({ name }) => name !== "wait")
  const all = billed.reduce((sum, { fromMillis, toMillis }) => sum + toMillis - fromMillis, 0)
  const cold = billed.find(({ name }) => name === "cold")
  if (cold === undefined || all === 0) return undefined
  const share = (cold.toMillis - cold.fromMillis) / all
  return share < MUCH
    ? undefined
    : `${Math.round(share * 100)} % of the billed time was the boot: more rows in one run share it.`
}

/** What the same command would do. */
const again = ({ directory, failed, remaining = 0 }: Omit<RunReport, "next">) => {
  const mend = `Mend the causes of the ${rows(failed)} that failed; they are in ${directory}/errors.jsonl.`
  const left = remaining > 0 ? `${rows(remaining)} that ${remaining === 1 ? "is" : "are"} left` : ""
  if (failed === 0) {
    return remaining === 0
      ? []
      : [`Run the same command again for the ${left}: what is done is not sent twice.`]
  }
  const which = remaining === 0 ? "those alone" : `those and the ${left}`
  return [mend, `Then run the same command again: it does ${which}, and sends nothing twice that is done.`]
}

/** What to do next, the most urgent first. */
export const of = (report: Omit<RunReport, "next">): ReadonlyArray<string> => {
  const { directory, endpoint, invalid = 0, source, truncated = 0 } = report
  const boot = lookOfCold(report)
  const steps = [
    ...(endpoint?.isBilled ? [billedAs(endpoint)] : []),
    ...again(report),
    ...(invalid > 0
      ? [
          `Mend the ${count(invalid)} invalid ${invalid === 1 ? "line" : "lines"} in ${directory}/invalid.jsonl.`
        ]
      : []),
    ...(truncated > 0
      ? [`${rows(truncated)} were cut at their limit of tokens: raise --max-tokens if they should be whole.`]
      : [])
  ]
  const whole =
    steps.length > 0
      ? []
      : [
          source === "journal"
            ? "Run the same command again: it does what is left, and writes a whole report."
            : `Nothing is left to do: the results are in ${directory}.`
        ]
  return [...steps, ...whole, ...(boot === undefined ? [] : [boot])]
}
