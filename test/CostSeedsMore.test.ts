/** The other half of the thousand, so that both cores have one. */
import { billedFor } from "./cost/promise.ts"

billedFor(500, 500, 300_000)
