/** The bill of seeded runs beside the emulator's meter: one suite, of which each file runs a part. */
import { assert, it } from "@effect/vitest"
import { Console, Effect } from "effect"
import * as Trial from "./Trial.ts"

interface Counts {
  runs: number
  exact: number
  more: number
  less: number
}

const nothing = (): Counts => ({ runs: 0, exact: 0, more: 0, less: 0 })

/** Declares the test of so many seeds. */
export const billedFor = (from: number, seeds: number, timeout: number) =>
  it.live(
    `the bill of a run is the meter's to the minute, and keeps to its cap, for the seeds ${from} to ${from + seeds - 1}`,
    () =>
      Effect.gen(function* () {
        const bench = yield* Trial.bench
        /** Runs whose endpoint was ours alone, from its start to its end; those that took it over; those disturbed. */
        const counts = { ours: nothing(), adopted: nothing(), disturbed: nothing() }
        const ends = new Map<string, number>()
        let capped = 0
        for (let seed = from; seed < from + seeds; seed++) {
          const outcome = yield* Trial.run(bench, Trial.plan(seed))
          const { bill, end, minutes, plan } = outcome
          const told = () => `seed ${seed}: ${JSON.stringify(outcome)}`
          ends.set(end, (ends.get(end) ?? 0) + 1)
          assert.notInclude(["ItemsChanged", "Die", "Interrupt"], end, told())
          const difference = (bill?.billedMinutes ?? 0) - minutes
          const kind = plan.foreign.length > 0 ? "disturbed" : plan.found === "running" ? "adopted" : "ours"
          const count = counts[kind]
          count.runs++
          if (difference === 0) count.exact++
          else if (difference > 0) count.more++
          else count.less++
          // A started minute for each replica at most; less than was billed only where somebody else took the endpoint down
          // and it was up again before it was looked at.
          const replicas = Math.max(1, bill?.replicas ?? 1, Trial.mostReplicas(plan))
          assert.isAtMost(difference, replicas, told())
          assert.isAtLeast(difference, kind === "disturbed" ? -replicas : 0, told())
          const price = plan.price === "given" ? Trial.PER_HOUR : outcome.pricePerHour
          if (bill !== undefined) {
            assert.closeTo(bill.dollars ?? 0, (bill.billedMinutes * price) / 60, 1e-9, told())
          }
          const allowed = Trial.allowed(plan)
          // What nobody could see cannot be kept to a cap.
          const unseen = Math.max(0, -difference)
          assert.isAtMost(minutes, allowed + unseen + 1e-9, `passes its cap: ${told()}`)
          if (allowed < Infinity) capped++
          if (end === "CostCapReached") {
            // It stops in time, and not long before: what is left is less than a minute of each replica and of one more.
            assert.isAbove(minutes, allowed - 2 * replicas, `stops too early: ${told()}`)
          }
        }
        yield* Console.log(counts, capped, Object.fromEntries(ends))
        const isExact = ({ exact, runs }: Counts) => exact / runs
        assert.isAbove(isExact(counts.ours), 0.98)
        assert.isAbove(counts.adopted.runs, seeds / 15)
        assert.isAbove(counts.disturbed.runs, seeds / 8)
        assert.isAbove(capped, seeds / 4)
        assert.isAbove(ends.get("CostCapReached") ?? 0, seeds / 20)
        assert.isAbove(ends.get("ok") ?? 0, seeds / 2)
      }).pipe(Effect.scoped),
    timeout
  )
