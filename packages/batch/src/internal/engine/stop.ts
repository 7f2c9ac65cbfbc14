/**
 * What ends a run before its input does.
 */
import * as Schema from "effect/Schema"
import type { NotReady, QuotaExceeded } from "@stint/core/EndpointError"
import type { CostCapReached } from "../../CostCap.ts"
import type { BudgetExceeded } from "../../FailureBudget.ts"
import type { DuplicateKey, FingerprintChanged } from "./decision.ts"
import type { Unstable } from "./gate.ts"

/** The endpoint refuses the token, or the account cannot pay: no other item will fare better. */
export class AccountRefused extends Schema.TaggedError<AccountRefused>()("AccountRefused", {
  name: Schema.optional(Schema.String),
  status: Schema.optional(Schema.Int),
  detail: Schema.optional(Schema.String)
}) {
  override get message() {
    const endpoint = this.name === undefined ? "The endpoint" : `Endpoint "${this.name}"`
    return `${endpoint} refuses this account (${this.status ?? "no status"}): ${this.detail ?? "no reason given"}. Check the token, its permission to call endpoints, and the credits. Finished work is kept.`
  }
}

/** The endpoint was deleted while the run used it. */
export class EndpointGone extends Schema.TaggedError<EndpointGone>()("EndpointGone", {
  name: Schema.String
}) {
  override get message() {
    return `Endpoint "${this.name}" is not there any more: somebody deleted it during the run. Finished work is kept; a run with a spec creates it anew.`
  }
}

/** The time that the run was given is over. */
export class DeadlineReached extends Schema.TaggedError<DeadlineReached>()("DeadlineReached", {
  after: Schema.String
}) {
  override get message() {
    return `The time of the run is over: it was given ${this.after}. Finished work is kept; the same run again goes on with what is left.`
  }
}

/** What ends a run before its input does. */
export type Stop =
  | NotReady
  | QuotaExceeded
  | Unstable
  | AccountRefused
  | EndpointGone
  | DeadlineReached
  | CostCapReached
  | BudgetExceeded
  | DuplicateKey
  | FingerprintChanged
