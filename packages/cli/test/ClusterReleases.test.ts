/** Whether an endpoint was released when a worker ends, and when a run does. */
import { assert, describe, it } from "@effect/vitest"
import * as Releases from "../src/handlers/cluster/releases.ts"

type Seen = Parameters<typeof Releases.leftBy>[0][number]

const seen = (state: Seen["state"], ...workers: ReadonlyArray<string>): Seen => ({
  endpoint: "acme/e",
  state,
  leases: workers.map((worker) => ({
    worker,
    phase: "held",
    since: "2026-01-01T00:00:00.000Z",
    millisLeft: 1000
  }))
})

const mine = ["acme/e"]

describe("an endpoint that a worker held before it ended", () => {
  const left = (one: Seen, before = mine) => Releases.leftBy([one], "w1", before).length > 0

  it("is left behind while it holds it, and where nobody does and its release is not confirmed", () => {
    assert.isTrue(left(seen("held", "w1"), []))
    assert.isTrue(left(seen("unconfirmed")))
    assert.isTrue(left(seen("held")))
  })

  it("is not where it is released, where others hold it, and where it never was this worker's", () => {
    assert.isFalse(left(seen("released")))
    assert.isFalse(left(seen("held", "w2")))
    assert.isFalse(left(seen("unconfirmed", "w2")))
    assert.isFalse(left(seen("unconfirmed"), []))
  })
})

describe("endpoints that a worker held, where the database cannot be asked", () => {
  it("are left behind while it holds them still, and all of them where a release has failed", () => {
    assert.deepStrictEqual(Releases.leftUnread(["acme/e", "acme/f"], ["acme/f"], false), ["acme/f"])
    assert.deepStrictEqual(Releases.leftUnread(["acme/e"], [], false), [])
    assert.deepStrictEqual(Releases.leftUnread(["acme/e", "acme/f"], [], true), ["acme/e", "acme/f"])
  })
})

describe("an endpoint of a run that has ended", () => {
  const live = [{ run: "other", endpoint: "e" }]
  it("is held by others while a run goes on and somebody has it; a run alone holds nothing", () => {
    assert.isTrue(Releases.isHeldByOthers(seen("held", "w2"), "mine", live))
    assert.isFalse(Releases.isHeldByOthers(seen("unconfirmed"), "mine", live))
    assert.isFalse(Releases.isHeldByOthers(seen("held", "w2"), "other", live))
    assert.isFalse(Releases.isHeldByOthers(seen("held", "w2"), "mine", [{ run: "other", endpoint: "f" }]))
  })
})
