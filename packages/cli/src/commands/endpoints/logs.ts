/** `stint endpoints logs`: what its containers write. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { LogRecord } from "@stint/core/Logs"
import { withNear } from "../../EndpointMissing.ts"
import * as Attended from "./attended.ts"
import * as Target from "./Target.ts"

const optional = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.optional)

const flags = {
  name: Target.name,
  ...Target.flags,
  tail: Flag.Int("tail").pipe(
    Flag.withDescription("Only the last so many lines"),
    Flag.withSchema(Schema.Int.check(Schema.isGreaterThan(0))),
    Flag.optional
  ),
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("Go on with the lines that come, until Ctrl-C"),
    Flag.withDefault(false)
  ),
  replica: optional("replica", 'Only those of one replica; see "stint endpoints replicas"'),
  level: optional("level", "Only those of a level, as in error"),
  search: optional("search", "Only those that have this in them, in capitals or not"),
  since: optional("since", "Only those from a moment on, as in 2026-02-03T04:05:06Z"),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each record: time, level, stream, replica, line"),
    Flag.withDefault(false)
  )
}

const encode = Schema.encodeEffect(Schema.fromJsonString(LogRecord))

/** `stint endpoints logs` */
export const logs = Command.make(
  "logs",
  flags,
  Effect.fn("endpoints.logs")(function* (given) {
    const { name } = given
    const endpoints = yield* Target.service(given)
    const near = withNear(endpoints)
    const options = {
      tail: Option.getOrUndefined(given.tail),
      replica: Option.getOrUndefined(given.replica),
      level: Option.getOrUndefined(given.level),
      search: Option.getOrUndefined(given.search),
      since: Option.getOrUndefined(given.since)
    }
    const write = (record: LogRecord) =>
      given.json
        ? Effect.flatMap(Effect.orDie(encode(record)), (line) => Console.log(line))
        : Console.log(record.line.replace(/\r?\n$/, ""))
    if (given.follow) {
      const following = near(Stream.runForEach(endpoints.followLogs(name, options), write))
      return yield* Attended.untilSignal(following, () => `no longer following ${name}.`)
    }
    const isPlain =
      !given.json && Option.isNone(given.level) && Option.isNone(given.search) && Option.isNone(given.since)
    if (!isPlain) {
      const records = yield* near(endpoints.logRecords(name, options))
      return yield* Effect.forEach(records, write, { discard: true })
    }
    // The plain log is the one that every deployment keeps.
    const text = yield* near(endpoints.logs(name, { tail: options.tail, replica: options.replica }))
    if (text.trim() === "") return yield* Console.error(`${name} has written nothing yet.`)
    yield* Console.log(text.replace(/\r?\n$/, ""))
  })
).pipe(
  Command.withDescription("Show what an endpoint's containers write"),
  Command.withExamples([
    { command: "stint endpoints logs batch --tail 50", description: "The end of it" },
    { command: "stint endpoints logs batch --follow --level error", description: "Errors, as they come" }
  ])
)
