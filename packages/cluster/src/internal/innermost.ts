/** What went wrong, in the words of whoever knows best. */
import * as Predicate from "effect/Predicate"

/** The message of the first cause: a database's own, where it has answered. */
export const innermost = (error: unknown): string => {
  const cause = Predicate.isError(error) ? error.cause : undefined
  if (cause !== undefined && cause !== error) return innermost(cause)
  return Predicate.isError(error) ? error.message : String(error)
}
