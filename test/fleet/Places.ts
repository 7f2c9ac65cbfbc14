/** What the programs of the fleet are told, and what they answer. */
import { Schema } from "effect"

/** Where a worker finds everything. */
export const WorkerPlace = Schema.Struct({
  name: Schema.String,
  database: Schema.String,
  api: Schema.String,
  host: Schema.String,
  port: Schema.Int
})

/** Where a worker finds everything. */
export type WorkerPlace = typeof WorkerPlace.Type

/** A batch on one machine. */
export const SinglePlace = Schema.Struct({
  api: Schema.String,
  input: Schema.String,
  journal: Schema.String,
  endpoint: Schema.String,
  limit: Schema.Int
})

/** How the service is set up. */
export const ServicePlace = Schema.Struct({
  /** Where it listens. */
  host: Schema.String,
  /** How long each answer takes. */
  latencyMillis: Schema.Finite
})

/** Where the service listens. */
export const Urls = Schema.Struct({ management: Schema.String })

/** A time a row was asked for: its number, by whom, from when, and until when it was done; by the clock of the machine. */
export const Execution = Schema.Struct({
  row: Schema.Int,
  worker: Schema.String,
  from: Schema.Finite,
  to: Schema.optionalKey(Schema.Finite)
})

/** A time a row was asked for. */
export type Execution = typeof Execution.Type

/** What has become of the endpoint, from its first state on. */
export const Change = Schema.Struct({ at: Schema.Finite, state: Schema.String })

/** What has become of the endpoint. */
export type Change = typeof Change.Type

/** The service's count. */
export const Log = Schema.Struct({ executions: Schema.Array(Execution), changes: Schema.Array(Change) })

/** The service's count. */
export type Log = typeof Log.Type

/** The endpoint as it is. */
export const Now = Schema.Struct({
  state: Schema.String,
  /** Rows that were done once at least. */
  done: Schema.Int,
  /** After how many minutes without a request it would fall asleep by itself; 0: never. */
  backstopMinutes: Schema.Finite
})

/** What a worker hosts. */
export const Hosts = Schema.Struct({
  isReaper: Schema.Boolean,
  /** A name of an endpoint whose keeper is where the reaper is. */
  endpoint: Schema.String
})

/** CPU time since the process began, in milliseconds. */
export const Usage = Schema.Finite
