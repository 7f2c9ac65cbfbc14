/**
 * What became of one item. A failed item is a value, not the end of a stream.
 */
import type { Fault } from "./Fault.ts"

interface Common<In> {
  readonly key: string
  readonly input: In
  /** Requests that were charged to the item; waiting for a cold endpoint charges none. */
  readonly attempts: number
  /** From the first attempt to the last answer. */
  readonly durationMillis: number
}

/** The item was done. */
export interface Succeeded<In, Out> extends Common<In> {
  readonly _tag: "Succeeded"
  readonly output: Out
}

/** The item could not be done, for a reason of its own or after the last try. */
export interface Failed<In, E> extends Common<In> {
  readonly _tag: "Failed"
  readonly error: E | Fault
}

/** The journal held the item's output already: nothing was sent. */
export interface Skipped<In> extends Common<In> {
  readonly _tag: "Skipped"
}

/** What became of one item. */
export type Outcome<In, Out, E = never> = Succeeded<In, Out> | Failed<In, E> | Skipped<In>
