/** Workers that were given one name. */
import { assert, it } from "@effect/vitest"
import { ClusterBatch, FleetLimit, InputRef, RunStatus } from "@stint/cluster"
import { Effect, Schedule } from "effect"
import * as Proxy from "../postgres/proxy.ts"
import { counting, embedding, endpoint, inWorld, lines } from "./clusterWorld.ts"

it.live(
  "each has a name and a part of the limit of its own, and one that comes back has its name again",
  () =>
    Effect.suspend(() => {
      const counted = counting(100)
      return inWorld(counted, (world) =>
        Effect.gen(function* () {
          const first = yield* world.start({ name: "twin" })
          yield* world.start({ name: "twin" })
          const names = Effect.map(RunStatus.workers, (all) => all.map(({ worker }) => worker))
          const both = yield* names
          assert.lengthOf(both, 2)
          assert.strictEqual(both[0], "twin")
          assert.match(both[1] ?? "", /^twin-[0-9a-f]{8}$/)

          const input = InputRef.file(yield* world.file("rows.jsonl", lines(320)))
          const limit = FleetLimit.fixed(16)
          yield* embedding.start({ run: "one", input, endpoint, limit, chunk: 80, parameters: {} })
          assert.strictEqual((yield* ClusterBatch.wait("one")).succeeded, 320)
          // One more for each chunk that is begun while all places are taken.
          assert.isAtMost(counted.most(), 16 + 4)

          yield* first.stop
          yield* world.start({ name: "twin" })
          assert.deepStrictEqual(yield* names, both)
        })
      )
    })
)

it.live("one that stood still for so long that another took its name goes by a name of its own", () =>
  inWorld(counting(5), (world) =>
    Effect.gen(function* () {
      const wire = yield* Proxy.make(world.url)
      yield* Effect.addFinalizer(() => wire.mend)
      const names = Effect.map(RunStatus.workers, (all) => all.map(({ worker }) => worker))
      const until = (count: number) =>
        Effect.repeat(names, {
          schedule: Schedule.spaced("100 millis"),
          until: ({ length }) => length === count
        }).pipe(Effect.timeout("20 seconds"))
      yield* world.start({ name: "twin" }, wire.url)
      yield* wire.cut
      yield* until(0)
      yield* world.start({ name: "twin" })
      assert.deepStrictEqual(yield* names, ["twin"])
      yield* wire.mend
      const [first, second] = yield* until(2)
      assert.strictEqual(first, "twin")
      assert.match(second ?? "", /^twin-[0-9a-f]{8}$/)
    })
  )
)
