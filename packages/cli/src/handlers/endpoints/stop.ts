/** What `stint endpoints pause` and `scale-to-zero` do: the end of a bill, read back. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as Endpoints from "@stint/core/Endpoints"
import type { Given } from "../../commands/endpoints/stop.ts"
import * as Target from "../../commands/endpoints/Target.ts"
import * as Namespace from "../../Namespace.ts"
import * as Steer from "./steer.ts"
import * as Waiting from "./waiting.ts"

/** How long the server may take to be in the state that it was asked for. */
const SETTLES = Duration.minutes(1)

/** What the server answers is believed when it says so; else it is asked until it does. */
const confirmed = (endpoints: Endpoints.Service, name: string, state: string) => (answer: Endpoint) =>
  answer.state === state ? Effect.succeed(answer) : Waiting.untilState(endpoints, name, state, SETTLES)

/** Puts endpoints into a state in which nothing is billed. */
const stop = (
  verb: string,
  state: "paused" | "scaledToZero",
  call: (endpoints: Endpoints.Service, name: string) => ReturnType<Endpoints.Service["pause"]>,
  whatStarts: (name: string, given: Given) => string,
  inUse: string
) =>
  Effect.fn(`endpoints.${verb}`)(function* (given: Given) {
    const endpoints = yield* Namespace.service(given)
    yield* Steer.each({
      endpoints,
      names: given.names,
      json: given.json,
      stops: true,
      inUse,
      change: (name) =>
        call(endpoints, name).pipe(
          Effect.flatMap(confirmed(endpoints, name, state)),
          Effect.map(({ state }) => ({
            state,
            words: `${state}, nothing is billed${whatStarts(name, given)}`
          }))
        )
    })
  })

/** Pauses them. */
export const pause = stop(
  "pause",
  "paused",
  (endpoints, name) => endpoints.pause(name),
  (name, given) => `. To start it: ${Target.commandLine("resume", name, given)}`,
  "It is paused all the same: that run stops with exit code 7 and keeps its work, unless its --on-foreign-pause says resume."
)

/** Scales them to zero. */
export const scaleToZero = stop(
  "scale-to-zero",
  "scaledToZero",
  (endpoints, name) => endpoints.scaleToZero(name),
  () => " until a request wakes it",
  "It is scaled to zero all the same: the next request of that run wakes it again, and pays for the boot."
)
