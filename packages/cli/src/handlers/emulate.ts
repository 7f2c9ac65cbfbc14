/** What `stint emulate` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Signals } from "../Signals.ts"
import { SpecFileError } from "../SpecFile.ts"
import { describe } from "@stint/batch/FileProblem"
import { NotServed } from "../NotServed.ts"
import type { Given } from "../commands/emulate.ts"

/** What is printed once the emulator listens. */
const Ready = Schema.fromJsonString(
  Schema.Struct({
    management: Schema.String,
    hub: Schema.String,
    catalog: Schema.String,
    token: Schema.String,
    namespace: Schema.String
  })
)

const encodeRecord = Schema.encodeEffect(
  Schema.fromJsonString(
    Schema.Struct({
      time: Schema.Finite,
      plane: Schema.String,
      method: Schema.String,
      path: Schema.String,
      status: Schema.Int,
      endpoint: Schema.optional(Schema.String),
      inputs: Schema.Int
    })
  )
)

/** The scenario that a file holds, or a seed stands for. */
const scenarioOf = Effect.fnUntraced(function* (options: {
  readonly scenario: Option.Option<string>
  readonly seed: Option.Option<number>
}) {
  const Scenario = yield* Effect.promise(() => import("@stint/emulator/Scenario"))
  if (Option.isSome(options.scenario) && Option.isSome(options.seed)) {
    const detail = "give --scenario or --seed, not both: which faults should come?"
    return yield* new SpecFileError({ path: options.scenario.value, detail })
  }
  if (Option.isNone(options.scenario))
    return Option.getOrUndefined(Option.map(options.seed, (seed) => Scenario.seeded(seed)))
  const path = options.scenario.value
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.flatMap(fs.readFileString(path), Scenario.fromText).pipe(
    Effect.mapError((error) => new SpecFileError({ path, detail: error.message }))
  )
})

/** The hub's datasets: the one that ships, and those of a folder. */
const datasetsOf = Effect.fnUntraced(function* (folder: Option.Option<string>) {
  const Dataset = yield* Effect.promise(() => import("@stint/emulator/Dataset"))
  const own = yield* Effect.orDie(Dataset.definitions)
  const given = Option.isNone(folder)
    ? {}
    : yield* Effect.mapError(
        Dataset.fromFolder(folder.value),
        (error) => new SpecFileError({ path: folder.value, detail: describe(error) })
      )
  return { [Dataset.definitionsId]: own, ...given }
})

/** What the command does. */
export const handle = Effect.fn("emulate")(function* (options: Given) {
  const Emulator = yield* Effect.promise(() => import("@stint/emulator/Emulator"))
  const Proxy = yield* Effect.promise(() => import("@stint/emulator/engine/Proxy"))
  const scenario = yield* scenarioOf(options)
  const proxy = yield* Effect.transposeOption(Option.map(options.proxy, (url) => Proxy.make({ url })))
  const fs = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  const file = yield* Effect.transposeOption(
    Option.map(options.log, (path) =>
      Effect.mapError(
        fs.open(path, { flag: "a" }),
        (error) => new SpecFileError({ path, detail: describe(error) })
      )
    )
  )
  const datasets = yield* datasetsOf(options.datasets)
  const serve = Effect.gen(function* () {
    const { urls, token, namespace } = yield* Emulator.Emulator
    const ready = yield* Schema.encodeEffect(Ready)({
      management: urls.management.href,
      hub: urls.hub.href.replace(/\/$/, ""),
      catalog: urls.catalog.href,
      token: Redacted.value(token),
      namespace
    })
    yield* Console.log(ready)
    return yield* Effect.never
  })
  const signals = yield* Signals
  const unserved = (error: { readonly cause?: unknown }) => {
    const why = Predicate.isError(error.cause) ? error.cause.message : "the address cannot be listened on"
    return Effect.fail(new NotServed({ host: options.host, port: options.port, why }))
  }
  yield* Effect.raceFirst(Effect.asVoid(signals.first), serve).pipe(
    Effect.provide(
      Emulator.layerServer({
        port: options.port,
        host: options.host,
        token: options.token,
        namespace: options.namespace,
        boot: options.boot,
        datasets,
        scenario,
        ...(Option.isNone(proxy) ? {} : { engines: () => proxy.value }),
        ...(Option.isNone(file)
          ? {}
          : {
              onRequest: (record) =>
                Effect.ignore(
                  Effect.flatMap(encodeRecord(record), (line) =>
                    file.value.writeAll(encoder.encode(`${line}\n`))
                  )
                )
            })
      })
    ),
    Effect.catchTag("ServeError", (error) => unserved(error))
  )
}, Effect.scoped)
