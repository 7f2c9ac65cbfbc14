/** Reports to look at: a whole one, and what hostile rows would make of it. */
import { Histogram } from "@stint/batch"
import { distributionOf, type Point, type RunReport } from "../src/report/RunReport.ts"

/** Points of a second each, with so many rows in them. */
export const timeline = (rows: ReadonlyArray<number>, step = 1000): ReadonlyArray<Point> =>
  rows.map((succeeded, at) => ({
    fromMillis: at * step,
    toMillis: (at + 1) * step,
    succeeded,
    failed: 0,
    attempts: succeeded,
    faults: 0,
    inFlight: 4,
    limit: 8,
    heldMillis: 0,
    p50: 100,
    p95: 200
  }))

const spread = (values: ReadonlyArray<number>) => {
  const histogram = Histogram.make()
  for (const value of values) Histogram.add(histogram, value)
  return distributionOf(histogram)
}

/** A run with everything in it; `text` stands wherever rows, servers or people may put words. */
export const report = (text: string): RunReport => ({
  version: 1,
  source: "run",
  startedAt: "2026-01-01T00:00:00.000Z",
  endedAt: "2026-01-01T00:01:00.000Z",
  ended: { how: "failed", why: text },
  command: ["stint", "run", text],
  versions: { stint: "0.0.0" },
  directory: text,
  input: text,
  job: "embed",
  endpoint: { name: text, namespace: text, model: text, revision: text, state: text, isBilled: true },
  items: 30,
  succeeded: 20,
  failed: 4,
  skipped: 1,
  remaining: 5,
  attempts: 30,
  faults: { [text]: 3, busy: 2 },
  durationMillis: 20_000,
  itemsPerSecond: 1.2,
  hardware: text,
  bill: { billedMinutes: 2, pricePerHour: 6, dollars: 0.2, peakReplicas: 1 },
  folder: { runs: 2, billedMinutes: 4, dollars: 0.4 },
  phases: [
    { name: "cold", fromMillis: 0, toMillis: 20_000, dollars: 0.1 },
    { name: "steady", fromMillis: 20_000, toMillis: 40_000, dollars: 0.1 }
  ],
  floor: { rowsPerSecond: 2, millis: 30_000, billedMinutes: 1, dollars: 0.1, times: 2 },
  moments: [{ atMillis: 0, what: text }],
  timeline: timeline([0, 0, 5, 5, 5, 5]),
  latency: spread([100, 200, 300]),
  tokens: { input: spread([10, 20]), output: spread([5, 500]) },
  tries: [
    { attempts: 1, rows: 20 },
    { attempts: 2, rows: 4 }
  ],
  failures: [{ reason: text, status: 422, rows: 4, examples: [{ key: text, message: text }] }],
  next: [text]
})
