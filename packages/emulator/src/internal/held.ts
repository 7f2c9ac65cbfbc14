/** One endpoint as the server holds it, and the JSON it answers with. */
import type * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "@stint/core/Endpoint"
import type { Engine } from "../Engine.ts"
import type * as Meter from "../Meter.ts"
import type { JsonObject } from "./body.ts"
import type { ContainerLog } from "./containerLog.ts"
import * as Identifier from "./identifier.ts"
import * as Instant from "./instant.ts"
import * as Replicas from "./replicas.ts"
import type { Telemetry } from "./telemetry.ts"
import type { Spec } from "./validation.ts"

/** What is observed of an endpoint. Only `lifecycle` changes it. */
export interface Status {
  readonly state: Endpoint.State
  readonly message: string
  readonly errorMessage: string | null
  readonly createdAt: string
  readonly createdBy: JsonObject
  readonly updatedAt: string
  readonly updatedBy: JsonObject
}

/** One endpoint. Its mutable parts belong to `lifecycle`. */
export interface Held extends Replicas.Owner {
  /** Grows with each creation: the order of lists. */
  readonly sequence: number
  readonly namespace: string
  readonly name: string
  readonly scope: Scope.Closeable
  /** Closed while the endpoint is on its way to running, so that requests can wait for the end of it. */
  readonly settled: Latch.Latch
  spec: Spec
  engine: Engine
  /** Where its data plane listens, from creation to deletion. */
  url: string
  /** Whether it has ever run: until then no URL is told. */
  hasRun: boolean
  status: Status
  /** How many replicas there should be now. */
  target: number
  readonly log: ContainerLog
  readonly telemetry: Telemetry
  meter: Meter.Meter
  inFlight: number
  lastUsedMillis: number
  /** When an authorised request last came or went; `undefined` is never. */
  lastUsed: bigint | undefined
  isDeleted: boolean
}

/** The key of an endpoint: names are unique in their namespace. */
export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

/** Somebody, as answers name them. */
export const person = (name: string): JsonObject => ({ id: Identifier.object(name), name })

/** The endpoint as the management API answers it. */
export const toJson = (held: Held): JsonObject => ({
  ...held.spec.document,
  status: statusOf(held)
})

const statusOf = (held: Held): JsonObject => {
  const { hasRun, lastUsed, status, target, url } = held
  return {
    state: status.state,
    message: status.message,
    errorMessage: status.errorMessage,
    ...(hasRun ? { url } : {}),
    readyReplica: Replicas.running(held),
    targetReplica: target,
    private: null,
    lastUsedAt: lastUsed === undefined ? null : Instant.format(lastUsed),
    inferenceMetricsEnabled: false,
    createdAt: status.createdAt,
    createdBy: status.createdBy,
    updatedAt: status.updatedAt,
    updatedBy: status.updatedBy
  }
}
