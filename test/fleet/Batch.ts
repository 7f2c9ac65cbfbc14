/** What every process of the fleet knows: the job, what a row of it is, and the right answer to it. */
import { Job } from "@stint/batch"
import { ClusterBatch } from "@stint/cluster"
import { EndpointSpec } from "@stint/core"
import { Schema } from "effect"

/** A row of the input. */
export const Row = Schema.Struct({ id: Schema.String, text: Schema.String })

/** A row of the input. */
export type Row = typeof Row.Type

/** A vector for each row, one request each. */
export const job = { ...Job.embed({ key: (row: Row) => row.id, text: (row) => row.text }), pack: undefined }

/** The same for the cluster. */
export const embedding = ClusterBatch.make({ name: "embedding", row: Row, job })

/** The endpoint. */
export const spec = EndpointSpec.make({
  repository: "stint/test",
  accelerator: "cpu",
  vendor: "aws",
  region: "us-east-1",
  instanceType: "intel-spr",
  instanceSize: "x1"
})

/** The input, as lines of JSON. */
export const lines = (rows: number): string =>
  Array.from({ length: rows }, (_, row) => `{"id":"row-${row}","text":"text ${row}"}\n`).join("")

/** The number of a row, of its id or its text. */
export const numberOf = (text: string): number => Number(text.slice(text.search(/\d+$/)))

/** The right answer to a row, which no other row has. */
export const vectorOf = (row: number): ReadonlyArray<number> => [row + 0.5, 0.25]

/** The token of the service. */
export const token = "hf_fleet"

/** Whose endpoints they are. */
export const namespace = "fleet"

/** Says who sent a request, for the count. */
export const SENDER = "x-fleet-worker"
