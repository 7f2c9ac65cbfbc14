/**
 * Lease records that cannot be read: what they were about may run for nobody, and no release goes by them.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { LeaseRecords } from "@stint/batch/node"
import { ExitCode } from "./ExitCode.ts"
import { ExitStatus } from "./ExitStatus.ts"

type Damaged = Effect.Success<ReturnType<typeof LeaseRecords.list>>["damaged"]

/** Says of each what to do about it; the command then ends with {@link ExitCode.releaseUnconfirmed}. */
export const report = Effect.fnUntraced(function* (damaged: Damaged) {
  if (damaged.length === 0) return
  for (const { detail, file } of damaged) {
    yield* Console.error(
      `stint: the lease record ${file} is DAMAGED (${detail}): the endpoint that its name tells MAY STILL BE BILLING, for nobody. Look with "stint endpoints list --all-namespaces", pause what runs for nobody, then delete the file.`
    )
  }
  yield* Ref.set(yield* ExitStatus, ExitCode.releaseUnconfirmed)
})
