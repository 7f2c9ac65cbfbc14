/**
 * `stint cluster`: the same batch on many machines.
 */
import * as Command from "effect/cli/Command"
import { migrate } from "./cluster/migrate.ts"
import { reap } from "./cluster/reap.ts"
import { exported, purge } from "./cluster/results.ts"
import { run } from "./cluster/run.ts"
import { status } from "./cluster/status.ts"
import { cancel, resume } from "./cluster/steer.ts"
import { worker } from "./cluster/worker.ts"

/** `stint cluster` */
export const cluster = Command.make("cluster").pipe(
  Command.withSubcommands([migrate, worker, run, status, cancel, resume, exported, purge, reap]),
  Command.withShortDescription("Run batches on many machines, with Postgres between them"),
  Command.withDescription(
    "Run batches on many machines, with Postgres between them: workers share what is to be done, and losing some of them loses nothing"
  ),
  Command.withExamples([
    { command: "stint cluster migrate", description: "Once: the tables" },
    { command: "stint cluster worker", description: "On each machine" },
    { command: "stint cluster status", description: "What goes on" }
  ])
)
