/**
 * Whether what is written is what the run has counted.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Journal from "@stint/batch/Journal"
import type * as Report from "@stint/batch/Report"
import type * as Sink from "@stint/batch/Sink"

const sentence = (written: Sink.Written, { failed, items, skipped, succeeded }: Report.Report) =>
  `there are ${written.results} results and ${written.errors} errors for a run of ${items} rows, of which ${succeeded} are done, ${skipped} were done before and ${failed} failed`

/** What the journal says of the rows of this input alone. */
const tally = <E, R>(journal: Journal.Journal, keys: Stream.Stream<string, E, R>) =>
  Stream.runFold(
    keys,
    () => ({ results: 0, errors: 0 }),
    (sum, key) => {
      const known = journal.lookup(key)
      if (known === undefined) return sum
      if (known.succeeded) sum.results++
      else sum.errors++
      return sum
    }
  )

/**
 * What does not add up, in words, if anything does not. The results hold all rows of the journal: where that has more than
 * this run, the rows of the input are counted one by one, for which it is read again.
 */
export const problem = Effect.fnUntraced(function* <E, R>(
  written: Sink.Written,
  report: Report.Report,
  journal: Journal.Journal,
  keys: Stream.Stream<string, E, R>
) {
  const { failed, items, remaining = 0, skipped, succeeded } = report
  if (succeeded + skipped + failed + remaining !== items) {
    return `${succeeded} done, ${skipped} done before, ${failed} failed and ${remaining} left are not ${items} rows`
  }
  const isEnough =
    written.results >= succeeded + skipped && written.errors + written.results >= items - remaining
  if (!isEnough) return sentence(written, report)
  // Rows that are left may have been done, or have failed, in an earlier run.
  if (remaining > 0) return undefined
  const all = written.results + written.errors
  const own = all === items ? written : yield* tally(journal, keys)
  return own.results === succeeded + skipped && own.errors === failed ? undefined : sentence(own, report)
})
