/** What the management API accepts, and its words for what it does not. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { BadRequest } from "@stint/core/ControlPlane"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import * as Autoscale from "./autoscale.ts"
import { type JsonObject, objectOf, unreadable } from "./body.ts"
import * as Hardware from "./hardware.ts"
import * as Identifier from "./identifier.ts"
import * as Image from "./image.ts"
import * as Task from "./task.ts"

/** A description of an endpoint that was accepted. */
export interface Spec {
  /** The body as it was sent, a PUT's fields merged in. */
  readonly sent: JsonObject
  /** The body as it is answered: every default filled in. */
  readonly document: JsonObject
  readonly name: string
  readonly repository: string
  readonly task: string
  readonly image: JsonObject
  readonly env: JsonObject
  readonly isPublic: boolean
  readonly provider: { readonly vendor: string; readonly region: string }
  readonly hardware: Hardware.Offer
  readonly port: number
  /** How many replicas there are at least while the endpoint is awake, and how many at most. */
  readonly replicas: number
  readonly maxReplicas: number
  readonly measure: Autoscale.Measure
  /** Minutes without a request after which the endpoint sleeps; `undefined` is never. */
  readonly idleMinutes: number | undefined
}

const invalid = (error: string) => new BadRequest({ error, code: "VALIDATION_FAILED" })

const lowerFirst = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1)

// Worded as the server's own deserialiser does it; the value itself, which may be a secret, is not repeated.
const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "MissingKey") return "missing field"
    if (issue._tag === "InvalidType" && issue.input === null) return "expected value"
    return lowerFirst(SchemaIssue.defaultLeafHook(issue)).replace(/, got .*$/s, "")
  }
})

const describe = (issue: SchemaIssue.Issue): string => {
  const first = format(issue).issues[0]
  const path = (first?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))
  const message = first?.message ?? "invalid value"
  if (message !== "missing field") return [...path, ""].join(".").replace(/\.$/, ": ") + message
  const owner = path.slice(0, -1).join(".")
  return `${owner === "" ? "" : `${owner}: `}missing field \`${path.at(-1) ?? ""}\``
}

const decode = Schema.decodeUnknownEffect(EndpointSpec.CreateBody, { reportInput: true })

const types = ["public", "authenticated", "private", "protected"]

const isName = Schema.is(EndpointSpec.Name)

const scalingProblem = ({ compute: { scaling } }: EndpointSpec.CreateBody): string | undefined => {
  const { maxReplica, minReplica, scaleToZeroTimeout: timeout } = scaling
  const isCount = (count: number) => Number.isInteger(count) && count >= 0
  if (!isCount(minReplica) || !isCount(maxReplica) || maxReplica === 0 || minReplica > maxReplica)
    return "compute.scaling: expected integers with 0 <= minReplica <= maxReplica and maxReplica >= 1"
  if (timeout === undefined || timeout === null) return undefined
  if (!Number.isInteger(timeout) || timeout < 15 || timeout > 2880)
    return "compute.scaling.scaleToZeroTimeout: must be between 15 and 2880 minutes"
  return minReplica > 0
    ? "compute.scaling: scaleToZeroTimeout is incompatible with a minReplica of 1 or more"
    : undefined
}

const hardware = Effect.fnUntraced(function* ({
  compute: { accelerator, instanceSize, instanceType },
  provider: { region, vendor }
}: EndpointSpec.CreateBody): Effect.fn.Return<Hardware.Offer, BadRequest> {
  const regions = Hardware.regions[vendor]
  if (regions === undefined)
    return yield* invalid(
      `provider.vendor: unknown variant \`${vendor}\`, expected one of \`aws\`, \`azure\`, \`gcp\``
    )
  if (!regions.includes(region))
    return yield* invalid(`provider.region: unknown region \`${region}\` of \`${vendor}\``)
  const offer = Hardware.find({ vendor, region, instanceType, instanceSize })
  if (offer === undefined)
    return yield* invalid(
      `compute: unknown instance \`${instanceType}\` \`${instanceSize}\` in \`${vendor}\` \`${region}\``
    )
  return offer.instance.accelerator === accelerator
    ? offer
    : yield* invalid(
        `compute.accelerator: \`${instanceType}\` is \`${offer.instance.accelerator}\`, not \`${accelerator}\``
      )
})

/** Decodes the words of a body, before anything looks at their meaning. */
const understand = (sent: JsonObject): Effect.Effect<EndpointSpec.CreateBody, BadRequest> =>
  Effect.mapError(decode(sent), (error) => unreadable(describe(error.issue)))

