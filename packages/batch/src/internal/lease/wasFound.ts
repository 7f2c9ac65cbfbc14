/**
 * How an endpoint was before any of its holders did something to it, as far as that is known still.
 */
import type { Facts, Found } from "../../Leases.ts"
import * as Release from "./release.ts"

/** Whether `restore` would leave it running. */
export const isAwake = (found: Found | undefined): boolean =>
  found !== undefined && Release.stepFor("restore", found.state) === "leave"

/** It ran when it was found, somebody put it to sleep, and a holder woke it: that it ran is no longer what they want. */
export const isWokenSince = ({ acquisition, found }: Facts): boolean =>
  acquisition === "Resumed" && isAwake(found)

/** As it was found; absent: not known, or it was created. */
export const wasFound = (facts: Facts): Found | undefined =>
  facts.acquisition === "Created" || isWokenSince(facts) ? undefined : facts.found
