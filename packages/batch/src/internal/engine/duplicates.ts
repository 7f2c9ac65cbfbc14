/**
 * One call for many items: those whose request is on its way wait for its answer, and share it.
 */
import type { Taken } from "../packing/pack.ts"

interface Shared<In, Fate> {
  readonly followers: Array<Taken<In>>
  fate: Fate | undefined
}

export const make = <In, Fate>() => {
  const requests = new Map<string, Shared<In, Fate>>()
  return {
    /** Whether the same request is on its way or just answered; `share` is called with its fate, at once or later. */
    find: ({ fingerprint }: Taken<In>) => requests.get(fingerprint),
    /** The item's request is the first of its kind. */
    lead: ({ fingerprint }: Taken<In>) => {
      requests.set(fingerprint, { followers: [], fate: undefined })
    },
    /** The request was answered: gives those who waited. It is remembered until its record is written. */
    answered: ({ fingerprint }: Taken<In>, fate: Fate): ReadonlyArray<Taken<In>> => {
      const request = requests.get(fingerprint)
      if (request === undefined) return []
      request.fate = fate
      return request.followers.splice(0)
    },
    /** The request will not be answered any more: gives those who waited in vain. */
    giveUp: ({ fingerprint }: Taken<In>): ReadonlyArray<Taken<In>> => {
      const followers = requests.get(fingerprint)?.followers ?? []
      requests.delete(fingerprint)
      return followers
    },
    /** Its answer is written down: from now on the journal knows it, and a request on its way is another one. */
    written: (fingerprint: string) => {
      if (requests.get(fingerprint)?.fate !== undefined) requests.delete(fingerprint)
    }
  }
}