const only = (json: JsonObject, keys: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(Object.entries(json).filter(([key]) => keys.includes(key)))

// What the server does not know it drops, on every level.
const top = [
  "name",
  "type",
  "accountId",
  "tags",
  "provider",
  "compute",
  "model",
  "route",
  "cacheHttpResponses",
  "experimentalFeatures",
  "network",
  "privateService",
  "notifications",
  "customRouter"
]
const ofModel = [
  "repository",
  "framework",
  "revision",
  "task",
  "image",
  "env",
  "secrets",
  "args",
  "command",
  "fromCatalog"
]
const ofCompute = ["accelerator", "instanceType", "instanceSize"]
const ofScaling = ["minReplica", "maxReplica"]

// Values of secrets are written, never read.
const hidden = (secrets: JsonObject): JsonObject =>
  Object.fromEntries(Object.keys(secrets).map((key) => [key, ""]))

/** `measure`, or the deprecated halves of it. */
const measureOf = Effect.fnUntraced(function* (
  scaling: JsonObject
): Effect.fn.Return<{ readonly shown: JsonObject; readonly measure: Autoscale.Measure }, BadRequest> {
  const metric = scaling["metric"]
  const halves: JsonObject =
    typeof metric === "string" ? { [metric]: scaling["threshold"] ?? null } : { hardwareUsage: null }
  const measure = scaling["measure"]
  const whole = measure === undefined || measure === null ? halves : objectOf(measure)
  const [kind, ...more] = Object.keys(whole)
  if ((kind !== "pendingRequests" && kind !== "hardwareUsage") || more.length > 0)
    return yield* invalid(
      `compute.scaling.measure: unknown variant \`${kind ?? ""}\`, expected one of \`pendingRequests\`, \`hardwareUsage\``
    )
  const value = whole[kind] ?? null
  if (value !== null && !(typeof value === "number" && value > 0))
    return yield* invalid(`compute.scaling.measure.${kind}: expected a number above 0`)
  return {
    shown: { measure: { [kind]: value }, metric: kind, ...(value === null ? {} : { threshold: value }) },
    measure: { kind, threshold: value ?? Autoscale.defaults[kind] }
  }
})

/** Checks a body and fills in what the server fills in. */
export const validate = Effect.fnUntraced(function* (sent: JsonObject): Effect.fn.Return<Spec, BadRequest> {
  const body = yield* understand(sent)
  if (!isName(body.name)) return yield* invalid("name: must be 1 to 32 lowercase letters, digits or hyphens")
  const type = body.type ?? "authenticated"
  if (!types.includes(type))
    return yield* invalid(
      `type: unknown variant \`${type}\`, expected one of ${types.map((t) => `\`${t}\``).join(", ")}`
    )
  const offer = yield* hardware(body)
  const problem = Image.problem(body.model.image, offer.instance.accelerators) ?? scalingProblem(body)
  if (problem !== undefined) return yield* invalid(problem)

  const image = Image.declared(body.model.image)
  const { scaling } = body.compute
  const sentCompute = objectOf(sent["compute"])
  const sentScaling = objectOf(sentCompute["scaling"])
  const sentModel = objectOf(sent["model"])
  const { measure, shown } = yield* measureOf(sentScaling)
  const { repository } = body.model
  const task = body.model.task ?? Task.guess(repository, Image.variantOf(image))
  const env = body.model.env ?? {}
  const idleMinutes = scaling.minReplica > 0 ? undefined : (scaling.scaleToZeroTimeout ?? 15)
  const document: JsonObject = {
    accountId: null,
    tags: [],
    cacheHttpResponses: false,
    experimentalFeatures: {},
    ...only(sent, top),
    name: body.name,
    type,
    provider: { vendor: body.provider.vendor, region: body.provider.region },
    compute: {
      id: offer.id,
      ...only(sentCompute, ofCompute),
      scaling: { ...only(sentScaling, ofScaling), scaleToZeroTimeout: idleMinutes ?? null, ...shown }
    },
    model: {
      fromCatalog: false,
      ...only(sentModel, ofModel),
      framework: body.model.framework ?? "pytorch",
      revision: revisionOf(repository, body.model.revision),
      task,
      env,
      secrets: hidden(objectOf(sentModel["secrets"])),
      image: Image.shown(image)
    },
    healthRoute: Image.healthRouteOf(image)
  }
  return {
    sent,
    document,
    name: body.name,
    repository,
    task,
    image,
    env: { ...objectOf(Image.fieldsOf(image)["env"]), ...env },
    isPublic: type === "public",
    provider: body.provider,
    hardware: offer,
    port: Image.portOf(image),
    replicas: Math.max(1, scaling.minReplica),
    maxReplicas: Math.max(1, scaling.maxReplica),
    measure,
    idleMinutes
  }
})

/** A branch or nothing is resolved to a commit; a commit is one already. */
const revisionOf = (repository: string, revision: string | null | undefined): string =>
  revision && /^[0-9a-f]{40}$/.test(revision)
    ? revision
    : Identifier.commit(`${repository}@${revision ?? "main"}`)
