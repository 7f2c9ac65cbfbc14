/**
 * The ways a run can end, each with what brings it about. Those that only a program of one's own can meet are met by a small
 * one on the library; the others by the command.
 */
import { Effect } from "effect"
import * as Disk from "./Disk.ts"
import type { Network, Weather } from "./Network.ts"
import type { Kind, Running } from "./Process.ts"

/** How long network and API are away, and how long the event loop stands still. */
const OUTAGE_SECONDS = 30
const BLOCK_SECONDS = 60

/** What an end can act upon. */
export interface Scene {
  readonly program: Running
  readonly network: Network
  readonly home: string
}

/** One way to end. */
export interface End {
  readonly name: string
  /** Which program meets it. */
  readonly kind: Kind
  /** Brings it about; `during` is what goes on behind it. */
  readonly act: (scene: Scene) => Effect.Effect<void>
  readonly during?: (scene: Scene) => Effect.Effect<void>
  readonly env?: Record<string, string>
  /** It needs a disk that can be filled. */
  readonly needsDisk?: true
  /** It takes the program a while to die of it, and its end is its death. */
  readonly isAgony?: true
  /** Nobody can release the endpoint before it is over: not the guardian either. */
  readonly isOutOfReach?: true
  /** Why an endpoint may run on longer than ten seconds. */
  readonly why?: string
}

const order = (name: string, line: string): End => ({
  name,
  kind: "library",
  act: ({ program }) => program.order(line)
})

/** Presses of a person are further apart than two signals of one press. */
const BETWEEN_PRESSES = "250 millis"

const signals = (name: string, signal: NodeJS.Signals, times: number): End => ({
  name,
  kind: "command",
  act: ({ program }) =>
    Effect.forEach(
      Array.from({ length: times }, (_, i) => i),
      (i) => Effect.andThen(i === 0 ? Effect.void : Effect.sleep(BETWEEN_PRESSES), program.kill(signal)),
      { discard: true }
    )
})

const injected = (name: string, env: Record<string, string>, more: Partial<End>): End => ({
  ...more,
  name,
  kind: "command",
  act: ({ program }) => program.kill("SIGUSR2"),
  env: {
    ...env,
    NODE_OPTIONS: `--max-old-space-size=256 --import=${new URL("inject.ts", import.meta.url).href}`
  }
})

const outage = (name: string, weather: Weather, why: string): End => ({
  name: `${name} for ${OUTAGE_SECONDS} s`,
  kind: "command",
  act: ({ network }) => network.set(weather),
  during: ({ network }) => Effect.delay(network.set("fair"), `${OUTAGE_SECONDS} seconds`),
  why
})

/** All of them. */
export const ends: ReadonlyArray<End> = [
  order("success", "succeed"),
  order("typed failure", "fail"),
  order("defect", "die"),
  order("interrupt", "interrupt"),
  signals("SIGINT", "SIGINT", 1),
  signals("SIGINT twice", "SIGINT", 2),
  signals("SIGINT three times", "SIGINT", 3),
  signals("SIGTERM", "SIGTERM", 1),
  signals("SIGHUP", "SIGHUP", 1),
  signals("SIGKILL", "SIGKILL", 1),
  injected("heap exhausted", { RELIABILITY_END: "heap" }, { isAgony: true }),
  injected(
    `event loop blocked for ${BLOCK_SECONDS} s`,
    { RELIABILITY_END: "block", RELIABILITY_BLOCK_MILLIS: String(BLOCK_SECONDS * 1000) },
    {
      why: "the run is not over: it stands still, goes on afterwards, and releases the endpoint when its rows are done. Its guardian leaves it alone, because it may go on at any moment"
    }
  ),
  {
    name: "disk full",
    kind: "command",
    needsDisk: true,
    act: ({ home }) => Disk.fill(home)
  },
  outage(
    "network gone",
    "cut",
    "no call reaches the API, so nobody can stop the bill from here. Run and guardian try until it is back"
  ),
  outage(
    "API down",
    "down",
    "every pause is answered 500, so nobody can stop the bill. Run and guardian try until it is back"
  ),
  {
    name: "token revoked",
    kind: "command",
    isOutOfReach: true,
    act: ({ network }) => network.set("revoked"),
    why: "no call of a revoked token is carried out, so nothing that was started with it can stop the bill. The command says so in its last line, with exit code 5 and the command that ends it with another token. If nobody does, the endpoint scales to zero by itself after 15 minutes without a request"
  }
]
