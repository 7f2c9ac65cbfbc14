/** What a run says that it has cost, beside what the emulator's own meter says. `test:full` asks a thousand seeds. */
import { billedFor } from "./cost/promise.ts"

billedFor(0, 250, 300_000)
