/** Errors of a database that is there again soon. */
import * as Predicate from "effect/Predicate"
import type { SqlError } from "effect/sql/SqlError"

/**
 * Whether asking again may help. Beside what the client calls retryable that is a server that stops, starts or recovers (`57P01`
 * to `57P03`), and one that has no room for now (`53…`), which the client has no name for.
 *
 * @source Postgres, appendix A "PostgreSQL Error Codes".
 */
export const isTransient = ({ isRetryable, reason }: SqlError): boolean => {
  if (isRetryable) return true
  const { cause } = reason
  const code = Predicate.hasProperty(cause, "code") ? cause.code : undefined
  return typeof code === "string" && /^(57P0[1-3]|53...)$/.test(code)
}
