/** The same as in `npm test`, for a thousand runs. */
import { billedFor } from "../cost/promise.ts"

billedFor(0, 1000, 1_200_000)
