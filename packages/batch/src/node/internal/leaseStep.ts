/**
 * What a policy comes to for an endpoint, from what is known of it.
 *
 * Used by the guardian too, so it needs nothing. It says the same as the release within a program.
 */
import type { Facts } from "../../Leases.ts"
import type { ReleasePolicy } from "../../ManagedEndpoint.ts"

/** What is done to the endpoint. */
export type Step = "pause" | "scaleToZero" | "delete" | "leave"

/** What a policy comes to. */
export const stepFor = (policy: ReleasePolicy, facts: Facts): Step => {
  if (policy === "keep") return "leave"
  if (policy !== "restore") return policy
  const state = facts.acquisition === "Created" ? undefined : facts.found?.state
  if (state === "scaledToZero") return "scaleToZero"
  if (state === undefined || state === "paused" || state === "failed") return "pause"
  // It ran when it was found, somebody put it to sleep since, and a holder woke it.
  return facts.acquisition === "Resumed" ? "pause" : "leave"
}

/** Whether an endpoint in that state is as the step wants it. */
export const isDone = (step: Step, state: string): boolean => {
  if (step === "pause") return state === "paused"
  if (step === "scaleToZero") return state === "scaledToZero" || state === "paused"
  return step === "leave"
}
