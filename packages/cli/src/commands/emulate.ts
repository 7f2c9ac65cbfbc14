/**
 * `stint emulate`: Hugging Face in a box, on this machine.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ShortDuration } from "../ShortDuration.ts"
import * as Lazy from "../Lazy.ts"
import { Port } from "../Port.ts"

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withDescription("Port of the management API; 0, the default, takes a free one"),
    Flag.withSchema(Port),
    Flag.withDefault(0)
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("Address to listen on, 127.0.0.1 by default; anything but loopback lets others in"),
    // An empty one, as of a variable that is not set, would be every address of the machine.
    Flag.withSchema(Schema.NonEmptyString),
    Flag.withDefault("127.0.0.1")
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("The token that clients must send, hf_emulator by default"),
    Flag.withDefault(Redacted.make("hf_emulator"))
  ),
  namespace: Flag.String("namespace").pipe(
    Flag.withDescription("The user's name, emulator by default"),
    Flag.withDefault("emulator")
  ),
  boot: Flag.String("boot").pipe(
    Flag.withMetavar("duration"),
    Flag.withDescription("How long an endpoint takes to boot, as in 500ms or 3m; 2s by default"),
    Flag.withSchema(ShortDuration),
    Flag.withDefault(Duration.seconds(2))
  ),
  scenario: Flag.File("scenario", { mustExist: true }).pipe(
    Flag.withDescription("What goes wrong, and when: a JSON file of rules"),
    Flag.optional
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Draw what goes wrong from this number instead: faults that pass"),
    Flag.optional
  ),
  proxy: Flag.String("proxy").pipe(
    Flag.withDescription("Put this server behind every endpoint, as in http://127.0.0.1:11434/v1"),
    Flag.withSchema(Schema.URLFromString),
    Flag.optional
  ),
  datasets: Flag.Directory("datasets", { mustExist: true }).pipe(
    Flag.withDescription(
      "Serve datasets from this folder: OWNER/NAME/CONFIG/SPLIT/*.parquet; emulator/definitions is always there"
    ),
    Flag.optional
  ),
  log: Flag.String("log").pipe(
    Flag.withDescription("Append every request to this file, one JSON object a line"),
    Flag.optional
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint emulate` */
export const emulate = Command.make(
  "emulate",
  flags,
  Lazy.handler(() => import("../handlers/emulate.ts"))
).pipe(
  Command.withShortDescription("Run Hugging Face on this machine: no bill"),
  Command.withDescription("Run Hugging Face Inference Endpoints on this machine: no account, no bill"),
  Command.withExamples([
    {
      command: "stint emulate --boot 2s",
      description: "Prints one line of JSON with the addresses when it is ready"
    },
    {
      command: "stint emulate --scenario faults.json",
      description: "With faults, that is rules of when and what: see docs/guides/testing-your-pipeline.md"
    },
    {
      command: "stint emulate --proxy http://127.0.0.1:11434/v1",
      description: "Endpoints that pass requests on to a server of yours"
    }
  ])
)
