/** What `stint endpoints update` does. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import type { Endpoint } from "@stint/core/Endpoint"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import { withNear } from "../../EndpointMissing.ts"
import * as EndpointPrice from "../../EndpointPrice.ts"
import { EndpointsRefused } from "../../EndpointsRefused.ts"
import { SpecFileError } from "../../SpecFile.ts"
import * as Held from "../../Held.ts"
import * as SpecFlags from "../../SpecFlags.ts"
import * as EndpointView from "../../ui/EndpointView.ts"
import * as Attended from "./attended.ts"
import * as Namespace from "../../Namespace.ts"
import * as Target from "../../commands/endpoints/Target.ts"
import * as Waiting from "./waiting.ts"
import type { Given } from "../../commands/endpoints/update.ts"

const { accelerator, instanceSize, instanceType, repository } = EndpointSpec.FromJson.fields

/** Those that may be left out of a spec, and have no default then. */
const open = Struct.omit(EndpointSpec.FromJson.fields, [
  "repository",
  "framework",
  "accelerator",
  "vendor",
  "region",
  "instanceType",
  "instanceSize",
  "minReplica",
  "maxReplica",
  "scaleToZeroTimeout",
  "type"
])

const Replicas = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** A spec in which everything may be left out, and nothing that is has a default. */
const Change = Schema.Struct({
  ...open,
  repository: Schema.optionalKey(repository),
  accelerator: Schema.optionalKey(accelerator),
  instanceType: Schema.optionalKey(instanceType),
  instanceSize: Schema.optionalKey(instanceSize),
  framework: Schema.optionalKey(Schema.String),
  type: Schema.optionalKey(Schema.String),
  minReplica: Schema.optionalKey(Replicas),
  maxReplica: Schema.optionalKey(Replicas),
  scaleToZeroTimeout: Schema.optionalKey(Schema.NullOr(EndpointSpec.Minutes))
})

const decode = Schema.decodeUnknownEffect(Change, { errors: "all", onExcessProperty: "error" })

const encode = Schema.encodeEffect(Schema.fromJsonString(Schema.Json))

/** Where it runs is chosen once: the same place is no change, another one is refused. */
const moved = (wanted: SpecFlags.Fields, { provider }: Endpoint): string | undefined => {
  for (const place of ["vendor", "region"] as const) {
    const asked = wanted[place]
    const has = provider?.[place]
    if (asked !== undefined && asked !== has) {
      return `an endpoint stays in its ${place} (${has ?? "not known"}), and "${String(asked)}" is another. Create one there, and delete this one`
    }
  }
  return undefined
}

/** Replicas that are replaced under a run make it wait, on its bill. */
const IN_USE = "A change may replace its replicas: that run waits for the new ones meanwhile, on its bill."

/** Whether it is to be changed although runs use it. */
const isMeant = Effect.fnUntraced(function* (name: string, heldBy: ReadonlyArray<Held.Holder>, yes: boolean) {
  const { canPrompt } = yield* TerminalCapabilities
  if (!yes && !canPrompt) {
    const detail = `${Held.words(heldBy)}, and there is no terminal to ask on. ${IN_USE} Wait for it, or run this again with --yes`
    return yield* new EndpointsRefused({ command: "update", detail })
  }
  yield* Held.warn(name, heldBy, IN_USE)
  return yes || (yield* Prompt.run(Prompt.Confirm({ message: `Change ${name} all the same?` })))
})

const isObject = (json: Schema.Json): json is Schema.JsonObject =>
  Predicate.isObject(json) && !Array.isArray(json)

/** What the server says, and beside it who uses the endpoint. */
const toJson = ({ raw }: Endpoint, heldBy: ReadonlyArray<Held.Holder>): Schema.Json =>
  isObject(raw) ? { ...raw, stint: { heldBy } } : raw

/** What the command does. */
export const handle = Effect.fn("endpoints.update")(function* (given: Given) {
  const { name } = given
  const endpoints = yield* Namespace.service(given)
  const near = withNear(endpoints)
  const { region, vendor, ...fields } = yield* SpecFlags.fields(given, "update")
  if (Object.keys(fields).length === 0 && vendor === undefined && region === undefined) {
    const detail = "say what to change, as in --max-replica 2, or give a --spec"
    return yield* new EndpointsRefused({ command: "update", detail })
  }
  const change = yield* Effect.mapError(decode(fields), ({ message }) =>
    Option.match(given.spec, {
      onNone: () => new EndpointsRefused({ command: "update", detail: message }),
      onSome: (path) => new SpecFileError({ path, detail: message })
    })
  )
  const place = {
    ...(vendor === undefined ? {} : { vendor }),
    ...(region === undefined ? {} : { region })
  }
  const detail = moved(place, yield* near(endpoints.get(name)))
  if (detail !== undefined) return yield* new EndpointsRefused({ command: "update", detail })
  const heldBy = yield* Held.of(endpoints, name)
  if (heldBy.length > 0 && !(yield* isMeant(name, heldBy, given.yes))) {
    return yield* new EndpointsRefused({
      command: "update",
      detail: "a run uses the endpoint, and it was left to it"
    })
  }

  const updating = Effect.gen(function* () {
    const changed = yield* near(endpoints.update(name, change))
    const listed = yield* EndpointPrice.listed(endpoints)
    const cost = EndpointView.cost(changed, EndpointPrice.priceOf(changed, listed))
    yield* Console.error(
      `${name}: ${changed.state}, changed: ${Object.keys(fields).join(", ")}. Cost: ${cost}.`
    )
    if (given.wait && changed.isAsleep) {
      yield* Console.error(`${name} is ${changed.state}, so there is nothing to wait for.`)
    }
    const endpoint =
      given.wait && !changed.isAsleep
        ? yield* near(Waiting.untilReady(endpoints, name, given.timeout))
        : changed
    yield* Console.log(given.json ? yield* Effect.orDie(encode(toJson(endpoint, heldBy))) : endpoint.state)
  })
  yield* Attended.untilSignal(
    updating,
    () => `look at what became of it: ${Target.commandLine("get", name, given)}`
  )
})
