/**
 * Changing the state of several endpoints at once: each is told of by what the server says, and none keeps another from its
 * turn.
 */
import * as Console from "effect/Console"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Endpoints from "@stint/core/Endpoints"
import { withNear } from "../../EndpointMissing.ts"
import { ExitCode, decidingError, fromCause } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import * as Held from "../../Held.ts"
import * as Attended from "./attended.ts"

/** What became of one endpoint. */
const Outcome = Schema.Struct({
  name: Schema.String,
  ok: Schema.Boolean,
  /** The state that the server names; `deleted`, or `null` where it is not known. */
  state: Schema.NullOr(Schema.String),
  error: Schema.NullOr(Schema.String),
  /** The runs that used it when it was asked to stop; nothing where it was not. */
  heldBy: Schema.optional(Schema.Array(Held.Holder))
})

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Outcome)))

/** Asked at once, since every second of waiting is billed; not more, since the API counts calls. */
const AT_ONCE = 8

const messageOf = (cause: Cause.Cause<unknown>) =>
  Option.match(decidingError(cause), {
    onNone: () => Cause.pretty(cause),
    onSome: (error) => (Predicate.isError(error) ? error.message : String(error))
  })

/** The worst of the codes: what may still be billed first, then what failed first. */
const worst = (codes: ReadonlyArray<number>) =>
  codes.includes(ExitCode.releaseUnconfirmed)
    ? ExitCode.releaseUnconfirmed
    : (codes.find((code) => code !== ExitCode.success) ?? ExitCode.success)

/**
 * Does `change` to each of the endpoints, which gives the state that it then is in. Where it `stops` the bill, a failure that is
 * no refusal means that the endpoint may still be billed; a run that uses the endpoint is told of with `inUse`, which says what
 * becomes of it.
 */
export const each = Effect.fnUntraced(function* <E, R>(options: {
  readonly endpoints: Endpoints.Service
  readonly names: ReadonlyArray<string>
  readonly json: boolean
  readonly stops: boolean
  readonly inUse?: string | undefined
  readonly change: (name: string) => Effect.Effect<{ readonly state: string; readonly words: string }, E, R>
}) {
  const { change, endpoints, stops } = options
  const names = [...new Set(options.names)]
  const status = yield* ExitStatus
  const left = new Set(names)
  const one = Effect.fnUntraced(function* (name: string) {
    const heldBy = stops ? yield* Held.of(endpoints, name) : undefined
    if (heldBy !== undefined && options.inUse !== undefined) yield* Held.warn(name, heldBy, options.inUse)
    const exit = yield* Effect.exit(withNear(endpoints)(change(name)))
    left.delete(name)
    if (Exit.isSuccess(exit)) {
      if (!options.json) yield* Console.log(`${name}: ${exit.value.words}`)
      return {
        code: ExitCode.success,
        outcome: { name, ok: true, state: exit.value.state, error: null, heldBy }
      }
    }
    if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.failCause(exit.cause)
    const code = fromCause(exit.cause)
    const isMissing = Option.exists(
      decidingError(exit.cause),
      (error) => Predicate.hasProperty(error, "_tag") && error._tag === "EndpointMissing"
    )
    const isOpen = stops && !isMissing && code !== ExitCode.refused
    const error = messageOf(exit.cause)
    yield* Console.error(`${name}: ${isOpen ? "MAY STILL BE BILLED: " : ""}${error}`)
    return {
      code: isOpen ? ExitCode.releaseUnconfirmed : code,
      outcome: { name, ok: false, state: null, error, heldBy }
    }
  })
  const all = Effect.gen(function* () {
    const done = yield* Effect.forEach(names, one, { concurrency: AT_ONCE })
    if (options.json) yield* Console.log(yield* Effect.orDie(encode(done.map(({ outcome }) => outcome))))
    const code = worst(done.map(({ code }) => code))
    if (code !== ExitCode.success) yield* Ref.set(status, code)
  })
  yield* Attended.untilSignal(
    all,
    () => `not confirmed: ${[...left].join(", ") || "nothing"}. Look with: stint endpoints list`
  )
})
