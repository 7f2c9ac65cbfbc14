/** The second half of the seeds, so that two cores can share them. */
import { keptFor } from "../chaos/promise.ts"

keptFor(15_000, 5000, 1_200_000)
