/**
 * The options that say how an endpoint is held, and what becomes of it.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Terminal from "effect/Terminal"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import type * as Leases from "@stint/batch/Leases"
import type * as ManagedEndpoint from "@stint/batch/ManagedEndpoint"
import type { Endpoint } from "@stint/core/Endpoint"
import { ShortDuration } from "./ShortDuration.ts"
import { Signals } from "./Signals.ts"

const policies = ["pause", "restore", "scale-to-zero", "delete", "keep"] as const
/** A policy by its word on the command line. */
export const policyOf = {
  pause: "pause",
  restore: "restore",
  "scale-to-zero": "scaleToZero",
  delete: "delete",
  keep: "keep"
} as const

/** What becomes of the endpoint where `--on-release` is not given. Unlike the flag it is no leave to use a running one. */
export const DefaultRelease = Context.Reference<"pause" | "restore" | "scale-to-zero">(
  "@stint/cli/LeaseFlags/DefaultRelease",
  { defaultValue: () => "pause" }
)

/** The options. */
export const flags = {
  onRelease: Flag.Literals("on-release", policies).pipe(
    Flag.withDescription(
      "What becomes of the endpoint in the end: pause unless it is given; keep leaves it running and billed"
    ),
    Flag.optional
  ),
  readyTimeout: Flag.String("ready-timeout").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription("How long the endpoint may take to be ready, as in 30m; 20m by default"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.minutes(20))
  ),
  onForeignPause: Flag.Literals("on-foreign-pause", ["stop", "resume"]).pipe(
    Flag.withDescription(
      "When somebody else pauses the endpoint during the run: stop and keep the work (the default), or wake it again"
    ),
    Flag.withDefault("stop")
  ),
  onLeased: Flag.Literals("on-leased", ["refuse", "join", "wait"]).pipe(
    Flag.withDescription(
      "When another process of this machine holds the endpoint: refuse (the default), hold it together (the last one out releases it), or wait"
    ),
    Flag.withDefault("refuse")
  ),
  backstop: Flag.Literals("backstop", ["warn", "set"]).pipe(
    Flag.withDescription(
      "An endpoint that never falls asleep by itself: say so (the default), or change that for the run while it sleeps"
    ),
    Flag.withDefault("warn")
  )
}

interface Given {
  readonly onRelease: Option.Option<(typeof policies)[number]>
  readonly readyTimeout: Duration.Duration
  readonly onForeignPause: "stop" | "resume"
  readonly onLeased: Leases.WhenLeased
  readonly backstop: "warn" | "set"
}

/**
 * The options as `withEndpoint` takes them. A running endpoint that may be a colleague's is adopted when `--on-release` was
 * given, or when the question is answered so; without a terminal it is refused.
 */
export const toOptions = Effect.fnUntraced(function* (given: Given) {
  const { canPrompt } = yield* TerminalCapabilities
  const terminal = yield* Effect.context<Prompt.Environment | Terminal.Terminal>()
  const signals = yield* Signals
  const release = yield* DefaultRelease
  /** A terminal that asks hands Ctrl-C on as a key: here it is the signal again, and ends the line of the question. */
  const leave = Effect.flatMap(Terminal.Terminal, ({ display }) => Effect.ignore(display("\n"))).pipe(
    Effect.andThen(Effect.sync(() => signals.raise("SIGINT"))),
    Effect.andThen(Effect.never)
  )
  const ask = ({ name, state }: Endpoint) =>
    Prompt.run(
      Prompt.Confirm({
        message: `Endpoint ${name} is ${state} already, and not by this program. Use it, and pause it in the end?`
      })
    ).pipe(
      Effect.catchTag("QuitError", () => leave),
      Effect.provideContext(terminal)
    )
  return {
    onRelease: Option.match(given.onRelease, {
      onNone: () => policyOf[release],
      onSome: (one) => policyOf[one]
    }),
    readyTimeout: given.readyTimeout,
    onForeignPause: given.onForeignPause,
    whenLeased: given.onLeased,
    backstop: given.backstop,
    mayAdopt: (endpoint: Endpoint) =>
      Option.isSome(given.onRelease)
        ? Effect.succeed(true)
        : canPrompt
          ? ask(endpoint)
          : Effect.succeed(false)
  } satisfies Partial<ManagedEndpoint.Options>
})
