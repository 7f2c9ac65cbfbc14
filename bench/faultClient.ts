/**
 * One way to embed rows at an endpoint that gets into trouble: `node bench/faultClient.ts <way> <name> <API> <URL> <count>`. Prints
 * what became of them.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Batch, Job, Journal, Limit, Progress, withEndpoint } from "@stint/batch"
import { UndiciClient } from "@stint/batch/node"
import { Endpoints } from "@stint/core"
import { Clock, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { Fared } from "./fared.ts"
import * as PeerWays from "./peerWays.ts"

const [, , way = "", name = "", apiUrl = "", url = "", count = ""] = process.argv
const COUNT = Number(count)
const TOKEN = "hf_emulator"

const rows = Array.from({ length: COUNT }, (_, nth): PeerWays.Row => ({
  id: `row-${nth}`,
  text: `text ${nth}`
}))

const job = Job.embed({ key: ({ id }: PeerWays.Row) => id, text: ({ text }) => text })

const endpoints = Layer.effect(
  Endpoints.Endpoints,
  Endpoints.make({ token: Redacted.make(TOKEN), namespace: "emulator", apiUrl: new URL(apiUrl) })
).pipe(Layer.provide(UndiciClient.layer()))

const ours = Effect.gen(function* () {
  const progress = Progress.make({ total: COUNT })
  const stop = yield* withEndpoint({ name, onRelease: "keep" }, () =>
    Batch.run(Stream.fromIterable(rows), job, {
      limit: Limit.adaptive({ initial: PeerWays.IN_FLIGHT, max: PeerWays.IN_FLIGHT }),
      progress,
      pack: way === "single" ? false : undefined
    })
  ).pipe(
    Effect.as(""),
    Effect.catchCause((cause) => Effect.succeed(String(cause).split("\n")[0] ?? ""))
  )
  const { failed, succeeded } = progress.cells
  return { succeeded, failed, left: COUNT - succeeded - failed, firstError: stop }
}).pipe(Effect.provide([endpoints, Journal.layerMemory]))

const theirs = (known: PeerWays.Way) =>
  Effect.gen(function* () {
    const embed = yield* Effect.promise(() => PeerWays.make(known, url, TOKEN))
    const fates = yield* Effect.promise(() => embed(rows))
    const errors = fates.flatMap((fate) => ("error" in fate ? [fate.error] : []))
    return {
      succeeded: fates.length - errors.length,
      failed: errors.length,
      left: 0,
      firstError: (errors[0] ?? "").slice(0, 200)
    }
  })

const program = Effect.gen(function* () {
  const from = yield* Clock.currentTimeMillis
  const known = PeerWays.ways.find((each) => each === way)
  const fared = yield* known === undefined ? ours : theirs(known)
  const seconds = ((yield* Clock.currentTimeMillis) - from) / 1000
  process.stdout.write(`${yield* Schema.encodeEffect(Fared)({ ...fared, seconds })}\n`)
  process.exit(0)
})

await Effect.runPromise(program.pipe(Effect.provide(NodeServices.layer)))
