/** What a run says that it has cost, beside what the emulator's own meter says. */
import { billedFor } from "./cost/promise.ts"

billedFor(0, 500, 300_000)
