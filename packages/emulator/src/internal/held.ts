/** One endpoint as the server holds it, and the JSON it answers with. */
import * as DateTime from "effect/DateTime"
import type * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type * as Endpoint from "@stint/core/Endpoint"
import type { Engine } from "../Engine.ts"
import type * as Meter from "../Meter.ts"
import type { JsonObject } from "./body.ts"
import * as Identifier from "./identifier.ts"
import type { Spec } from "./validation.ts"

/** What is observed of an endpoint. Only `lifecycle` changes it. */
export interface Status {
  readonly state: Endpoint.State
  readonly message: string
  readonly errorMessage: string | null
  readonly readyReplica: number
  readonly targetReplica: number
  readonly createdAt: string
  readonly createdBy: string
  readonly updatedAt: string
  readonly updatedBy: string
  readonly lastUsedAt: string | null
}

/** One endpoint. Its mutable parts belong to `lifecycle`. */
export interface Held {
  /** Also the first label of its host. */
  readonly id: string
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
  meter: Meter.Meter
  inFlight: number
  lastUsedMillis: number
  isDeleted: boolean
}

/** The key of an endpoint: names are unique in their namespace. */
export const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

/** RFC 3339 with 0, 3, 6 or 9 fraction digits, as the server's own library writes it. */
export const timestamp = (nanos: bigint): string => {
  const seconds = DateTime.formatIso(DateTime.makeUnsafe(Number(nanos / 1_000_000n))).slice(0, 19)
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, "0")
    .replace(/(?:000){1,3}$/, "")
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`
}

const person = (name: string) => ({ id: Identifier.object(name), name })

/** The endpoint as the management API answers it. */
export const toJson = ({ hasRun, spec, status, url }: Held): JsonObject => ({
  ...spec.document,
  status: {
    state: status.state,
    message: status.message,
    errorMessage: status.errorMessage,
    ...(hasRun ? { url } : {}),
    readyReplica: status.readyReplica,
    targetReplica: status.targetReplica,
    private: null,
    lastUsedAt: status.lastUsedAt,
    inferenceMetricsEnabled: false,
    createdAt: status.createdAt,
    createdBy: person(status.createdBy),
    updatedAt: status.updatedAt,
    updatedBy: person(status.updatedBy)
  }
})
