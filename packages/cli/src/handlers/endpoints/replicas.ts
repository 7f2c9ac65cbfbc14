/** What `stint endpoints replicas` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Replica } from "@stint/core/ControlPlane"
import { withNear } from "../../EndpointMissing.ts"
import * as Table from "../../ui/Table.ts"
import * as Namespace from "../../Namespace.ts"
import type { Given } from "../../commands/endpoints/replicas.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Array(Replica)))

/** What the command does. */
export const handle = Effect.fn("endpoints.replicas")(function* (given: Given) {
  const endpoints = yield* Namespace.service(given)
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
