/**
 * One attempt of a job: what is sent, and what its answer is worth.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { Fault } from "../../Fault.ts"
import type { Job, Usage } from "../../Job.ts"
import type { Codec } from "./entry.ts"
import type { Pack } from "../packing/pack.ts"

/** An output, how it is written down (none where it cannot be), and what it has cost where that is known. */
export interface Produced<Out> {
  readonly output: Out
  readonly encoded: Option.Option<Schema.Json>
  readonly usage?: Usage | undefined
}

/** What became of an item. */
export type Fate<Out, E> = Result.Result<Produced<Out>, E | Fault>

const otherLength = (found: number, usual: number) =>
  new Fault({
    reason: "config",
    detail: `the answer has ${found} numbers where this run's others have ${usual}: another model, or another revision of it, answers. Look at what the endpoint serves, and run again`
  })

const otherCount = (found: number, asked: number) =>
  new Fault({ reason: "engine", detail: `${found} outputs for ${asked} inputs` })

export const make = <In, Out, E, R>(job: Job<In, Out, E, R>, encode: Codec<Out>["encode"]) => {
  const { lengthOf, pack: packing, usage } = job
  /** How long outputs are in this run. */
  let usual: number | undefined

  /** The length that most of the first answers have decides. */
  const learn = (outputs: ReadonlyArray<Out>) => {
    if (usual !== undefined || lengthOf === undefined) return
    const counts = new Map<number, number>()
    for (const output of outputs) {
      const length = lengthOf(output)
      if (length !== undefined) counts.set(length, (counts.get(length) ?? 0) + 1)
    }
    let most = 0
    for (const [length, count] of counts) {
      if (count <= most) continue
      most = count
      usual = length
    }
  }

  const misfitOf = (output: Out): Fault | undefined => {
    const length = lengthOf?.(output)
    if (length === undefined) return undefined
    usual ??= length
    return length === usual ? undefined : otherLength(length, usual)
  }

  const fateOf = (output: Out): Fate<Out, E> => {
    const misfit = misfitOf(output)
    if (misfit !== undefined) return Result.fail(misfit)
    return Result.succeed({ output, encoded: encode(output), usage: usage?.(output) })
  }

  /** The fates of a pack's items, in their order, where the answer is one. */
  return ({ rows }: Pack<In>): Effect.Effect<ReadonlyArray<Fate<Out, E>>, E | Fault, R> =>
    Effect.suspend((): Effect.Effect<ReadonlyArray<Fate<Out, E>>, E | Fault, R> => {
      if (rows.length === 1 || packing === undefined) {
        return Effect.map(job.run(rows[0].item), (output) => [fateOf(output)])
      }
      return Effect.flatMap(packing.run(rows.map(({ item }) => item)), (outputs) =>
        outputs.length === rows.length
          ? Effect.sync(() => {
              learn(outputs)
              return outputs.map(fateOf)
            })
          : Effect.fail(otherCount(outputs.length, rows.length))
      )
    })
}

/** What an answer has cost in all, where its outputs tell. */
export const usageOf = (fates: ReadonlyArray<Fate<unknown, unknown>>): Usage | undefined => {
  let input: number | undefined
  let output: number | undefined
  for (const fate of fates) {
    const usage = Result.isSuccess(fate) ? fate.success.usage : undefined
    if (usage?.inputTokens !== undefined) input = (input ?? 0) + usage.inputTokens
    if (usage?.outputTokens !== undefined) output = (output ?? 0) + usage.outputTokens
  }
  return input === undefined && output === undefined
    ? undefined
    : { inputTokens: input, outputTokens: output }
}
