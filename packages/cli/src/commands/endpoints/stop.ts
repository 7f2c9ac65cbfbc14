/** `stint endpoints pause` and `scale-to-zero`: the end of a bill, read back. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import type { Endpoint } from "@stint/core/Endpoint"
import type * as Endpoints from "@stint/core/Endpoints"
import * as Steer from "./steer.ts"
import * as Target from "./Target.ts"
import * as Waiting from "./waiting.ts"

/** How long the server may take to be in the state that it was asked for. */
const SETTLES = Duration.minutes(1)

/** What the server answers is believed when it says so; else it is asked until it does. */
const confirmed = (endpoints: Endpoints.Service, name: string, state: string) => (answer: Endpoint) =>
  answer.state === state ? Effect.succeed(answer) : Waiting.untilState(endpoints, name, state, SETTLES)

const flags = { names: Target.names, ...Target.flags, json: Target.json }

type Given = Command.Command.Config.Infer<typeof flags>

/** A command that puts endpoints into a state in which nothing is billed. */
const stop = (
  name: string,
  state: "paused" | "scaledToZero",
  call: (endpoints: Endpoints.Service, name: string) => ReturnType<Endpoints.Service["pause"]>,
  whatStarts: (name: string, given: Given) => string
) =>
  Command.make(
    name,
    flags,
    Effect.fn(`endpoints.${name}`)(function* (given) {
      const endpoints = yield* Target.service(given)
      yield* Steer.each({
        endpoints,
        names: given.names,
        json: given.json,
        stops: true,
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
  )

/** `stint endpoints pause` */
export const pause = stop(
  "pause",
  "paused",
  (endpoints, name) => endpoints.pause(name),
  (name, given) => `. To start it: ${Target.commandLine("resume", name, given)}`
).pipe(
  Command.withDescription("Stop endpoints and their bill until they are resumed"),
  Command.withExamples([
    {
      command: "stint endpoints pause a b c",
      description: "All three at once; exit code 5 unless all are paused"
    }
  ])
)

/** `stint endpoints scale-to-zero` */
export const scaleToZero = stop(
  "scale-to-zero",
  "scaledToZero",
  (endpoints, name) => endpoints.scaleToZero(name),
  () => " until a request wakes it"
).pipe(Command.withDescription("Stop endpoints and their bill until the next request"))
