/** The same as in `npm test`, for seeds that nobody has seen. */
import { keptFor } from "../chaos/promise.ts"

keptFor(10_000, 5000, 1_200_000)
