/**
 * A place among the holders of a record: what is noted in it, counted out of it, and cleared away.
 */
import * as Effect from "effect/Effect"
import * as Leases from "../../Leases.ts"
import type { Guardian } from "./guardianProcess.ts"
import type { Decision } from "./leaseClaim.ts"
import * as File from "./leaseFile.ts"
import * as Process from "./leaseProcess.ts"
import * as Store from "./leaseStore.ts"

/** What a claim came to that was let in. */
export type Entry = Extract<Decision, { readonly record: File.LeaseRecord }>

/** Who left an endpoint, for a person. */
const leftBy = (holders: ReadonlyArray<File.Holder>): string =>
  holders.length === 0
    ? "a run whose release was not confirmed"
    : holders.map(({ host, pid }) => `process ${pid} on ${host}`).join(" and ")

/** The record, as one of its holders changes it. */
export const make = (options: {
  readonly claim: Leases.Claim
  readonly file: string
  readonly entry: Entry
  /** The name of this hold. */
  readonly token: string
}) => {
  const { claim, entry, file, token } = options
  const { name, namespace } = claim
  const { generation, id } = entry.record
  const { pid } = Process.self()

  const isStill = (record: File.LeaseRecord) => record.id === id && record.generation === generation
  const failed = ({ detail, path }: Store.StoreError) =>
    new Leases.LeaseRecordError({ namespace, name, path, detail })

  /** Changes the record while it is still ours. */
  const change = <A>(use: (record: File.LeaseRecord) => A) =>
    Store.locked(file, () => {
      const reading = File.read(file)
      return reading._tag === "Found" && isStill(reading.record) ? use(reading.record) : undefined
    })
  const without = (record: File.LeaseRecord) => record.holders.filter((holder) => holder.token !== token)
  const warn = (what: string) => (error: Store.StoreError) =>
    Effect.logWarning(`The lease record of endpoint "${namespace}/${name}" ${what}: ${error.detail}`)

  /** The claim failed after all: as if it had not been made. Of an orphan nothing was written yet. */
  const withdraw = change((record) => {
    const holders = without(record)
    if (holders.length > 0 || entry._tag === "Joined") File.write(file, { ...record, holders })
    else File.remove(file)
  }).pipe(Effect.catch(warn("could not be taken back")))

  /** Takes a record away, also one that is none. */
  const clear = Store.locked(file, () => {
    const reading = File.read(file)
    if (reading._tag === "Found" && isStill(reading.record)) File.remove(file)
  })
  /** On a full disk there is no lock to be had, for nobody; to take a file away needs no room. */
  const cleared = Effect.catch(clear, (error) =>
    error.isBusy
      ? Effect.fail(error)
      : Effect.try({
          try: () => {
            const reading = File.read(file)
            const isOurs = reading._tag === "Found" && isStill(reading.record)
            if (isOurs && Store.living({ ...reading.record, holders: without(reading.record) }).length === 0)
              File.remove(file)
          },
          catch: () => error
        })
  )
  /** A file that cannot be read is kept for its owner to see, but out of the way. */
  const tidied = Effect.gen(function* () {
    const at = yield* Store.now
    const aside = yield* Store.locked(file, () =>
      File.read(file)._tag === "Damaged" ? File.setAside(file, at) : undefined
    )
    if (aside !== undefined) {
      yield* Effect.logWarning(
        `The lease record of endpoint "${namespace}/${name}" was damaged; it is set aside as ${aside}.`
      )
    }
  })

  /** What the holder does, with the guardian that stands beside it. */
  const hold = (guardian: Guardian | undefined): Leases.Hold => {
    let mine = entry.record
    const told = (next: File.LeaseRecord) =>
      Effect.suspend(() => {
        mine = next
        return guardian?.tell(next) ?? Effect.void
      })
    return {
      orphan:
        entry._tag === "TakenOver"
          ? { since: entry.since, leftBy: leftBy(entry.left), facts: entry.facts }
          : undefined,
      isShared: entry._tag === "Joined",
      note: Effect.fnUntraced(function* (facts) {
        const at = yield* Store.now
        const line = facts.acquisition === undefined ? undefined : `${facts.acquisition} by process ${pid}`
        const noted = (record: File.LeaseRecord) => {
          const next = { ...record, facts: Leases.merge(record.facts, facts) }
          return line === undefined ? next : File.withLine(next, at, line)
        }
        const kept = noted(mine)
        mine = { ...mine, facts: kept.facts }
        const next = yield* change((record) => {
          const next = noted(record)
          File.write(file, next)
          return next
        }).pipe(Effect.mapError(failed))
        // Where the record is gone, the guardian is all that knows.
        yield* told(next ?? kept)
      }),
      acquired: Effect.gen(function* () {
        const at = yield* Store.now
        const next = yield* change((record) => {
          if (record.wanted === undefined) return record
          const next = File.withLine(File.asWanted(record), at, `acquired: policy ${record.wanted}`)
          File.write(file, next)
          return next
        }).pipe(
          Effect.tapError(warn("could not be written")),
          Effect.orElseSucceed(() => undefined)
        )
        yield* told(next ?? File.asWanted(mine))
      }),
      facts: Effect.map(
        Effect.orElseSucceed(Store.read(file), (): File.Reading => ({ _tag: "Missing" })),
        (reading) =>
          reading._tag === "Found" && isStill(reading.record)
            ? Leases.merge(mine.facts, reading.record.facts)
            : mine.facts
      ),
      leave: Effect.gen(function* () {
        const at = yield* Store.now
        const answer = yield* Store.locked(file, (): "last" | "others" => {
          const reading = File.read(file)
          if (reading._tag !== "Found") return "last"
          const { record } = reading
          const others = Store.living({ ...record, holders: without(record) })
          if (!isStill(record)) return others.length > 0 ? "others" : "last"
          if (others.length > 0) {
            File.write(file, File.withLine({ ...record, holders: others }, at, `left by process ${pid}`))
            return "others"
          }
          const holders = record.holders
            .filter((holder) => holder.token === token)
            .map((holder) => ({ ...holder, isReleasing: true }))
          File.write(file, File.withLine({ ...record, holders }, at, `process ${pid} is releasing`))
          return "last"
        }).pipe(
          // Better released under somebody's feet than left running for nobody.
          Effect.catch((error) => Effect.as(warn("could not be read")(error), "last" as const))
        )
        if (answer === "others") yield* guardian?.done ?? Effect.void
        return answer
      }).pipe(Effect.uninterruptible),
      ended: Effect.fnUntraced(function* (unconfirmed) {
        const at = yield* Store.now
        if (unconfirmed === undefined) yield* guardian?.released ?? Effect.void
        const written =
          unconfirmed === undefined
            ? Effect.andThen(cleared, tidied)
            : change((record) => {
                const left = { ...record, holders: without(record), unconfirmed }
                File.write(file, File.withLine(left, at, `release not confirmed: ${unconfirmed}`))
              })
        yield* Effect.catch(written, (error) =>
          warn(unconfirmed === undefined ? `at ${file} could not be taken away` : "could not be written")(
            error
          )
        )
        yield* (unconfirmed === undefined ? guardian?.done : guardian?.unconfirmed) ?? Effect.void
      }, Effect.uninterruptible)
    }
  }

  return { withdraw, hold }
}
