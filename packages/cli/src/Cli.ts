/**
 * The `stint` command.
 */
import * as Command from "effect/cli/Command"
import { catalog } from "./commands/catalog.ts"
import { cluster } from "./commands/cluster.ts"
import { doctor } from "./commands/doctor.ts"
import { emulate } from "./commands/emulate.ts"
import { endpoints } from "./commands/endpoints.ts"
import { hardware } from "./commands/hardware.ts"
import { init } from "./commands/init.ts"
import { leases } from "./commands/leases.ts"
import { plan } from "./commands/plan.ts"
import { report } from "./commands/report.ts"
import { run } from "./commands/run.ts"
import { sweep } from "./commands/sweep.ts"

/** The `stint` command: `run`, `report`, `plan`, `leases`, `sweep`, `endpoints`, `hardware`, `catalog`, `cluster`, `emulate`, `doctor` and `init`. */
export const cli = Command.make("stint").pipe(
  Command.withDescription("Batch inference on Hugging Face Inference Endpoints that sleep before and after"),
  Command.withSubcommands([
    run,
    report,
    plan,
    leases,
    sweep,
    endpoints,
    hardware,
    catalog,
    cluster,
    emulate,
    doctor,
    init
  ])
)
