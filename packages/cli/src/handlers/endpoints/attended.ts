/** Commands that go on for a while, and what is said when they are left with Ctrl-C. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { signalCodes } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import { Signals } from "../../Signals.ts"

/** Does it until it is done or a signal comes; `words` say then how things stand. */
export const untilSignal = Effect.fnUntraced(function* <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  words: () => string
) {
  const signals = yield* Signals
  const status = yield* ExitStatus
  const stopped = Effect.gen(function* () {
    const signal = yield* signals.first
    yield* Console.error(`${signal}: ${words()}`)
    yield* Ref.set(status, signalCodes[signal])
  })
  yield* Effect.raceFirst(Effect.asVoid(effect), stopped)
})
