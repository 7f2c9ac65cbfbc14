/** What `stint leases` does. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { LeaseRecords } from "@stint/batch/node"
import * as DamagedRecords from "../DamagedRecords.ts"
import * as LeaseTable from "../ui/LeaseTable.ts"
import * as Width from "../ui/Width.ts"
import type { Given } from "../commands/leases.ts"

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** What a program may want to know; nothing that is not there is `null`. */
const toJson = (lease: LeaseRecords.Lease) => ({
  endpoint: `${lease.namespace}/${lease.name}`,
  api: lease.apiUrl,
  standing: lease.standing,
  policy: lease.policy,
  since: lease.since,
  holders: lease.holders.map(({ host, isAlive, pid, since }) => ({ pid, host, since, isAlive })),
  pricePerHour: lease.facts.pricePerHour ?? null,
  unconfirmed: lease.unconfirmed ?? null,
  record: lease.file,
  history: lease.history
})

/** What the command does. */
export const handle = Effect.fn("leases")(function* (options: Given) {
  const { damaged, leases } = yield* LeaseRecords.list()
  yield* DamagedRecords.report(damaged)
  if (options.json) {
    yield* Effect.forEach(
      leases,
      (lease) => Effect.flatMap(encode(toJson(lease)), (line) => Console.log(line)),
      {
        discard: true
      }
    )
    return
  }
  if (leases.length === 0) {
    const readable = damaged.length === 0 ? "" : ", as far as its records can be read"
    return yield* Console.log(`No endpoint is leased on this machine${readable}.`)
  }
  const now = yield* Clock.currentTimeMillis
  yield* Console.log(LeaseTable.format(leases, { now, width: yield* Width.ofStdout }))
  if (leases.some(({ standing }) => standing === "orphan" || standing === "unconfirmed")) {
    yield* Effect.logInfo('Run "stint sweep" to release what nobody holds any more.')
  }
})
