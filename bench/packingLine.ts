/** What a client of the packing bench has to say: of each number of texts a request, what a text cost. */
import { Schema } from "effect"

export const Sized = Schema.Struct({
  size: Schema.Int,
  /** Of the processor, kernel included. */
  microsEach: Schema.Finite,
  perSecond: Schema.Finite
})

export type Sized = typeof Sized.Type

export const Line = Schema.fromJsonString(Schema.Array(Sized))
