/**
 * What a claim comes to, from what the rows say and the one that claims.
 */
import type { Claim, Facts } from "@stint/batch/Leases"
import type { Living, Seen } from "./rows.ts"

/** The decision on a claim. */
export type Decision =
  /** Nobody held it, and nothing was left. */
  | { readonly _tag: "New" }
  /** Living others hold it too. */
  | { readonly _tag: "Joined" }
  /** Its holders are all gone and did not release it. */
  | { readonly _tag: "TakenOver"; readonly since: string; readonly facts: Facts }
  | { readonly _tag: "Refused"; readonly holders: string }
  | {
      readonly _tag: "Conflict"
      readonly field: string
      readonly held: string
      readonly wanted: string
    }
  | { readonly _tag: "Wait"; readonly holders: string }

const doing = { acquiring: ", which is acquiring it", held: "", releasing: ", which is releasing it" }

/** Holders, for a person. */
export const describe = (living: ReadonlyArray<Living>): string =>
  living.map(({ phase, since, worker }) => `${worker} since ${since}${doing[phase]}`).join(" and ")

/** Decides on a claim: one acquires at a time, nobody comes in during a release, and nothing is shared that differs. */
export const decide = (
  { apiUrl, policy, whenLeased }: Pick<Claim, "apiUrl" | "policy" | "whenLeased">,
  { living, row }: Pick<Seen, "living" | "row">
): Decision => {
  if (living.length === 0) {
    // What sleeps on one API says nothing of another; what is awake does.
    if (row.state === "released") return { _tag: "New" }
    return row.apiUrl === apiUrl
      ? { _tag: "TakenOver", since: row.since, facts: row.facts }
      : { _tag: "Conflict", field: "API", held: row.apiUrl, wanted: apiUrl }
  }
  const holders = describe(living)
  if (whenLeased === "refuse") return { _tag: "Refused", holders }
  if (row.apiUrl !== apiUrl) return { _tag: "Conflict", field: "API", held: row.apiUrl, wanted: apiUrl }
  if (whenLeased === "wait") return { _tag: "Wait", holders }
  // Released and held: a holder that had been given up is back, and the endpoint is being woken for it.
  if (row.state !== "held" || living.some(({ phase }) => phase !== "held")) return { _tag: "Wait", holders }
  return policy === row.policy
    ? { _tag: "Joined" }
    : { _tag: "Conflict", field: "onRelease", held: row.policy, wanted: policy }
}
