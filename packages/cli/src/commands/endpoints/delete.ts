/** `stint endpoints delete`: for good, so it asks for the name. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { withNear } from "../../EndpointMissing.ts"
import { EndpointsRefused } from "../../EndpointsRefused.ts"
import { ExitCode } from "../../ExitCode.ts"
import { ExitStatus } from "../../ExitStatus.ts"
import * as Steer from "./steer.ts"
import * as Target from "./Target.ts"

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

/** `stint endpoints delete` */
const remove = Command.make(
  "delete",
  {
    names: Target.names,
    ...Target.flags,
    yes: Flag.Boolean("yes").pipe(
      Flag.withAlias("y"),
      Flag.withDescription("Do not ask for the name; needed where there is no terminal"),
      Flag.withDefault(false)
    ),
    json: Target.json
  },
  Effect.fn("endpoints.delete")(function* (given) {
    const endpoints = yield* Target.service(given)
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
      change: (name) => Effect.as(endpoints.delete(name), { state: "deleted", words: "deleted" })
    })
    if (names.length < new Set(given.names).size) {
      const status = yield* ExitStatus
      yield* Ref.update(status, (code) => (code === ExitCode.success ? ExitCode.refused : code))
    }
  })
).pipe(
  Command.withDescription("Delete endpoints for good"),
  Command.withExamples([
    { command: "stint endpoints delete batch", description: "Asks for the name first" },
    { command: "stint endpoints delete batch --yes", description: "For a script" }
  ])
)

export { remove as delete }
