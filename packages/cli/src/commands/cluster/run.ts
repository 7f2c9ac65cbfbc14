/** `stint cluster run`: one batch, done by all workers. */
import * as Schema from "effect/Schema"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as BatchFlags from "../../BatchFlags.ts"
import * as InputFlags from "../../InputFlags.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as Lazy from "../../Lazy.ts"
import * as LeaseFlags from "../../LeaseFlags.ts"
import * as MoneyFlags from "../../MoneyFlags.ts"
import * as RunLimits from "../../RunLimits.ts"
import * as Shared from "./Shared.ts"

const { mediaFolder: _folder, onLength: _onLength, ...jobFlags } = JobFlags.flags
const { idFromRow: _number, ...inputFlags } = InputFlags.flags
const { deadline: _deadline, requestsPerMinute: _rpm, tokensPerMinute: _tpm, ...limits } = RunLimits.flags
const { onLeased: _onLeased, backstop: _backstop, ...leaseFlags } = LeaseFlags.flags

const flags = {
  ...Shared.database,
  input: Argument.String("input").pipe(
    Argument.withDescription(
      "JSONL, CSV or Parquet: a file that every worker finds under this path, or an http(s) URL; with --key a query on the cluster's database"
    )
  ),
  run: Flag.String("run").pipe(
    Flag.withDescription(
      "The name of the run, unique in the cluster; the same command again changes nothing. By default the input's name and the time"
    ),
    Flag.optional
  ),
  key: Flag.String("key").pipe(
    Flag.withMetavar("column"),
    Flag.withDescription(
      "INPUT is a query; its rows go in the order of this column, whose values are unique"
    ),
    Flag.optional
  ),
  ...BatchFlags.flags,
  ...jobFlags,
  onLength: Flag.Literals("on-length", ["fail", "keep"]).pipe(
    Flag.withDescription(
      "For chat and generate: what becomes of an answer that was cut off at its limit of tokens (keep with --max-tokens, else fail)"
    ),
    Flag.optional
  ),
  ...inputFlags,
  ...limits,
  concurrency: Flag.Int("concurrency").pipe(
    Flag.withAlias("c"),
    Flag.withDescription(
      "Requests in flight, of all workers together, 1 to 100000; by default as many as the endpoint bears"
    ),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))),
    Flag.optional
  ),
  chunk: Flag.Int("chunk").pipe(
    Flag.withDescription(
      "Rows of a chunk, 1 to 1024; by default 256, and up to 1024 where each worker has eight chunks all the same"
    ),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1024 }))),
    Flag.optional
  ),
  ...leaseFlags,
  onRelease: leaseFlags.onRelease.pipe(
    Flag.withDescription(
      "What becomes of the endpoint in the end: pause unless it is given; keep leaves it running and billed. Without it an endpoint that somebody else runs already is refused"
    )
  ),
  ...MoneyFlags.flags,
  changed: Flag.Literals("changed", ["refuse", "redo", "keep"]).pipe(
    Flag.withDescription(
      "When it is resumed, rows that are done under another request or model: refuse the run (the default), do them again, or keep what there is"
    ),
    Flag.withDefault("refuse")
  ),
  detach: Flag.Boolean("detach").pipe(
    Flag.withDescription("Do not wait for its end: print its name, and leave it to the workers"),
    Flag.withDefault(false)
  ),
  json: Shared.json(
    "The run's status as one line of JSON on stdout in the end, as stint cluster status has it"
  )
}

/** What it was given. */
export type Given = Command.Command.Config.Infer<typeof flags>

/** `stint cluster run` */
export const run = Command.make(
  "run",
  flags,
  Lazy.handler(() => import("../../handlers/cluster/run.ts"))
).pipe(
  Command.withShortDescription("Run a batch on all workers"),
  Command.withDescription(
    "Run a batch on all workers, on an endpoint that is awake for it only, and wait for its end. It is written into the database, and goes on without this command: Ctrl-C stops the waiting, stint cluster cancel the run"
  ),
  Command.withExamples([
    {
      command: "stint cluster run /mnt/data/rows.jsonl --endpoint batch-embed --job embed --run nightly",
      description: "A file on storage that all workers share"
    },
    {
      command:
        "stint cluster run 'SELECT id, body AS input FROM articles' --key id --endpoint batch --job embed --detach",
      description: "Rows of the cluster's own database; prints the run's name, and does not wait"
    }
  ])
)
