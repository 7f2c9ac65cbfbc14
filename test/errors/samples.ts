/** An instance of every error there is, as a user may meet it, and what to do about it. */
import {
  Batch,
  CostCap,
  FailureBudget,
  Fault,
  Journal,
  Leases,
  ManagedEndpoint,
  Media,
  Sink,
  Source,
  StructuredOutput,
  Template,
  Truncation
} from "@stint/batch"
import { HubDataset } from "@stint/batch/parquet"
import { FolderLock, LeaseRecords, UndiciClient } from "@stint/batch/node"
import { Database, EndpointKeeper, Migrations, RunError } from "@stint/cluster"
import { Credentials, EndpointError, Hardware } from "@stint/core"
import { Duration } from "effect"
import { EndpointMissing } from "../../packages/cli/src/EndpointMissing.ts"
import { EndpointsRefused } from "../../packages/cli/src/EndpointsRefused.ts"
import { ConfigFileError } from "../../packages/cli/src/ConfigFile.ts"
import { InputFlagRefused } from "../../packages/cli/src/InputFlags.ts"
import { FilesInTheWay } from "../../packages/cli/src/init/FilesInTheWay.ts"
import { FolderRefused, ResultsUnwritten } from "../../packages/cli/src/OutputFolder.ts"
import { JobFlagRefused } from "../../packages/cli/src/JobFlags.ts"
import { StateNotReached } from "../../packages/cli/src/StateNotReached.ts"
import { ReportUnreadable } from "../../packages/cli/src/report/ReportFolder.ts"
import { SpecFileError } from "../../packages/cli/src/SpecFile.ts"
import { NotServed } from "../../packages/cli/src/NotServed.ts"
import { ScheduleRefused } from "../../packages/cli/src/Repeated.ts"
import { PlanRefused } from "../../packages/cli/src/PlanRefused.ts"
import { MetricsNotServed } from "../../packages/cli/src/telemetry/MetricsNotServed.ts"
import { SweepRefused } from "../../packages/cli/src/SweepRefused.ts"

/** An error with the step that follows it. */
export interface Sample {
  readonly error: Error & { readonly _tag: string }
  readonly step: string
}

/** Errors that belong together. */
export interface Chapter {
  readonly title: string
  readonly about: string
  readonly samples: ReadonlyArray<Sample>
}

const e = { namespace: "acme", name: "batch-embed" }
const answer = { requestId: "a1b2c3" }

const called = (reason: EndpointError.Reason, step: string, method = "get"): Sample => ({
  error: new EndpointError.ApiError({ method, ...e, reason }),
  step
})

