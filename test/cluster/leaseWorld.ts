/** Processes that share a database and an endpoint: each has a wire of its own to either, which can be cut. */
import { type ManagedEndpoint, Sharing, withEndpoint } from "@stint/batch"
import { KeptEndpoint, Migrations } from "@stint/cluster"
import { Endpoints, Policy } from "@stint/core"
import { Emulator } from "@stint/emulator"
import { Clock, Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { SqlClient } from "effect/sql/SqlClient"
import { changes, name, slow, spec, state } from "../batchWorld.ts"
import * as Proxy from "../postgres/proxy.ts"
import * as Postgres from "../postgres/server.ts"

/** The life of a lease in these tests. */
export const ttlMillis = 1500

export const options: KeptEndpoint.Options = { ttl: ttlMillis, releaseTimeout: "1 second" }

/** What each process needs. */
export type Needs = SqlClient | Endpoints.Endpoints

/** A process, as far as the others can tell. */
export interface Process {
  /** Runs in it. */
  readonly run: <A, E>(program: Effect.Effect<A, E, Needs>) => Effect.Effect<A, E>
  /** It stands still: neither the database nor the API hears of it. */
  readonly freeze: Effect.Effect<void>
  readonly thaw: Effect.Effect<void>
  /** It alone has no database, and has it again. */
  readonly cutOff: Effect.Effect<void>
  readonly mend: Effect.Effect<void>
  /** It is cut off as soon as it has said this to the database. */
  readonly cutOffAfter: (said: string) => Effect.Effect<void>
  /** From now on such a call gets stuck: on its way, or with its answer. */
  readonly holdCalls: (action: string, what?: "call" | "answer") => Effect.Effect<void>
  /** It is stuck. */
  readonly heldCall: Effect.Effect<void>
  readonly letCalls: Effect.Effect<void>
}

/** A database with its tables, an API that may be down, and processes that use both. */
export const makeOn = Effect.fnUntraced(function* (database: typeof Postgres.database) {
  const url = yield* database
  yield* Effect.provide(Migrations.migrate, Postgres.client(url, 2))
  const emulator = yield* Effect.context<Emulator.Emulator | HttpClient.HttpClient>()
  const { namespace, token, urls } = yield* Emulator.Emulator
  let isDown = false

  /** Starts a process that lives until the scope closes. */
  const start = <E>(layer: Layer.Layer<never, E, Needs> = KeptEndpoint.layerAlone(options)) =>
    Effect.gen(function* () {
      const wire = yield* Proxy.make(url)
      let isFrozen = false
      let stuckAt: { readonly action: string; readonly what: "call" | "answer" } | undefined
      const stuck = yield* Deferred.make<void>()
      const loose = yield* Deferred.make<void>()
      const thawed: Effect.Effect<void> = Effect.suspend(() =>
        isFrozen ? Effect.andThen(Effect.sleep("10 millis"), thawed) : Effect.void
      )
      const sticks = Effect.andThen(Deferred.succeed(stuck, undefined), Deferred.await(loose))
      const transformClient = (client: HttpClient.HttpClient) =>
        HttpClient.transform(client, (execute, request) =>
          Effect.flatMap(thawed, () =>
            isDown && request.url.startsWith(urls.management.href)
              ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response("down", { status: 503 })))
              : stuckAt !== undefined && request.url.endsWith(`/${stuckAt.action}`)
                ? stuckAt.what === "call"
                  ? Effect.andThen(sticks, execute)
                  : Effect.tap(execute, () => sticks)
                : execute
          )
        )
      const endpoints = Endpoints.layer({
        token,
        namespace,
        apiUrl: urls.management,
        hubUrl: urls.hub,
        transformClient
      })
      const context = yield* Layer.build(
        layer.pipe(
          Layer.provideMerge(Layer.mergeAll(endpoints, Postgres.client(wire.url, 4))),
          Layer.provideMerge(
            Layer.mergeAll(
              Layer.succeedContext(emulator),
              Layer.sync(Sharing.Sharing, Sharing.make),
              Layer.succeed(Policy.CurrentPolling, Schedule.spaced("30 millis"))
            )
          )
        )
      )
      const set = (frozen: boolean) =>
        Effect.sync(() => {
          isFrozen = frozen
        })
      const process: Process = {
        run: (program) => Effect.provide(program, context),
        freeze: Effect.andThen(wire.cut, set(true)),
        thaw: Effect.andThen(wire.mend, set(false)),
        cutOff: wire.cut,
        mend: wire.mend,
        cutOffAfter: wire.cutAfter,
        holdCalls: (action, what = "answer") =>
          Effect.sync(() => {
            stuckAt = { action, what }
          }),
        heldCall: Deferred.await(stuck),
        letCalls: Effect.andThen(
          Effect.sync(() => {
            stuckAt = undefined
          }),
          Deferred.succeed(loose, undefined)
        )
      }
      // Else it would wait for its connections when it ends.
      yield* Effect.addFinalizer(() => process.thaw)
      return process
    })

  return {
    url,
    start,
    apiIs: (state: "up" | "down") =>
      Effect.sync(() => {
        isDown = state === "down"
      })
  }
})

/** The same on the server that all tests share. */
export const make = makeOn(Postgres.database)

/** Real time, an endpoint that boots in it, and a scope. */
export const inWorld = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  program.pipe(
    Effect.scoped,
    Effect.provide(
      Emulator.layerMemory({ boot: "200 millis", engines: () => slow("10 millis"), logCapacity: 100_000 })
    )
  )

/** Holds the endpoint until told to let it go. */
export const hold = Effect.fnUntraced(function* ({ run }: Process, given?: Partial<ManagedEndpoint.Options>) {
  const held = yield* Deferred.make<void>()
  const go = yield* Deferred.make<void>()
  const fiber = yield* withEndpoint({ name, spec, releaseTimeout: "2 seconds", ...given }, () =>
    Effect.andThen(Deferred.succeed(held, undefined), Deferred.await(go))
  ).pipe(run, Effect.forkDetach)
  yield* Effect.raceFirst(Deferred.await(held), Effect.andThen(Fiber.join(fiber), Effect.never))
  return {
    fiber,
    letGo: Effect.andThen(Deferred.succeed(go, undefined), Fiber.join(fiber))
  }
})

/** How many milliseconds it takes until the endpoint is in that state: so long at the most. */
export const until = (wanted: string, within: number) =>
  Effect.gen(function* () {
    const from = yield* Clock.currentTimeMillis
    for (;;) {
      const took = (yield* Clock.currentTimeMillis) - from
      if ((yield* state) === wanted) return took
      if (took > within) {
        return yield* Effect.die(
          new Error(`${yield* state}, not ${wanted}, after ${took} ms: ${(yield* changes).join(", ")}`)
        )
      }
      yield* Effect.sleep("10 millis")
    }
  })

/** Waits until something is so: ten seconds at the most. */
export const untilTrue = <E, R>(look: Effect.Effect<boolean, E, R>) =>
  look.pipe(
    Effect.flatMap((isSo) => (isSo ? Effect.void : Effect.fail("not yet" as const))),
    Effect.retry({ schedule: Schedule.spaced("10 millis"), while: (error) => error === "not yet" }),
    Effect.timeout("10 seconds"),
    Effect.orDie
  )
