/**
 * What an attempt of a run has cost, from what each of its workers has written down: a function of rows and nothing else.
 */
import { type Cost, CostLedger } from "@stint/batch"

/** What is known of the endpoint. Times are the database's, in milliseconds since 1970. */
export interface Holding {
  readonly isReleased: boolean
  /** Since when it is held, or was held last. */
  readonly since: number
  /** When its state was written down last. */
  readonly updatedAt: number
}

/** The price, as a worker knew it, and whether the endpoint ran before it came. */
export type Facts = Pick<Cost.Bill, "pricePerHour" | "priceFrom" | "priceAsOf" | "ranBefore">

/** What a worker has written down. */
export interface Account {
  readonly steps: ReadonlyArray<CostLedger.Step>
  readonly facts: Facts
  /** When it was heard of last. */
  readonly seenAt: number
  readonly isEnded: boolean
  /** Not ended, and not heard of for so long that it is taken for dead. */
  readonly isSilent: boolean
}

/** All that is known of an attempt. The accounts are in the order in which they began. */
export interface Books {
  readonly accounts: ReadonlyArray<Account>
  readonly holding: Holding | undefined
  /** When the attempt was over. */
  readonly finishedAt: number | undefined
  readonly now: number
}

/**
 * Until when an account goes; `undefined`: it goes on. What a worker that is gone has held, or has left awake, is billed until
 * it was released, as long as nobody came after it who has seen more.
 */
export const endOf = (
  { isEnded, isSilent, seenAt, steps }: Account,
  { accounts, finishedAt, holding }: Books
): number | undefined => {
  // It left in order, and saw the endpoint asleep: one that others held then runs on.
  if (isEnded && (steps.at(-1)?.replicas ?? 0) === 0) return seenAt
  if (!isEnded && !isSilent) return undefined
  const isLatest = accounts.every((other) => other.seenAt <= seenAt)
  // It was released since, and woken by others.
  if (!isLatest || holding === undefined || holding.since > seenAt) return seenAt
  const until = Math.min(finishedAt ?? Infinity, holding.isReleased ? holding.updatedAt : Infinity)
  return until === Infinity ? undefined : Math.max(seenAt, until)
}

/** What was billed from when on, as all have seen it. */
export const stepsOf = (books: Books): ReadonlyArray<CostLedger.Step> =>
  CostLedger.joined(
    books.accounts.map((account) => {
      const end = endOf(account, books)
      return end === undefined ? account.steps : CostLedger.endedAt(account.steps, end)
    })
  )

/** The bill by now; nothing where nobody has held the endpoint. */
export const of = (books: Books): Cost.Bill | undefined => {
  const { accounts, now } = books
  const steps = stepsOf(books)
  const first = steps[0]
  if (first === undefined) return undefined
  const priced = accounts
    .filter(({ facts }) => facts.pricePerHour !== undefined)
    .toSorted((one, other) => other.seenAt - one.seenAt)
  const { priceAsOf, priceFrom, pricePerHour } = priced[0]?.facts ?? {}
  const ranBefore = accounts.find((account) => account.steps.length > 0)?.facts.ranBefore
  return CostLedger.bill(steps, { now, pricePerHour, priceFrom, priceAsOf, ranBefore })
}