const before: Chapter = {
  title: "Before anything is woken",
  about: "The input, the settings or the output folder are refused. Nothing was billed.",
  samples: [
    {
      error: new Credentials.TokenMissing({
        lookedIn: ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "~/.cache/huggingface/token"]
      }),
      step: "Set `HF_TOKEN`, or log in with `hf auth login`."
    },
    {
      error: new Credentials.CredentialsRefused({
        variable: "HF_HUB_OFFLINE",
        detail: "every call would go online. Unset it."
      }),
      step: "Unset the variable that is named."
    },
    {
      error: new JobFlagRefused({ flag: "schema", detail: "answer.json: there is no such file" }),
      step: "Correct what is named, and run the same command again."
    },
    {
      error: new StructuredOutput.SchemaRefused({
        detail: 'the keyword "if" cannot be checked'
      }),
      step: "Write the schema without the keyword that is named."
    },
    {
      error: new Media.MediaRefused({
        file: "pictures/7.png",
        detail: "it is outside the folder that rows may refer to"
      }),
      step: "Correct the path, or move the file into the folder."
    },
    {
      error: new SpecFileError({
        path: "endpoint.json",
        detail: 'Expected "cpu" | "gpu"\n  at ["accelerator"]'
      }),
      step: "Correct the field that is named."
    },
    {
      error: new ConfigFileError({
        place: "/srv/nightly/stint.json",
        detail: 'it has no member "maxCosts": did you mean "maxCost"?'
      }),
      step: "Correct the member that is named. `stint doctor` shows which file is read."
    },
    {
      error: new FilesInTheWay({
        folder: "/srv/nightly",
        detail: "it has package.json already",
        step: "Choose another folder, or write over them with --force"
      }),
      step: "Choose another folder, or write over its files with `--force`."
    },
    {
      error: new Source.SourceError({ path: "rows.jsonl", line: 0, detail: "there is no such file" }),
      step: "Check the path, and that the file may be read."
    },
    {
      error: new HubDataset.DatasetError({
        dataset: "hf://datasets/acme/reviews",
        reason: "ambiguous",
        detail: "it has more than one config. Choose one of these",
        choices: ["hf://datasets/acme/reviews/de/train", "hf://datasets/acme/reviews/en/train"]
      }),
      step: "Name the config and the split; for a dataset that needs a login set `HF_TOKEN`."
    },
    {
      error: new InputFlagRefused({ flag: "delimiter", detail: "the input is jsonl, not csv" }),
      step: "Correct the flag, or leave it out."
    },
    {
      error: new Template.InvalidTemplate({ at: 12, detail: "{{ is never closed" }),
      step: "Correct the template where the message says."
    },
    {
      error: new Source.InvalidInput({
        path: "rows.jsonl",
        count: 2,
        problems: [
          { line: 17, field: "body.messages[0].content", detail: "expected text" },
          { line: 40, detail: 'the id "a" is that of line 3' }
        ]
      }),
      step: "Correct the lines, or leave them out with `--skip-invalid`; for a run of the cluster take them out."
    },
    {
      error: new Batch.DuplicateKey({ key: "row-7" }),
      step: "Give each row a key of its own."
    },
    {
      error: new Batch.FingerprintChanged({ key: "row-7", count: 12 }),
      step: "Choose: `--changed redo` or `--changed keep`; or write to another folder."
    },
    {
      error: new FolderRefused({ directory: "results", detail: "permission denied" }),
      step: "Make the folder writable, or choose another one."
    },
    {
      error: new FolderLock.FolderLocked({ directory: "results", pid: 4711 }),
      step: "Wait for the other run, or choose another folder."
    },
    {
      error: new ManagedEndpoint.AdoptionRefused({ ...e, state: "running" }),
      step: "Ask whose it is; then say with `--on-release` what is to become of it."
    },
    {
      error: new Hardware.HardwareUnavailable({
        wanted: "aws us-east-1 nvidia-l4 x1",
        problem: "quota",
        detail: "the quota is used up",
        suggestions: ["aws us-east-1 nvidia-t4 x1"]
      }),
      step: "Choose one of the instances that are named."
    },
    {
      error: new CostCap.MoneyRefused({
        name: e.name,
        option: 'onRelease "keep"',
        detail:
          "leaves the endpoint running, and no cap would end its bill. Choose: leave out maxCost and maxBilledMinutes (for the command --max-cost and --max-billed-minutes), or take another release, such as pause."
      }),
      step: "Correct the amount that is named; or choose between the cap and `--on-release keep`."
    },
    {
      error: new CostCap.PriceUnknown({
        name: e.name,
        hardware: "aws us-east-1 nvidia-x9 x1",
        maxCost: 2.5
      }),
      step: "Say what a replica-hour costs with `--price`, or cap the minutes with `--max-billed-minutes`."
    },
    {
      error: new CostCap.CapTooSmall({ name: e.name, replicas: 2, pricePerHour: 4, maxCost: 0.1 }),
      step: "Raise `--max-cost`, or take fewer replicas or cheaper hardware."
    },
    {
      error: new EndpointsRefused({
        command: "update",
        detail: "say what to change, as in --max-replica 2, or give a --spec"
      }),
      step: "Give the command what it asks for."
    }
  ]
}

