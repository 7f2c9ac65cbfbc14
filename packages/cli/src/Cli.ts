/**
 * The `stint` command.
 */
import * as Command from "effect/cli/Command"
import { emulate } from "./commands/emulate.ts"
import { run } from "./commands/run.ts"

/** The `stint` command: `run` and `emulate`. */
export const cli = Command.make("stint").pipe(
  Command.withDescription("Batch inference on Hugging Face Inference Endpoints that sleep before and after"),
  Command.withSubcommands([run, emulate])
)
