/** What `stint endpoints delete` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { withNear } from "../../EndpointMissing.ts"
import { EndpointsRefused } from "../../EndpointsRefused.ts"
import { ExitCode } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import * as Held from "../../Held.ts"
import * as Steer from "./steer.ts"
import * as Namespace from "../../Namespace.ts"
import type { Given } from "../../commands/endpoints/delete.ts"

/** Whether the name was typed again. */
const isMeant = (name: string) =>
  Effect.map(
    Prompt.run(
      Prompt.String({
        message: `Deleting ${name} takes its configuration, logs and metrics. Type its name to go on:`
      })
    ),
    (typed) => typed.trim() === name
  )

/** What becomes of a run that uses it. */
const IN_USE =
  "Deleted, it takes that run with it: what is done is kept in the run's folder, the rest is not."

/** What the command does. */
export const handle = Effect.fn("endpoints.delete")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
  const names: Array<string> = []
  if (!given.yes) {
    const { canPrompt } = yield* TerminalCapabilities
    if (!canPrompt) {
      return yield* new EndpointsRefused({
        command: "delete",
        detail:
          "deleting is for good, and there is no terminal to ask on. Run it again with --yes, or pause the endpoint: that ends its bill as well"
      })
    }
  }
  for (const name of new Set(given.names)) {
    if (!given.yes) {
      // What is not there is told before anything is typed.
      yield* withNear(endpoints)(endpoints.get(name))
      yield* Held.warn(name, yield* Held.of(endpoints, name), IN_USE)
      if (!(yield* isMeant(name))) {
        yield* Console.error(`${name}: that is not its name; it is not deleted.`)
        continue
      }
    }
    names.push(name)
  }
  yield* Steer.each({
    endpoints,
    names,
    json: given.json,
    stops: true,
    // Who was asked was told with the question.
    inUse: given.yes ? IN_USE : undefined,
    change: (name) => Effect.as(endpoints.delete(name), { state: "deleted", words: "deleted" })
  })
  if (names.length < new Set(given.names).size) {
    const status = yield* ExitStatus
    yield* Ref.update(status, (code) => (code === ExitCode.success ? ExitCode.refused : code))
  }
})
