/** Each way in which a release can go wrong, and what is known of the endpoint afterwards. */
import { assert, describe, it } from "@effect/vitest"
import { ManagedEndpoint, withEndpoint } from "@stint/batch"
import type { ReleaseUnconfirmed } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Clock, Effect } from "effect"
import * as World from "./batchWorld.ts"

type Trouble = (seen: World.Seen & { readonly since: number }) => World.Tampering

/** A run whose network is well until it releases; `since` counts the requests of that method and path from there. */
const run = (options: Partial<ManagedEndpoint.Options>, trouble: Trouble) => {
  let isReleasing = false
  let startedAt = 0
  const before = new Map<string, number>()
  const tamper: World.Tamper = (seen) => {
    const id = `${seen.method} ${seen.path}`
    if (!isReleasing) {
      before.set(id, seen.nth + 1)
      return undefined
    }
    return trouble({ ...seen, since: seen.nth - (before.get(id) ?? 0) })
  }
  const program = Effect.gen(function* () {
    const result = yield* World.inTime(
      Effect.result(
        withEndpoint({ ...World.options, ...options }, () =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            isReleasing = true
            startedAt = now
          })
        )
      )
    )
    isReleasing = false
    return {
      error: result._tag === "Failure" ? result.failure : undefined,
      seconds: ((yield* Clock.currentTimeMillis) - startedAt) / 1000
    }
  })
  return { program, layer: World.world({}, tamper) }
}

const isPause = ({ method, path }: World.Seen) => method === "POST" && path.endsWith("/pause")
const answered = (status: number) => Response.json({ error: `says ${status}` }, { status })

describe("a release is confirmed", () => {
  const table: ReadonlyArray<readonly [what: string, trouble: Trouble, seconds: number]> = [
    [
      "though the pause answers 500 five times",
      (seen) => (isPause(seen) && seen.since < 5 ? answered(500) : undefined),
      30
    ],
    [
      "though the pause hangs three times",
      (seen) => (isPause(seen) && seen.since < 3 ? "silence" : undefined),
      50
    ],
    [
      "though the pause is lost and the first two reads are",
      (seen) => (isPause(seen) ? "lost" : seen.since < 2 ? "refused" : undefined),
      30
    ],
    [
      "though it is told to slow down",
      (seen) => (isPause(seen) && seen.since < 2 ? answered(429) : undefined),
      30
    ],
    ["though the network is gone for a minute", (seen) => (seen.since < 9 ? "refused" : undefined), 90],
    ["though a proxy answers the pause with its page", (seen) => (isPause(seen) ? "garbled" : undefined), 30],
    [
      "though the token is refused twice on the way",
      (seen) => (isPause(seen) && seen.since < 2 ? answered(401) : undefined),
      30
    ]
  ]
  for (const [what, trouble, seconds] of table) {
    const { layer, program } = run({}, trouble)
    it.effect(what, () =>
      Effect.gen(function* () {
        const end = yield* program
        assert.isUndefined(end.error)
        assert.isAtMost(end.seconds, seconds)
        yield* World.isPausedAndFree
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("by what is read, when the pause hangs for ever but was carried out", () => {
    let pauses: Effect.Effect<void> = Effect.void
    const { layer, program } = run({}, (seen) =>
      isPause(seen)
        ? Effect.andThen(
            Effect.suspend(() => pauses),
            Effect.never
          )
        : undefined
    )
    return Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      pauses = Effect.orDie(emulator.setState(World.name, "paused"))
      const end = yield* program
      assert.isUndefined(end.error)
      assert.isAtMost(end.seconds, 15)
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(layer))
  })

  it.effect("by what is read, when the token may not pause but somebody else did", () => {
    let pauses: Effect.Effect<void> = Effect.void
    const { layer, program } = run({}, (seen) =>
      isPause(seen)
        ? Effect.as(
            Effect.suspend(() => pauses),
            answered(403)
          )
        : undefined
    )
    return Effect.gen(function* () {
      const emulator = yield* Emulator.Emulator
      pauses = Effect.orDie(emulator.setState(World.name, "paused"))
      assert.isUndefined((yield* program).error)
      yield* World.isPausedAndFree
    }).pipe(Effect.provide(layer))
  })

  it.effect("when there is nothing left of it: 404", () => {
    const { layer, program } = run({}, (seen) => (isPause(seen) ? answered(404) : undefined))
    return Effect.gen(function* () {
      assert.isUndefined((yield* program).error)
    }).pipe(Effect.provide(layer))
  })
})

describe("a release is not confirmed", () => {
  const unconfirmed = (error: unknown): error is ReleaseUnconfirmed =>
    World.tagOf(error) === "ReleaseUnconfirmed"

  const table: ReadonlyArray<
    readonly [
      what: string,
      trouble: Trouble,
      state: string | undefined,
      detail: string,
      seconds: readonly [number, number]
    ]
  > = [
    [
      "when the pause lies and it stays running",
      (seen) => (isPause(seen) ? Response.json({ name: "e", status: { state: "paused" } }) : undefined),
      "running",
      'answers "running"',
      [110, 121]
    ],
    [
      "when the pause answers 500 for ever",
      (seen) => (isPause(seen) ? answered(500) : undefined),
      "running",
      "says 500",
      [110, 121]
    ],
    ["when nothing is ever answered", () => "silence", undefined, "", [110, 121]],
    ["when the network is gone", () => "refused", undefined, "socket hang up", [110, 121]],
    // Whoever can end the bill with another token should hear of it soon.
    ["soon, when the token was revoked", () => answered(401), undefined, "Unauthorized 401", [0, 15]],
    [
      "soon, with the state that can still be read, when the token may pause no more",
      (seen) => (isPause(seen) ? answered(403) : undefined),
      "running",
      "Forbidden 403",
      [0, 15]
    ]
  ]
  for (const [what, trouble, state, detail, [least, most]] of table) {
    const { layer, program } = run({}, trouble)
    it.effect(what, () =>
      Effect.gen(function* () {
        const { error, seconds } = yield* program
        assert.isTrue(unconfirmed(error), String(error))
        if (!unconfirmed(error)) return
        assert.strictEqual(error.state, state)
        assert.include(error.detail ?? "", detail)
        assert.include(error.message, "MAY STILL BE BILLING at $0.033 an hour")
        assert.include(error.message, "stint endpoints pause e --namespace emulator")
        assert.isAtLeast(seconds, least)
        assert.isAtMost(seconds, most)
      }).pipe(Effect.provide(layer))
    )
  }
})
