/**
 * The terminal that a run is shown on.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** Where the view writes: stderr, and whether lines there can be drawn over. Its size may change at any time. */
export class Screen extends Context.Service<
  Screen,
  {
    readonly write: (text: string) => Effect.Effect<void>
    readonly canRedraw: boolean
    readonly columns: number
    /** Lines; where there are too few for all that is to be seen, it is one line. */
    readonly rows?: number | undefined
    readonly canColor?: boolean | undefined
  }
>()("@stint/cli/ui/Screen") {}
