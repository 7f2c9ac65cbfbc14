/** What `stint cluster run` does. */
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import type { Given } from "../../commands/cluster/run.ts"
import * as InputFlags from "../../InputFlags.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as MoneyFlags from "../../MoneyFlags.ts"
import * as RunLimits from "../../RunLimits.ts"
import * as SpecFile from "../../SpecFile.ts"
import * as LeaseFlags from "../../LeaseFlags.ts"
import * as Database from "./database.ts"
import * as View from "./view.ts"
import * as Waiting from "./waiting.ts"

/** Without what is not there: settings are written down, and nothing is not. */
const compact = (settings: object) =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))

const ifGiven = Option.getOrUndefined

/** The name of the input and the time, in letters that a name may have. */
const nameOf = Effect.fnUntraced(function* ({ input, key, run }: Given) {
  if (Option.isSome(run)) return run.value
  const path = yield* Path.Path
  const now = DateTime.formatIso(yield* DateTime.now)
  const base = Option.isSome(key) ? "table" : path.basename(input, path.extname(input))
  const plain = base.replaceAll(/[^\w.-]+/g, "-").slice(0, 60)
  return `${plain === "" ? "run" : plain}-${now.slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-")}`
})

/** What the flags say of an input, and of which columns a row is made. */
const inputOf = Effect.fnUntraced(function* (options: Given, run: string) {
  const { InputRef, RunError } = yield* Effect.promise(() => import("@stint/cluster"))
  const path = yield* Path.Path
  const { input, key } = options
  const refuse = (detail: string) => Effect.fail(new RunError.RunRefused({ run, detail }))
  const reading = (name: string) => InputFlags.toReading({ ...options, idFromRow: false }, name)
  if (Option.isSome(key)) {
    return { ref: InputRef.table(input, key.value), ...(yield* reading("table.jsonl")) }
  }
  if (input === "-") return yield* refuse("stdin can be read once, and workers read their parts of an input")
  if (InputFlags.isOnHub(input)) {
    return yield* refuse("workers read no datasets of the hub: give the https URL of a Parquet file of it")
  }
  const url = InputFlags.urlOf(input)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(input)?.[1]
  // Perhaps with a password: it is neither written down nor said.
  if (url === undefined && scheme !== undefined) {
    return yield* refuse(`workers read files and http or https URLs, and not ${scheme}:// addresses`)
  }
  // A URL is read by ranges of it, whatever it holds.
  const found = yield* reading(url?.pathname ?? input)
  const { csv, format } = found
  const how = { format, ...(format === "csv" ? { csv: compact(csv) } : {}) }
  return {
    ref: url === undefined ? InputRef.file(path.resolve(input), how) : InputRef.url(url, how),
    ...found
  }
})

const templateOf = Effect.fnUntraced(function* (given: Option.Option<string>) {
  const text = ifGiven(given)
  if (text === undefined || !text.startsWith("@")) return text
  const fs = yield* FileSystem.FileSystem
  // It was read before, when it was checked.
  const read = yield* Effect.orDie(fs.readFileString(text.slice(1)))
  return read.replace(/^\ufeff/, "").replace(/\r?\n$/, "")
})

/** What is done with each row, as it is written down. */
const parametersOf = Effect.fnUntraced(function* (options: Given) {
  const { ClusterRows } = yield* Effect.promise(() => import("@stint/cluster"))
  const job = yield* JobFlags.toOptions(options, options.job)
  const mapping = compact({
    id: ifGiven(options.idColumn),
    input: ifGiven(options.inputColumn),
    template: yield* templateOf(options.template)
  })
  return yield* Effect.orDie(
    Schema.decodeUnknownEffect(Schema.toType(ClusterRows.Parameters))(
      compact({
        kind: options.job,
        mapping: Object.keys(mapping).length === 0 ? undefined : mapping,
        parameters: job.parameters,
        maxTokens: job.maxTokens,
        system: job.system,
        schema: Option.isSome(options.schema) ? yield* SpecFile.readJson(options.schema.value) : undefined,
        onLength: ifGiven(options.onLength)
      } satisfies { readonly [K in keyof ClusterRowsParameters]?: unknown })
    )
  )
})

type ClusterRowsParameters = import("@stint/cluster/ClusterRows").Parameters
type RunSettings = import("@stint/cluster/RunSettings").RunSettings

/** The endpoint, the limit and the rest, as they are written down. */
const settingsOf = Effect.fnUntraced(function* (options: Given) {
  const { FleetLimit, RunSettings } = yield* Effect.promise(() => import("@stint/cluster"))
  const spec = Option.isSome(options.spec) ? yield* SpecFile.read(options.spec.value) : undefined
  const { limit: _limit, ...limits } = yield* RunLimits.toOptions({
    ...options,
    deadline: Option.none(),
    requestsPerMinute: Option.none(),
    tokensPerMinute: Option.none()
  })
  const endpoint = compact({
    name: options.endpoint,
    spec,
    onRelease: ifGiven(Option.map(options.onRelease, (policy) => LeaseFlags.policyOf[policy])),
    readyTimeout: options.readyTimeout,
    onForeignPause: options.onForeignPause,
    ...MoneyFlags.toOptions(options)
  } satisfies { readonly [K in keyof RunSettings["endpoint"]]?: unknown })
  const rest = compact({ ...limits, changed: options.changed })
  return {
    endpoint: yield* Effect.orDie(
      Schema.decodeUnknownEffect(Schema.toType(RunSettings.RunEndpoint))(endpoint)
    ),
    options: yield* Effect.orDie(Schema.decodeUnknownEffect(Schema.toType(RunSettings.RunOptions))(rest)),
    limit: Option.match(options.concurrency, {
      onNone: () => FleetLimit.adaptive(),
      onSome: (most) => FleetLimit.fixed(most)
    })
  }
})

/** What the command does. */
export const handle = Effect.fn("cluster run")(function* (options: Given) {
  const { ClusterBatch, ClusterRows, Engine } = yield* Effect.promise(() => import("@stint/cluster"))
  const run = yield* nameOf(options)
  const { ref } = yield* inputOf(options, run)
  const parameters = yield* parametersOf(options)
  const settings = yield* settingsOf(options)
  const work = Effect.gen(function* () {
    const before = yield* Effect.option(ClusterBatch.status(run))
    yield* ClusterRows.rows.start({ run, input: ref, parameters, ...settings, chunk: ifGiven(options.chunk) })
    if (Option.exists(before, ({ state }) => !View.isLive(state))) {
      yield* Console.error(
        `The run "${run}" is over already, and its input is not read again. What failed or is left: stint cluster resume ${run}; other rows: another --run.`
      )
    } else if (!options.detach) {
      yield* Console.error(`The run "${run}" is written down; workers take it from here.`)
    }
    yield* Waiting.afterStart(run, options)
  })
  yield* Database.using(options, Effect.provide(work, Engine.layerClient))
})
