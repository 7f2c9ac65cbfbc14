/**
 * Errors in spans by their tags: many have a member `name`, of an endpoint, where a tracer looks for the name of the error.
 */
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"

const named = (error: unknown): unknown => {
  if (!(error instanceof Error) || !Predicate.hasProperty(error, "_tag")) return error
  const { _tag: tag, message, name } = error
  if (typeof tag !== "string" || name === tag) return error
  const shown = new Error(message)
  shown.name = tag
  shown.stack = `${tag}: ${message}\n${(error.stack ?? "")
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .join("\n")}`
  return shown
}

/** The tracer, with errors named by their tags. */
export const byTag = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    ...tracer,
    span: (options) => {
      const span = tracer.span(options)
      const end = span.end.bind(span)
      span.end = (endTime, exit) => end(endTime, Exit.isFailure(exit) ? Exit.mapError(exit, named) : exit)
      return span
    }
  })
