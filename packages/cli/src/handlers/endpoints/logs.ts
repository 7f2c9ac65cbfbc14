/** What `stint endpoints logs` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LogRecord } from "@stint/core/Logs"
import { withNear } from "../../EndpointMissing.ts"
import * as Attended from "./attended.ts"
import * as Namespace from "../../Namespace.ts"
import { readerGone } from "../../ReaderGone.ts"
import type { Given } from "../../commands/endpoints/logs.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(LogRecord))

/** What the command does. */
export const handle = Effect.fn("endpoints.logs")(function* (given: Given) {
  const { name } = given
  const endpoints = yield* Namespace.service(given)
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
    const read = Effect.raceFirst(following, readerGone)
    return yield* Attended.untilSignal(read, () => `no longer following ${name}.`)
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
