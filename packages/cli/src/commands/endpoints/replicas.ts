/** `stint endpoints replicas`: the containers that there are. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import { Replica } from "@stint/core/ControlPlane"
import { withNear } from "../../EndpointMissing.ts"
import * as Table from "../../ui/Table.ts"
import * as Target from "./Target.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Replica)))

/** `stint endpoints replicas` */
export const replicas = Command.make(
  "replicas",
  { name: Target.name, ...Target.flags, json: Target.json },
  Effect.fn("endpoints.replicas")(function* (given) {
    const endpoints = yield* Target.service(given)
    const all = yield* withNear(endpoints)(endpoints.replicas(given.name))
    if (given.json) return yield* Console.log(yield* Effect.orDie(encode(all)))
    if (all.length === 0) return yield* Console.error(`${given.name} has no replicas now.`)
    const rows = all.map(({ id, status }) => [
      id,
      status?.stage ?? "-",
      typeof status?.live === "boolean" ? (status.live ? "yes" : "no") : "-"
    ])
    yield* Console.log(Table.format(["replica", "stage", "live"], rows))
  })
).pipe(Command.withDescription("List the replicas, and how far each is"))
