/**
 * `stint emulate`: Hugging Face in a box, on this machine.
 */
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Signals } from "../Signals.ts"
import { SpecFileError } from "../SpecFile.ts"
import { describe } from "@stint/batch/FileProblem"
import { ShortDuration } from "../ShortDuration.ts"

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

const flags = {
  port: Flag.Int("port").pipe(
    Flag.withDescription("Port of the management API; 0 takes a free one"),
    Flag.withSchema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))),
    Flag.withDefault(0)
  ),
  host: Flag.String("host").pipe(
    Flag.withDescription("Address to listen on; anything but loopback lets others in"),
    Flag.withDefault("127.0.0.1")
  ),
  token: Flag.Redacted("token").pipe(
    Flag.withDescription("The token that clients must send"),
    Flag.withDefault(Redacted.make("hf_emulator"))
  ),
  namespace: Flag.String("namespace").pipe(
    Flag.withDescription("The user's name"),
    Flag.withDefault("emulator")
  ),
  boot: Flag.String("boot").pipe(
    Flag.withDescription("How long an endpoint takes to boot, as in 500ms, 2s, 3m"),
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
  log: Flag.String("log").pipe(
    Flag.withDescription("Append every request to this file, one JSON object a line"),
    Flag.optional
  )
}

/** The address cannot be listened on. */
export class NotServed extends Schema.TaggedError<NotServed>()("NotServed", {
  host: Schema.String,
  port: Schema.Int,
  why: Schema.String
}) {
  override get message() {
    return `Cannot listen on ${this.host}, port ${this.port}: ${this.why}. Choose another --port, or 0 for a free one.`
  }
}

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

/** `stint emulate` */
export const emulate = Command.make(
  "emulate",
  flags,
  Effect.fn("emulate")(function* (options) {
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
).pipe(
  Command.withDescription("Run Hugging Face Inference Endpoints on this machine: no account, no bill"),
  Command.withExamples([
    {
      command: "stint emulate --boot 2s",
      description: "Prints one line of JSON with the addresses when it is ready"
    },
    {
      command: "stint emulate --scenario faults.json",
      description: 'With faults, such as {"rules": [{"on": {"plane": "data"}, "do": {"delay": "2 seconds"}}]}'
    },
    {
      command: "stint emulate --proxy http://127.0.0.1:11434/v1",
      description: "Endpoints that pass requests on to a server of yours"
    }
  ])
)
