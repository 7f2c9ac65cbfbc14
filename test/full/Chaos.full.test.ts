/** The same as in `npm test`, for seeds that nobody has seen: as many as eight minutes of one core hold. */
import { keptFor } from "../chaos/promise.ts"

keptFor(10_000, 8000, 1_200_000)