const held: Chapter = {
  title: "Somebody else holds it",
  about: "Another process of this machine, or another part of the program, has the endpoint.",
  samples: [
    {
      error: new Leases.LeasedElsewhere({ ...e, holders: "process 4711 since 2026-02-03T04:05:06Z" }),
      step: "Wait (`--on-leased wait`), hold it together (`--on-leased join`), or take another endpoint."
    },
    {
      error: new Leases.LeaseConflict({ ...e, field: "onRelease", held: "pause", wanted: "keep" }),
      step: "Ask for the same as the first holder."
    },
    {
      error: new Leases.LeaseRecordError({
        ...e,
        path: "~/.local/state/stint/leases/acme.batch-embed.json",
        detail: "no space left on device"
      }),
      step: "Make room, or make the folder writable."
    },
    {
      error: new LeaseRecords.RecordsUnreadable({
        path: "~/.local/state/stint/leases",
        detail: "permission denied"
      }),
      step: "Make the folder readable, or set `XDG_STATE_HOME`."
    },
    {
      error: new PlanRefused({
        detail: "say with --endpoint, --spec or --model which model it is"
      }),
      step: "Give `stint plan` what it asks for."
    },
    {
      error: new ScheduleRefused({ cron: "every night", timeZone: "UTC", detail: "expected 5 or 6 fields" }),
      step: "Write the schedule as cron has it, in five fields."
    },
    {
      error: new SweepRefused({ count: 3 }),
      step: "Look with `stint sweep --dry-run`, then run it with `--yes`."
    },
    {
      error: new ReportUnreadable({
        directory: "results",
        detail: "it has neither a report.json nor a journal.jsonl. Name the folder that --out of a run named"
      }),
      step: "Name the folder of a run: what its `--out` named."
    }
  ]
}

const notReady: Chapter = {
  title: "The endpoint does not get ready",
  about: "What may have been started was released again.",
  samples: [
    {
      error: new EndpointError.NotFound({ ...e, status: 404, ...answer }),
      step: "Check the name and `HF_ENDPOINTS_NAMESPACE`, or give `--spec`."
    },
    {
      error: new EndpointMissing({ namespace: "acme", name: "batch-embd", near: ["batch-embed"] }),
      step: "Take the name that was meant, or say with `--namespace` whose it is."
    },
    {
      error: new StateNotReached({ name: e.name, wanted: "paused", state: "running", waited: "1m" }),
      step: "Look at the endpoint; wait longer with `--timeout`."
    },
    {
      error: new EndpointError.Conflict({ ...e, status: 409, ...answer }),
      step: "Choose another name, or use the endpoint without a spec."
    },
    {
      error: new EndpointError.QuotaExceeded({ ...e, status: 409, ...answer, detail: "Quota exceeded" }),
      step: "Pause another endpoint, or ask for more quota."
    },
    {
      error: new ManagedEndpoint.SpecMismatch({
        name: e.name,
        field: "repository",
        wanted: "acme/large",
        found: "acme/small"
      }),
      step: "Choose another name, or correct the spec."
    },
    {
      error: new EndpointError.Timeout({ ...e, waited: "20m", state: "initializing" }),
      step: "Look at the endpoint's logs; raise `--ready-timeout` if it only needs longer."
    },
    {
      error: new EndpointError.EndpointFailed({
        ...e,
        state: "failed",
        detail: "Endpoint failed to start",
        log: "torch.cuda.OutOfMemoryError: CUDA out of memory"
      }),
      step: "Read the end of the log; then change the hardware or the spec."
    },
    {
      error: new EndpointError.CallForbidden({ ...e, status: 403 }),
      step: "Give the token the permission to call endpoints."
    }
  ]
}

