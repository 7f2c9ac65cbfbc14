/**
 * What a request costs on some hardware, by the best that is known of it.
 */
import type * as Hardware from "@stint/core/Hardware"
import type { Evidence, Work } from "../../Forecast.ts"
import * as Measured from "./evidence.ts"
import type { Size } from "./model.ts"
import * as Prior from "./prior.ts"

export { fits } from "./prior.ts"

/** A cost and what it goes by; no cost where nothing is known. */
export interface Found {
  readonly basis: "runs" | "scaled" | "published" | "unknown"
  readonly because: string
  readonly cost?: Prior.Cost | undefined
}

type Place = Pick<Hardware.Instance, "instanceType" | "instanceSize">

/** Whether two pieces of hardware are of one kind. */
export const isWhere = (a: Place | undefined, b: Place): boolean =>
  a !== undefined && a.instanceType === b.instanceType && a.instanceSize === b.instanceSize

const unknown = (because: string): Found => ({ basis: "unknown", because })

const count = (n: number, what: string) => `${n.toLocaleString("en-US")} ${what}${n === 1 ? "" : "s"}`

const placeOf = ({ instanceSize, instanceType }: Place) => `${instanceType} ${instanceSize}`

/** Of rows whose tokens nobody counted. */
const USUAL = { input: 500, output: 200 }

/** The best that is known. */
export const find = ({
  evidence,
  instance,
  model,
  work
}: {
  readonly instance: Hardware.Instance
  readonly evidence: Evidence | undefined
  readonly model: Size | undefined
  readonly work: Work
}): Found => {
  const tokens = { input: work.inputTokens.expected, output: work.outputTokens.expected }
  const measured =
    evidence === undefined || evidence.rows < 1 || evidence.seconds <= 0
      ? undefined
      : { evidence, cost: Measured.costOf(evidence, tokens) }
  const from =
    measured &&
    `from ${count(measured.evidence.runs, "earlier run")} of ${count(measured.evidence.rows, "row")} on ${placeOf(measured.evidence)}${measured.evidence.isAssumed === true ? " (taken to be; the reports do not say)" : ""}`
  if (measured !== undefined && isWhere(evidence, instance)) {
    return { basis: "runs", because: from ?? "", cost: measured.cost }
  }
  if (work.isText === false) return unknown("not known: this kind of job has no tokens to reckon with")
  if (model === undefined) return unknown("not known: the model's name does not say how large it is")
  const prior = Prior.costOf(instance, model, {
    input: work.inputTokens,
    output: work.outputTokens,
    longest: work.longestOutput
  })
  if (prior === undefined) {
    return unknown(`not known: there are no figures for ${instance.instanceType}`)
  }
  if (measured !== undefined) {
    const { acceleratorMemory, accelerators = 1, instanceType } = measured.evidence
    // Of the rows that were measured: what other rows are to those is known already.
    const then = measured.evidence.tokens ?? { ...USUAL, output: tokens.output > 0 ? USUAL.output : 0 }
    const there = Prior.speedOf({ instanceType, accelerators, acceleratorMemory }, model, then)
    const here = Prior.speedOf(instance, model, then)
    if (there !== undefined && here !== undefined) {
      return {
        basis: "scaled",
        because: `${from}, carried over by data sheets; may be off by ${Measured.SCALED_FACTOR}x`,
        cost: Measured.carried(measured.cost, here.seconds / there.seconds)
      }
    }
  }
  return {
    basis: "published",
    because: `from data sheets and published speeds of other models; may be off by ${Prior.PRIOR_FACTOR}x`,
    cost: prior
  }
}
