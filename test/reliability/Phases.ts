/**
 * The phases of a run, and how a run is brought into each: held there by the network, by a slow boot or by slow rows, so
 * that what ends it comes while it is in it.
 */
import { Emulator } from "@stint/emulator"
import { Effect, Schedule } from "effect"
import type { Network } from "./Network.ts"
import type { Running } from "./Process.ts"

/** The phases, in order. */
export const phases = [
  "before create",
  "create in flight",
  "created",
  "waiting",
  "ready",
  "running",
  "draining",
  "releasing"
] as const

/** Where a run is. */
export type Phase = (typeof phases)[number]

/** How long the boot of an endpoint takes; the first quarter it is `pending`, and not billed. */
export const boot = "2400 millis"

const HELD = 1500

/** So many rows are answered at once, the others after so long. */
export const pace = (phase: Phase) =>
  phase === "draining"
    ? { quick: 8, slowMillis: 3000 }
    : phase === "running"
      ? { quick: 8, slowMillis: 250 }
      : { quick: Infinity, slowMillis: 0 }

/** Prepares the network for a phase, before the program is started. */
export const prepare = (phase: Phase, network: Network): Effect.Effect<void> => {
  switch (phase) {
    case "before create":
      return network.hold("get", HELD, 1)
    case "create in flight":
      return network.hold("create", HELD, 1)
    case "ready":
      return network.hold("infer", HELD, 4)
    case "releasing":
      return network.hold("pause", HELD, 1)
    default:
      return Effect.void
  }
}

const state = Effect.flatMap(Emulator.Emulator, ({ endpoints }) =>
  Effect.map(endpoints, (all) => all[0]?.state)
)

/** Waits until the program is in a phase. */
export const reached = Effect.fnUntraced(function* (phase: Phase, network: Network, program: Running) {
  switch (phase) {
    case "before create":
      return yield* network.seen("get", 1)
    case "create in flight":
      return yield* network.seen("create", 1)
    case "created":
      return yield* network.answered("create", 1)
    case "waiting":
      return yield* Effect.asVoid(
        Effect.repeat(state, {
          until: (now) => now === "initializing",
          schedule: Schedule.spaced("10 millis")
        })
      )
    case "ready":
      return yield* network.seen("infer", 1)
    case "running":
      return yield* network.seen("infer", 16)
    case "draining":
      yield* network.seen("infer", 12)
      return yield* program.drain
    case "releasing":
      return yield* network.seen("pause", 1)
  }
})
