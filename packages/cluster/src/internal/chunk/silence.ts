/**
 * Notices when a worker may have been taken for dead: frozen, or cut off from its database. Its chunks are others' by then, and
 * what it goes on with is done a second time. It finds out by its own clocks and asks nobody, before it sends anything more.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Heartbeat from "../lease/heartbeat.ts"

/** Chunks are others' ten seconds after their locks were renewed, which may have been three seconds before the last word. */
export const LIMIT: Duration.Duration = Duration.seconds(7)

const LOOK_EVERY = Duration.millis(250)

/** What has become of the worker since something was asked for. */
export interface Since {
  /** Whether it may have been taken for dead at any time since. */
  readonly isLost: () => boolean
  /** Completes when that is so. */
  readonly lost: Effect.Effect<void>
}

/** Whether the database has heard of a worker of late. */
export interface Silence {
  /** Keeps the time of an announcement that succeeds: that at which it was sent. */
  readonly heard: <A, E, R>(announce: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Watches from now on: begun before a question is sent, whose answer may come after a silence and be as old as that. */
  readonly since: () => Since
}

/** Watches, for as long as the scope is open. */
export const make: Effect.Effect<Silence, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  let last = Heartbeat.momentOf(clock)
  let lost = Deferred.makeUnsafe<void>()
  const isSilent = () => Heartbeat.elapsed(last, Heartbeat.momentOf(clock)) >= Duration.toMillis(LIMIT)
  const look = Effect.sync(() => {
    if (!isSilent()) return
    Deferred.doneUnsafe(lost, Effect.void)
    lost = Deferred.makeUnsafe()
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(LOOK_EVERY), look)))
  return {
    heard: (announce) =>
      Effect.suspend(() => {
        const sent = Heartbeat.momentOf(clock)
        return Effect.tap(announce, () =>
          Effect.sync(() => {
            last = sent
          })
        )
      }),
    since: () => {
      const before = lost
      return { isLost: () => lost !== before || isSilent(), lost: Deferred.await(before) }
    }
  }
})
