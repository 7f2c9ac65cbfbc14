import { assert, describe, it } from "@effect/vitest"
import * as View from "../src/handlers/cluster/view.ts"

const left = {
  endpoint: "acme/e",
  state: "held",
  policy: "pause",
  heldMillis: 25_000,
  leases: []
} as const
const worker = {
  worker: "w1",
  host: "h",
  state: "working",
  definitions: [],
  inFlight: 0,
  share: 0,
  items: 0,
  rate: 0,
  silentMillis: 0
}

describe("an endpoint that its holders left", () => {
  it("is said to be billing where no worker is there to release it", () => {
    assert.match(View.endpointText(left, []), /MAY BE BILLING.*stint cluster reap/)
    assert.strictEqual(
      View.endpointText(left, [worker]),
      "left by its holders; it is released within seconds"
    )
  })
})
