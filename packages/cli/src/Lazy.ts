/**
 * What a command does, loaded when it is done: its name and its flags are all that help, completions and a slip in a flag need.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A handler in a module of its own, which exports it as `handle`. */
export const handler =
  <Input, A, E, R>(load: () => Promise<{ readonly handle: (input: Input) => Effect.Effect<A, E, R> }>) =>
  (input: Input): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.promise(load), ({ handle }) => handle(input))

/** A layer that is loaded when it is built. */
export const layer = <A, E, R>(load: () => Promise<Layer.Layer<A, E, R>>): Layer.Layer<A, E, R> =>
  Layer.unwrap(Effect.promise(load))
