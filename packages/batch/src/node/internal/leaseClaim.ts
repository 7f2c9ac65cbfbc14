/**
 * What a claim comes to, from the record as it is and the one that claims. Nothing is read or written here but the record
 * that is given.
 */
import type { Claim, Facts } from "../../Leases.ts"
import type { Holder, LeaseRecord } from "./leaseFile.ts"
import * as File from "./leaseFile.ts"
import * as Process from "./leaseProcess.ts"

/** The decision on a claim. */
export type Decision =
  /** Nobody held it. */
  | { readonly _tag: "New"; readonly record: LeaseRecord }
  /** Living others hold it too. */
  | { readonly _tag: "Joined"; readonly record: LeaseRecord }
  /** Its holders are all gone. */
  | {
      readonly _tag: "TakenOver"
      readonly record: LeaseRecord
      readonly since: string
      readonly facts: Facts
      readonly left: ReadonlyArray<Holder>
      /** The record as it was found. */
      readonly former: LeaseRecord
    }
  | { readonly _tag: "Refused"; readonly holders: string }
  | { readonly _tag: "Conflict"; readonly held: string }
  | { readonly _tag: "Wait"; readonly holders: string }

const who = (holder: Holder): string => {
  const host = Process.standing(holder) === "Elsewhere" ? ` on ${holder.host}` : ""
  return `process ${holder.pid}${host} since ${holder.since}${holder.isReleasing ? ", which is releasing it" : ""}`
}

/** Holders, for a person. */
export const describe = (holders: ReadonlyArray<Holder>): string => holders.map(who).join(" and ")

/** Decides on a claim. `standing` tells whether a holder lives. */
export const decide = (options: {
  readonly claim: Claim
  readonly record: LeaseRecord | undefined
  readonly self: Holder
  /** The name of a new record. */
  readonly id: string
  readonly standing: (holder: Holder) => Process.Standing
  readonly file: string
}): Decision => {
  const { claim, id, record, self, standing } = options
  if (record === undefined) {
    const { apiUrl, name, namespace, policy, pricePerHour } = claim
    const made: LeaseRecord = {
      version: 1,
      id,
      generation: 1,
      apiUrl,
      namespace,
      name,
      policy,
      wanted: undefined,
      since: self.since,
      holders: [self],
      facts: { pricePerHour },
      unconfirmed: undefined,
      history: []
    }
    return {
      _tag: "New",
      record: File.withLine(made, self.since, `claimed by process ${self.pid}, policy ${policy}`)
    }
  }

  const living = record.holders.filter((holder) => standing(holder) !== "Gone")
  if (living.length === 0) {
    const taken: LeaseRecord = {
      ...record,
      generation: record.generation + 1,
      // What was left is released as it was to be until it is had anew.
      wanted: claim.policy,
      holders: [self],
      unconfirmed: undefined
    }
    return {
      _tag: "TakenOver",
      record: File.withLine(
        taken,
        self.since,
        `taken over by process ${self.pid}, policy ${claim.policy} once it has it`
      ),
      since: record.since,
      facts: record.facts,
      left: record.holders,
      former: record
    }
  }

  const elsewhere = living.filter((holder) => standing(holder) === "Elsewhere")
  if (elsewhere.length > 0 && claim.whenLeased !== "wait") {
    const clean = `, which cannot be seen from here (if that run is gone for certain, delete ${options.file})`
    return { _tag: "Refused", holders: describe(elsewhere) + clean }
  }
  const isAllOurs = living.every((holder) => Process.isSame(holder, self))
  if (living.some((holder) => holder.isReleasing)) {
    return claim.whenLeased === "refuse" && !isAllOurs
      ? { _tag: "Refused", holders: describe(living) }
      : { _tag: "Wait", holders: describe(living) }
  }
  if (claim.whenLeased === "wait" && !isAllOurs) return { _tag: "Wait", holders: describe(living) }
  if (claim.whenLeased === "refuse" && !isAllOurs) return { _tag: "Refused", holders: describe(living) }
  const held = record.wanted ?? record.policy
  if (held !== claim.policy) return { _tag: "Conflict", held }
  return {
    _tag: "Joined",
    record: File.withLine(
      { ...record, holders: [...living, self] },
      self.since,
      `joined by process ${self.pid}`
    )
  }
}
