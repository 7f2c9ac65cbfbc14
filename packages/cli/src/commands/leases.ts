/**
 * `stint leases`: who holds which endpoint on this machine.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { LeaseRecords } from "@stint/batch/node"
import * as DamagedRecords from "../DamagedRecords.ts"
import * as Table from "../ui/Table.ts"

const flags = {
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each lease, with its history"),
    Flag.withDefault(false)
  )
}

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

const dollars = (price: number | undefined) => (price === undefined ? "unknown" : `$${price}/h`)

const holders = (lease: LeaseRecords.Lease) =>
  lease.holders
    .map(
      ({ host, isAlive, pid }) =>
        `${pid}${isAlive ? "" : " (gone)"}${lease.standing === "elsewhere" ? ` on ${host}` : ""}`
    )
    .join(", ") || "none"

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

/** `stint leases` */
export const leases = Command.make(
  "leases",
  flags,
  Effect.fn("leases")(function* (options) {
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
    const rows = leases.map((lease) => [
      `${lease.namespace}/${lease.name}`,
      lease.standing,
      holders(lease),
      lease.since,
      lease.policy,
      dollars(lease.facts.pricePerHour)
    ])
    yield* Console.log(Table.format(["endpoint", "lease", "process", "since", "on release", "price"], rows))
    if (leases.some(({ standing }) => standing === "orphan" || standing === "unconfirmed")) {
      yield* Effect.logInfo('Run "stint sweep" to release what nobody holds any more.')
    }
  })
).pipe(
  Command.withDescription("List the endpoints that are leased on this machine, and by whom"),
  Command.withExamples([{ command: "stint leases --json", description: "For a program to read" }])
)
