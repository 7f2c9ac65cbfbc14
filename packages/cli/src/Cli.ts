/**
 * The `stint` command.
 */
import * as Command from "effect/cli/Command"
import { emulate } from "./commands/emulate.ts"
import { leases } from "./commands/leases.ts"
import { plan } from "./commands/plan.ts"
import { run } from "./commands/run.ts"
import { sweep } from "./commands/sweep.ts"

/** The `stint` command: `run`, `plan`, `leases`, `sweep` and `emulate`. */
export const cli = Command.make("stint").pipe(
  Command.withDescription("Batch inference on Hugging Face Inference Endpoints that sleep before and after"),
  Command.withSubcommands([run, plan, leases, sweep, emulate])
)
