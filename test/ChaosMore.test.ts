/** The second half of the seeds, so that two cores can share them. */
import { keptFor } from "./chaos/promise.ts"

keptFor(1000, 1000, 600_000)
