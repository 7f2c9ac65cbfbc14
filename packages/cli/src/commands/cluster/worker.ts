/** `stint cluster worker`: one process that does chunks of runs. */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Api from "../../Api.ts"
import * as Lazy from "../../Lazy.ts"
import { PositiveDuration } from "../../ShortDuration.ts"
import * as Shared from "./Shared.ts"
import { Port } from "../../Port.ts"

const flags = {
  ...Shared.database,
  name: Flag.String("name").pipe(
    Flag.withDescription(
      "Its name in the cluster; by default the host's and something random, which is added where another has the name"
    ),
    Flag.optional
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription(
      "The name or address at which the other workers reach this one; 127.0.0.1 by default"
    ),
    Flag.withDefault("127.0.0.1")
  ),
  port: Flag.Int("port").pipe(
    Flag.withDescription("The port for the other workers, 34431 by default; 0 takes a free one"),
    Flag.withSchema(Port),
    Flag.withDefault(34431)
  ),
  listen: Flag.String("listen").pipe(
    Flag.withMetavar("address"),
    Flag.withDescription(
      "Address to listen on, for --port and --health-port; that of --host by default, 0.0.0.0 in a pod. Nothing there is encrypted: a network of the cluster's own"
    ),
    Flag.optional
  ),
  maxChunks: Flag.Int("max-chunks").pipe(
    Flag.withDescription("How many chunks it has in hand at most, 16 by default"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 }))),
    Flag.withDefault(16)
  ),
  connections: Flag.Int("connections").pipe(
    Flag.withDescription("Connections to the database at most, 10 by default"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 1000 }))),
    Flag.withDefault(10)
  ),
  grace: Flag.String("grace").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription(
      "How long it may take to end after SIGTERM, less than a pod's own time of grace: what is in flight has this less 5 s, or half of it if that is more, the release of the endpoint the rest; 25s by default"
    ),
    Flag.withSchema(PositiveDuration),
    Flag.withDefault(Duration.seconds(25))
  ),
  healthPort: Flag.Int("health-port").pipe(
    Flag.withDescription(
      "Serve /healthz, /readyz (the database answers and is migrated) and /metrics for Prometheus on this port; 0 takes a free one"
    ),
    Flag.withSchema(Port),
    Flag.optional
  ),
  json: Shared.json("One line of JSON on stdout once it is ready: its name and addresses")
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint cluster worker` */
export const worker = Command.make(
  "worker",
  flags,
  Lazy.handler(() => import("../../handlers/cluster/worker.ts"))
).pipe(
  Command.provide(Api.layer),
  Command.withShortDescription("Work on the runs of the cluster, until it is told to stop"),
  Command.withDescription(
    "Work on the runs of the cluster, until it is told to stop: then it takes nothing more, finishes what is in flight, gives its chunks back, and pauses an endpoint that nobody else holds. As many workers as one likes"
  ),
  Command.withExamples([
    {
      command: "stint cluster worker --host 10.0.0.7 --listen 0.0.0.0 --health-port 8080",
      description: "In a pod, at the pod's own address"
    },
    { command: "stint cluster worker --port 0", description: "One of several on this machine" }
  ])
)
