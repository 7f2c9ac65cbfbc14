/** Paired rounds: each contender once a round, in an order that the seed decides. */
import { Console, Effect } from "effect"
import type { Measured } from "../measured.ts"
import { random, shuffled } from "./statistics.ts"

/** What each contender measured, round by round. */
export type Rounds<Name extends string> = ReadonlyArray<Readonly<Record<Name, Measured>>>

/**
 * Runs them. Figures of different rounds are not to be compared: a machine has good and bad minutes.
 */
export const paired = Effect.fnUntraced(function* <Name extends string, E, R>(options: {
  readonly what: string
  readonly names: ReadonlyArray<Name>
  readonly rounds: number
  readonly seed: number
  readonly run: (name: Name) => Effect.Effect<Measured, E, R>
}) {
  const next = random(options.seed)
  const done: Array<Readonly<Record<Name, Measured>>> = []
  for (let nth = 1; nth <= options.rounds; nth++) {
    const found = new Map<Name, Measured>()
    for (const name of shuffled(options.names, next)) found.set(name, yield* options.run(name))
    const round = Object.fromEntries(found) as Readonly<Record<Name, Measured>>
    done.push(round)
    const cpu = options.names.map((name) => `${name} ${round[name].microsEach.toFixed(0)}`)
    yield* Console.error(
      `${options.what}, round ${nth} of ${options.rounds}, us of CPU each: ${cpu.join(", ")}`
    )
  }
  return done
})

/** One contender to another, round by round. */
export const ratios = <Name extends string>(
  rounds: Rounds<Name>,
  [over, under]: readonly [Name, Name],
  pick: (one: Measured) => number
): ReadonlyArray<number> => rounds.map((round) => pick(round[over]) / pick(round[under]))
