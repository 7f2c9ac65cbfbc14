/**
 * A run's workflow: reads the input and fills the queue, sleeps until somebody says that it is over, and sums up. Four messages
 * of the engine for each attempt, however many rows there are.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import * as Workflow from "effect/workflow/Workflow"

/** The chunks of all runs of one definition. */
const ChunkItem = Schema.Struct({ id: Schema.String, attempt: Schema.Int, number: Schema.Int })

/** A chunk, as the queue has it. */
export type ChunkItem = typeof ChunkItem.Type

/** With so many workers a chunk may go down before its run is stopped for it. */
export const MAX_ATTEMPTS = 5

export const queueName = (definition: string) => `stint/${definition}`

/** The queue of a definition. What failed is tried again in a second, then two, and so on. */
export const queueOf = (definition: string) =>
  PersistedQueue.make({ name: queueName(definition), schema: ChunkItem, maxAttempts: MAX_ATTEMPTS })

export const itemId = ({ attempt, id, number }: ChunkItem) => `${id}/${attempt}/${number}`

/** Said once, by whoever sees it first: nothing is left to be done, or the attempt was stopped. */
export const Settled = DurableDeferred.make("settled")

/**
 * The workflow of a definition. An attempt is another execution: a failed one is remembered under its key for ever.
 */
export const workflowOf = (definition: string) =>
  Workflow.make(`stint/${definition}`, {
    payload: { id: Schema.String, attempt: Schema.Int },
    idempotencyKey: ({ attempt, id }) => `${id}/${attempt}`,
    suspendedRetrySchedule: Schedule.spaced("1 second")
  })

/** By which the end of an attempt is told. */
export const tokenOf = (definition: string, payload: { readonly id: string; readonly attempt: number }) =>
  DurableDeferred.tokenFromPayload(Settled, { workflow: workflowOf(definition), payload })

const Token = Schema.decodeUnknownSync(DurableDeferred.Token)

/** Tells that an attempt is over. May be said often. */
export const settle = (token: string | undefined) =>
  token === undefined ? Effect.void : DurableDeferred.done(Settled, { token: Token(token), exit: Exit.void })