const calls: Chapter = {
  title: "A call to the management API fails",
  about:
    "One error, `ApiError`, with a `reason`. What may pass in a moment has been tried again five times before it is shown.",
  samples: [
    called(
      new EndpointError.Unauthorized({ status: 401, ...answer }),
      "Set `HF_TOKEN` to a token that is valid."
    ),
    called(
      new EndpointError.Forbidden({ status: 403, ...answer }),
      "Give the token the permission to manage endpoints."
    ),
    called(new EndpointError.PaymentRequired({ status: 402, ...answer }), "Add credits.", "create"),
    called(
      new EndpointError.InvalidRequest({ status: 400, detail: "Invalid region" }),
      "Correct what the server names.",
      "create"
    ),
    called(
      new EndpointError.NoCapacity({ status: 400, detail: "Instance is not available yet" }),
      "Take other hardware or another region.",
      "create"
    ),
    called(
      new EndpointError.RateLimited({ status: 429, retryAfter: Duration.seconds(30) }),
      "Wait; other programs may use the same token."
    ),
    called(new EndpointError.ServerError({ status: 503, ...answer }), "Try again in a moment."),
    called(
      new EndpointError.TransportError({ detail: "ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:443" }),
      "Check the network, the proxy and `STINT_API_URL`."
    ),
    called(
      new EndpointError.DecodeError({ status: 307 }),
      "Check `STINT_API_URL`: something else answers there."
    )
  ]
}

const stopped: Chapter = {
  title: "The run stops before its end",
  about: "What was done is kept: the same command again goes on where it stopped.",
  samples: [
    {
      error: new EndpointError.PausedByOther({ ...e, by: "maria" }),
      step: "Talk to whoever paused it; `--on-foreign-pause resume` wakes it again."
    },
    {
      error: new Batch.AccountRefused({ name: e.name, status: 401, detail: "Invalid token" }),
      step: "Check the token and the credits, then run again."
    },
    {
      error: new Batch.EndpointGone({ name: e.name }),
      step: "Run again with `--spec`."
    },
    {
      error: new Batch.Unstable({
        name: e.name,
        openings: 10,
        heldMillis: 1_800_000,
        detail: "cold 503: Service Unavailable"
      }),
      step: "Look at the endpoint's logs: it may run out of memory."
    },
    {
      error: new CostCap.CostCapReached({
        name: e.name,
        billedMinutes: 185,
        dollars: 2.467,
        maxCost: 2.5,
        left: 12_400,
        isBooting: false
      }),
      step: "Run the same command again: it goes on, and may cost as much once more."
    },
    {
      error: new Batch.DeadlineReached({ after: "2h" }),
      step: "Run again, with a longer `--deadline` if need be."
    },
    {
      error: new FailureBudget.BudgetExceeded({
        failures: 10,
        of: 10,
        reason: "config",
        detail: "no chat template"
      }),
      step: "Mend the cause; or raise `--max-failures` where so many failures are expected."
    },
    {
      error: new Source.InputChanged({ path: "rows.jsonl", detail: "it is shorter now" }),
      step: "Run again once nobody writes to the file."
    },
    {
      error: new Batch.ItemsChanged({ planned: 1000, found: 998 }),
      step: "Use a source that gives the same items each time."
    },
    {
      error: new Journal.JournalError({ path: "results/journal.jsonl", detail: "no space left on device" }),
      step: "Make room, then run again."
    },
    {
      error: new ResultsUnwritten({ directory: "results", detail: "no space left on device" }),
      step: "Make room, then run again: nothing is sent twice."
    },
    {
      error: new Sink.ResultsMiscounted({
        directory: "results",
        detail: "999 results and 0 errors were written, the journal counts 1000 and 0"
      }),
      step: "Run again; should it stay so, report it."
    }
  ]
}

const billing: Chapter = {
  title: "It may still be billing",
  about: "The one error that goes before every other.",
  samples: [
    {
      error: new EndpointError.ReleaseUnconfirmed({
        ...e,
        policy: "pause",
        state: "running",
        pricePerHour: 0.8,
        detail: "Internal Server Error"
      }),
      step: "Run the command that is named, now."
    }
  ]
}

