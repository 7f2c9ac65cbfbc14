/** What the management API accepts, and its words for what it does not. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { BadRequest } from "@stint/core/ControlPlane"
import * as EndpointSpec from "@stint/core/EndpointSpec"
import type * as PriceList from "@stint/core/PriceList"
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
  readonly pricePerHour: number
  readonly provider: { readonly vendor: string; readonly region: string }
  /** How many replicas there are while the endpoint is awake. */
  readonly replicas: number
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
}: EndpointSpec.CreateBody): Effect.fn.Return<PriceList.Instance, BadRequest> {
  const regions = Hardware.regions[vendor]
  if (regions === undefined)
    return yield* invalid(
      `provider.vendor: unknown variant \`${vendor}\`, expected one of \`aws\`, \`azure\`, \`gcp\``
    )
  if (!regions.includes(region))
    return yield* invalid(`provider.region: unknown region \`${region}\` of \`${vendor}\``)
  const instance = Hardware.find({ vendor, region, instanceType, instanceSize })
  if (instance === undefined)
    return yield* invalid(
      `compute: unknown instance \`${instanceType}\` \`${instanceSize}\` in \`${vendor}\` \`${region}\``
    )
  return instance.accelerator === accelerator
    ? instance
    : yield* invalid(
        `compute.accelerator: \`${instanceType}\` is \`${instance.accelerator}\`, not \`${accelerator}\``
      )
})

/** Decodes the words of a body, before anything looks at their meaning. */
const understand = (sent: JsonObject): Effect.Effect<EndpointSpec.CreateBody, BadRequest> =>
  Effect.mapError(decode(sent), (error) => unreadable(describe(error.issue)))

/** Checks a body and fills in what the server fills in. */
export const validate = Effect.fnUntraced(function* (sent: JsonObject): Effect.fn.Return<Spec, BadRequest> {
  const body = yield* understand(sent)
  if (!isName(body.name)) return yield* invalid("name: must be 1 to 32 lowercase letters, digits or hyphens")
  const type = body.type ?? "authenticated"
  if (!types.includes(type))
    return yield* invalid(
      `type: unknown variant \`${type}\`, expected one of ${types.map((t) => `\`${t}\``).join(", ")}`
    )
  const instance = yield* hardware(body)
  const image = body.model.image
  const problem = Image.problem(image, instance.accelerators) ?? scalingProblem(body)
  if (problem !== undefined) return yield* invalid(problem)

  const { scaling } = body.compute
  const { repository } = body.model
  const task = body.model.task ?? Task.guess(repository, Image.variantOf(image))
  const env = body.model.env ?? {}
  const idleMinutes = scaling.minReplica > 0 ? undefined : (scaling.scaleToZeroTimeout ?? 15)
  const measure = scaling.measure ?? { hardwareUsage: null }
  const document: JsonObject = {
    accountId: null,
    tags: [],
    cacheHttpResponses: false,
    experimentalFeatures: {},
    ...sent,
    name: body.name,
    type,
    compute: {
      ...objectOf(sent["compute"]),
      id: [body.provider.vendor, body.provider.region, instance.instanceType, instance.instanceSize].join(
        "-"
      ),
      scaling: {
        ...objectOf(objectOf(sent["compute"])["scaling"]),
        scaleToZeroTimeout: idleMinutes ?? null,
        measure,
        metric: Object.keys(measure)[0] ?? "hardwareUsage"
      }
    },
    model: {
      secrets: {},
      fromCatalog: false,
      ...objectOf(sent["model"]),
      framework: body.model.framework ?? "pytorch",
      revision: revisionOf(repository, body.model.revision),
      task,
      env,
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
    env,
    isPublic: type === "public",
    pricePerHour: instance.pricePerHour,
    provider: body.provider,
    replicas: Math.max(1, scaling.minReplica),
    idleMinutes
  }
})

/** A branch or nothing is resolved to a commit; a commit is one already. */
const revisionOf = (repository: string, revision: string | null | undefined): string =>
  revision && /^[0-9a-f]{40}$/.test(revision)
    ? revision
    : Identifier.commit(`${repository}@${revision ?? "main"}`)
