/**
 * Tries seeds: `npm run chaos -- --seeds 1000 --from 0`, one with its story: `--seed 42 --verbose`, or with the
 * smallest one: `--seed 42 --shrink`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Duration, Effect, Option, Runtime, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Schedule from "./Schedule.ts"
import * as Seeds from "./Seeds.ts"
import * as Shrink from "./Shrink.ts"

class Violated extends Schema.TaggedError<Violated>()("Violated", { seeds: Schema.Array(Schema.Int) }) {
  override get message() {
    return `${this.seeds.length} seeds violate what must hold: ${this.seeds.slice(0, 20).join(", ")}`
  }
  override get [Runtime.errorExitCode]() {
    return 1
  }
}

const say = Effect.fnUntraced(function* (seed: number, violations: ReadonlyArray<string>) {
  yield* Console.log(`\nseed ${seed}: npm run chaos -- --seed ${seed} --verbose`)
  yield* Console.log(Schedule.describe(Schedule.make(seed)))
  for (const violation of violations) yield* Console.log(`  ✗ ${violation}`)
})

const sayShrunk = Effect.fnUntraced(function* (seed: number) {
  const shrunk = yield* Shrink.shrink(Schedule.make(seed))
  if (shrunk !== undefined) yield* Console.log(`\n${Shrink.describe(shrunk)}`)
})

const whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const chaos = Command.make(
  "chaos",
  {
    seeds: Flag.Int("seeds").pipe(
      Flag.withDescription("How many seeds to try"),
      Flag.withSchema(whole),
      Flag.withDefault(1000)
    ),
    from: Flag.Int("from").pipe(
      Flag.withDescription("The first seed"),
      Flag.withSchema(whole),
      Flag.withDefault(0)
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("One seed alone"),
      Flag.withSchema(whole),
      Flag.optional
    ),
    first: Flag.Boolean("first").pipe(
      Flag.withDescription("Stop at the first seed that violates something"),
      Flag.withDefault(false)
    ),
    shrink: Flag.Boolean("shrink").pipe(
      Flag.withDescription("Reduce the seed to the smallest story that violates the same"),
      Flag.withDefault(false)
    ),
    verbose: Flag.Boolean("verbose").pipe(
      Flag.withDescription("Print what happened in the seed, step by step"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ first, from, seed, seeds, shrink, verbose }) {
    if (Option.isSome(seed)) {
      const result = yield* Seeds.one(seed.value, { isVerbose: verbose })
      for (const line of result.story) yield* Console.log(line)
      yield* say(seed.value, result.violations)
      yield* Console.log(
        `  processes: ${result.ends.join(", ")}; ${result.calls} calls; trace ${result.trace}`
      )
      if (result.violations.length > 0) {
        if (shrink) yield* sayShrunk(seed.value)
        return yield* new Violated({ seeds: [seed.value] })
      }
      return yield* Console.log("  ✓ everything holds")
    }
    let isShrunk = false
    const [took, sums] = yield* Effect.timed(
      Seeds.many(from, seeds, (result, count) =>
        result.violations.length > 0
          ? Effect.gen(function* () {
              yield* say(result.seed, result.violations)
              if (!isShrunk) yield* sayShrunk(result.seed)
              isShrunk = true
              if (first) return yield* new Violated({ seeds: [result.seed] })
            })
          : count % 500 === 0
            ? Console.log(`${count} of ${seeds} seeds`)
            : Effect.void
      )
    )
    yield* Console.log(
      `\n${seeds} seeds from ${from} on in ${Duration.format(took)}: ${sums.processes} processes, ${sums.killed} killed, ${sums.calls} calls, ${Math.round(sums.virtualMillis / 3_600_000)} virtual hours`
    )
    yield* Console.log(Seeds.summary(sums))
    if (sums.violating.length > 0) return yield* new Violated({ seeds: sums.violating })
    return yield* Console.log("everything holds")
  })
).pipe(Command.withDescription("Tries batches in virtual time under everything that may go wrong"))

NodeRuntime.runMain(chaos.pipe(Command.run({ version: "0.0.0" }), Effect.provide(NodeServices.layer)))