const rest: Chapter = {
  title: "Rows, answers and the emulator",
  about:
    "A row's own failure stands in `errors.jsonl`. What else there is comes from code that uses the packages.",
  samples: [
    {
      error: new StructuredOutput.Mismatch({
        problem: "people: Expected a value greater than or equal to 1",
        asks: 2,
        said: '{"name":"Oslo","people":0}'
      }),
      step: "Look at what the model said: a clearer prompt, a simpler schema, or another model."
    },
    {
      error: new Truncation.Truncated({
        finishReason: "length",
        maxTokens: 256,
        outputTokens: 256,
        said: "In the"
      }),
      step: "Raise `max_tokens`, or say with `--on-length` what becomes of such answers."
    },
    {
      error: new Fault.Fault({ reason: "row", status: 422, detail: "inputs must not be empty" }),
      step: "Mend the row; a rerun tries it again."
    },
    {
      error: new UndiciClient.ResponseTooLarge({ limitBytes: 134_217_728 }),
      step: "Ask for less at once."
    },
    {
      error: new UndiciClient.RequestAborted({ detail: "the request was interrupted" }),
      step: "Nothing: somebody gave the request up."
    },
    {
      error: new UndiciClient.UnknownEncoding({ encoding: "zstd" }),
      step: "Have the server send gzip, or nothing."
    },
    {
      error: new NotServed({ host: "127.0.0.1", port: 8080, why: "listen EADDRINUSE 127.0.0.1:8080" }),
      step: "Choose another port."
    },
    {
      error: new MetricsNotServed({
        host: "127.0.0.1",
        port: 9464,
        why: "listen EADDRINUSE: address already in use 127.0.0.1:9464"
      }),
      step: "Choose another port, or 0."
    }
  ]
}

const cluster: Chapter = {
  title: "On a cluster",
  about: "The database that the machines share, and the endpoints that they hold together.",
  samples: [
    {
      error: new Database.DatabaseUrlRefused({
        detail: "neither STINT_DATABASE_URL nor DATABASE_URL is set"
      }),
      step: "Set `STINT_DATABASE_URL`, as in `postgres://user@host:5432/name`."
    },
    {
      error: new Database.DatabaseNotReached({
        place: "db.internal:5432/stint",
        detail: "connect ECONNREFUSED 10.0.0.4:5432"
      }),
      step: "Check the address, the password and the network; no password is ever printed."
    },
    {
      error: new Database.DatabaseFailed({
        place: "db.internal:5432/stint",
        detail: "permission denied for table stint_runs"
      }),
      step: "Mend what it says, and look with `stint cluster status`."
    },
    {
      error: new Migrations.NotMigrated({ found: 0, wanted: 2 }),
      step: "Run the migration once, as the owner of the database: `stint cluster migrate`."
    },
    {
      error: new Migrations.MigrationFailed({ detail: "permission denied for schema public" }),
      step: "Migrate as a role that may create tables."
    },
    {
      error: new EndpointKeeper.ReconcileFailed({
        endpoint: "acme/batch-embed",
        detail: "the database does not answer"
      }),
      step: "Nothing while a worker runs: it is tried again. Else `stint cluster reap`."
    },
    {
      error: new RunError.RunNotFound({ run: "nightly" }),
      step: "Look at the list of runs: `stint cluster status`."
    },
    {
      error: new RunError.RunExists({ run: "nightly", state: "finished" }),
      step: "Choose another name, such as one with the date."
    },
    {
      error: new RunError.RunRefused({
        run: "nightly",
        detail: "it is not over yet: wait for it, or cancel it and wait"
      }),
      step: "Do what it says; nothing was changed."
    },
    {
      error: new RunError.ExportFailed({ run: "nightly", directory: "results", detail: "the disk is full" }),
      step: "Make room, or choose another folder; nothing is lost."
    },
    {
      error: new RunError.ParametersRefused({
        definition: "rows",
        detail: "the template names no column"
      }),
      step: "Correct the parameters, and start again."
    },
    {
      error: new RunError.RunCancelled({ run: "nightly" }),
      step: "Nothing, or go on with it: `stint cluster resume nightly`."
    },
    {
      error: new RunError.RunBroken({
        run: "nightly",
        detail: "chunk 7 was taken 5 times and never done; the workers that had it went down"
      }),
      step: "Look at the workers' logs, give them more memory or mend the job, and resume the run."
    }
  ]
}

export const chapters: ReadonlyArray<Chapter> = [
  before,
  held,
  notReady,
  calls,
  stopped,
  billing,
  cluster,
  rest
]
