/**
 * One endpoint in full: a line for each thing that one may want to know.
 */
import type { Endpoint } from "@stint/core/Endpoint"
import { type EndpointPrice, dollars } from "../EndpointPrice.ts"

/** What brings the endpoint on from where it is. */
export const waitsFor = (endpoint: Endpoint): string | undefined => {
  switch (endpoint.state) {
    case "running":
      return undefined
    case "paused":
      return "a resume: requests do not wake it"
    case "scaledToZero":
      return "the next request, which wakes it"
    case "pending":
      return "hardware"
    case "initializing":
      return "its container to start and the model to load"
    case "updating":
      return "the update; it does not answer until then"
    case "failed":
    case "updateFailed":
      return "somebody to mend it: see its logs"
    default:
      return undefined
  }
}

const scaling = ({ compute }: Endpoint): string | undefined => {
  const { maxReplica, minReplica, scaleToZeroTimeout } = compute?.scaling ?? {}
  if (typeof maxReplica !== "number") return undefined
  const range = `${minReplica ?? 0} to ${maxReplica} ${maxReplica === 1 ? "replica" : "replicas"}`
  return minReplica === 0 && typeof scaleToZeroTimeout === "number"
    ? `${range}, asleep after ${scaleToZeroTimeout} minutes without requests`
    : `${range}, NEVER ASLEEP BY ITSELF`
}

/** What an hour costs, now and at most. */
export const cost = (endpoint: Endpoint, { now, perReplica, replicas }: EndpointPrice): string => {
  if (replicas === 0)
    return perReplica === undefined ? "nothing now" : `nothing now; $${dollars(perReplica)} an hour a replica`
  if (perReplica === undefined || now === undefined) return "not known"
  const most = endpoint.compute?.scaling?.maxReplica ?? replicas
  const upTo = most > replicas ? `; at most $${dollars(most * perReplica)} with ${most}` : ""
  return `$${dollars(now)} an hour now, ${replicas} ${replicas === 1 ? "replica" : "replicas"}${upTo}`
}

const by = (
  moment: string | null | undefined,
  who: { readonly name?: string | null; readonly id?: string | null } | null | undefined
) => {
  if (typeof moment !== "string") return undefined
  const name = who?.name ?? who?.id
  return `${moment}${typeof name === "string" ? ` by ${name}` : ""}`
}

/** The lines, their values aligned. */
export const format = (endpoint: Endpoint, price: EndpointPrice): string => {
  const { model, status } = endpoint
  const image = Object.keys(model?.image ?? {})[0]
  const replicas = status.targetReplica
  const lines: ReadonlyArray<readonly [string, string | null | undefined]> = [
    ["name", endpoint.namespace === undefined ? endpoint.name : `${endpoint.namespace}/${endpoint.name}`],
    ["state", endpoint.state],
    ["says", status.message],
    ["waits for", waitsFor(endpoint)],
    ["error", status.errorMessage],
    ["url", status.url],
    ["model", model?.repository],
    ["revision", model?.revision],
    ["task", model?.task],
    ["image", image],
    ["hardware", endpoint.hardware],
    ["cost", cost(endpoint, price)],
    ["replicas", typeof replicas === "number" ? `${endpoint.readyReplica} ready of ${replicas}` : undefined],
    ["scaling", scaling(endpoint)],
    ["access", endpoint.type],
    ["tags", (endpoint.tags ?? []).join(", ")],
    ["created", by(status.createdAt, status.createdBy)],
    ["changed", by(status.updatedAt, status.updatedBy)],
    ["last used", status.lastUsedAt]
  ]
  const shown = lines.filter(([, value]) => typeof value === "string" && value !== "")
  const width = Math.max(...shown.map(([key]) => key.length))
  return shown.map(([key, value]) => `${key.padEnd(width)}  ${value ?? ""}`).join("\n")
}
