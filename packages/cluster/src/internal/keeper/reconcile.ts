/**
 * Making an endpoint what its leases say: awake while somebody holds it, released when nobody does.
 *
 * It looks at how things stand and not at what happened, so that a message that is lost, a call made twice and a race all come
 * right at the next look. The rows see to it that one releases at a time; whoever calls this need not.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import { Endpoints } from "@stint/core/Endpoints"
import * as Leases from "@stint/batch/Leases"
import * as Orphan from "@stint/batch/Orphan"
import * as EndpointLeases from "../../EndpointLeases.ts"
import { detailOf } from "../lease/hold.ts"
import { QUESTION } from "../lease/heartbeat.ts"
import * as Rows from "../lease/rows.ts"
import { within } from "../lease/within.ts"
import type { Options } from "../../EndpointKeeper.ts"
import { type Finding, ReconcileFailed } from "./finding.ts"

/** How long a call that wakes may take, its repetitions included, before another process tries. */
const WAKING = Duration.toMillis("1 minute")

const split = (endpoint: string) => {
  const at = endpoint.indexOf("/")
  return { namespace: endpoint.slice(0, at), name: endpoint.slice(at + 1) }
}

export const make = Effect.fnUntraced(function* (options?: Options): Effect.fn.Return<
  {
    readonly reconcile: (endpoint: string) => Effect.Effect<Finding, ReconcileFailed>
    readonly due: (
      overdueMillis: number
    ) => Effect.Effect<
      ReadonlyArray<{ readonly endpoint: string; readonly isHeld: boolean }>,
      ReconcileFailed
    >
    readonly ttlMillis: number
  },
  never,
  SqlClient.SqlClient | Endpoints | Scope.Scope
> {
  const endpoints = yield* Endpoints
  const rows = Rows.make((yield* SqlClient.SqlClient).withoutTransforms())
  const ttlMillis = Duration.toMillis(Duration.fromInputUnsafe(options?.ttl ?? EndpointLeases.defaultTtl))
  const leases = yield* EndpointLeases.make({ ttl: options?.ttl, worker: options?.worker })

  const asked = <A, E>(endpoint: string, effect: Effect.Effect<A, E>) =>
    Effect.catchCause(within(effect, QUESTION), (cause) =>
      Effect.fail(new ReconcileFailed({ endpoint, detail: detailOf(cause) }))
    )

  /** It was put to sleep in the name of a holder that is back. */
  const wake = Effect.fnUntraced(function* (endpoint: string): Effect.fn.Return<Finding, ReconcileFailed> {
    const { name, namespace } = split(endpoint)
    if (!(yield* asked(endpoint, rows.waking(endpoint, WAKING)))) {
      return { _tag: "Held", detail: "another process wakes it, or nobody holds it any more" }
    }
    yield* endpoints
      .in(namespace)
      .resume(name)
      .pipe(
        // One that is gone stays so; its holders will find that out.
        Effect.catchTag("NotFound", () => Effect.void),
        Effect.catch((error) =>
          Effect.andThen(
            Effect.ignore(asked(endpoint, rows.woken(endpoint, false))),
            Effect.fail(new ReconcileFailed({ endpoint, detail: error.message }))
          )
        )
      )
    yield* asked(endpoint, rows.woken(endpoint, true))
    yield* Effect.logInfo(`Endpoint "${endpoint}" is woken: a holder that had been given up is back.`)
    return { _tag: "Woken" }
  }, Effect.uninterruptible)

  /** It sleeps, and a call that wakes it may come yet although its sender is gone: one that has come is answered by a release. */
  const watch = Effect.fnUntraced(function* (
    endpoint: string,
    row: Rows.EndpointRow
  ): Effect.fn.Return<Finding, ReconcileFailed> {
    const { name, namespace } = split(endpoint)
    const state = yield* endpoints
      .in(namespace)
      .get(name)
      .pipe(
        Effect.map((found) => (found.isAsleep ? "asleep" : "awake")),
        Effect.catchTag("NotFound", () => Effect.succeed("asleep" as const)),
        Effect.mapError((error) => new ReconcileFailed({ endpoint, detail: error.message }))
      )
    const detail = "already; a call that wakes it may come yet"
    if (state === "asleep") return { _tag: "Released", detail, isAlready: true }
    const isOurs = yield* asked(endpoint, rows.wokenLate(endpoint))
    return isOurs ? yield* release(endpoint, row) : { _tag: "Held", detail: "held by another process by now" }
  })

  const release = Effect.fnUntraced(function* (
    endpoint: string,
    { facts, policy }: Rows.EndpointRow
  ): Effect.fn.Return<Finding> {
    const { name, namespace } = split(endpoint)
    yield* Effect.logInfo(`Nobody holds endpoint "${endpoint}" any more: releasing it (${policy}).`)
    const result = yield* Orphan.release({
      namespace,
      name,
      policy,
      pricePerHour: facts.pricePerHour,
      timeout: options?.releaseTimeout
    }).pipe(Effect.provideService(Leases.Leases, leases), Effect.provideService(Endpoints, endpoints))
    switch (result._tag) {
      case "Skipped":
        return { _tag: "Held", detail: result.reason }
      case "Unconfirmed":
        yield* Effect.logWarning(
          `The release of endpoint "${endpoint}" is not confirmed, and is tried again: ${result.detail}`
        )
        return { _tag: "Unconfirmed", detail: result.detail }
      case "Cleared":
        return { _tag: "Released", detail: result.detail }
      case "Released":
        return { _tag: "Released", detail: result.state }
    }
  })

  return {
    ttlMillis,
    due: (overdueMillis) => asked("*", rows.due(ttlMillis, overdueMillis)),
    reconcile: Effect.fn("EndpointKeeper.reconcile")(function* (endpoint) {
      const seen = yield* asked(endpoint, rows.look(endpoint))
      if (seen === undefined) return { _tag: "Unknown" }
      const { living, mayWake, row } = seen
      if (living.length === 0) {
        if (row.state !== "released") return yield* release(endpoint, row)
        return mayWake && row.policy !== "keep"
          ? yield* watch(endpoint, row)
          : { _tag: "Released", detail: "already", isAlready: true }
      }
      const isAsleep = row.state !== "held" && living.some(({ phase }) => phase === "held")
      return isAsleep ? yield* wake(endpoint) : { _tag: "Held", detail: `${living.length} holders` }
    })
  }
})

export type Reconciler = Effect.Success<ReturnType<typeof make>>
