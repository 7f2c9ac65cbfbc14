/** The routes below `/v2/endpoint`: the contract that `@stint/core` wrote down, implemented. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as ControlPlane from "@stint/core/ControlPlane"
import * as Endpoint from "@stint/core/Endpoint"
import type { Access, Permission } from "./access.ts"
import { type Account, owns } from "./account.ts"
import * as Body from "./body.ts"
import type { Choose } from "./engines.ts"
import { type Held, toJson } from "./held.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { Store } from "./store.ts"
import * as Validation from "./validation.ts"

const permission: Permission = "inference.endpoints.write"

// Every document of ours is an endpoint: what cannot be decoded is a bug of the emulator.
const answer = (held: Held) => Effect.orDie(Endpoint.fromJson(toJson(held)))

const pageSize = 20
const maxPageSize = 100

const hasTags = (wanted: ReadonlyArray<string>) => (held: Held) => {
  const tags = held.spec.document["tags"]
  return wanted.every((tag) => Array.isArray(tags) && tags.includes(tag))
}

const matches = (query: { readonly search?: string; readonly tags?: string }) => {
  const tagged = hasTags((query.tags ?? "").split(",").filter((tag) => tag !== ""))
  return (held: Held) => held.name.includes(query.search ?? "") && tagged(held)
}

/** Makes the handlers of the group. */
export const layer = (options: {
  readonly account: Account
  readonly access: Access
  readonly choose: Choose
  readonly lifecycle: Lifecycle
  readonly store: Store
}): Layer.Layer<HttpApiGroup.Service<"@stint/core/ControlPlane", "endpoints">> => {
  const { access, account, choose, lifecycle, store } = options
  const by = account.namespace

  const permit = Effect.fnUntraced(function* (
    request: HttpServerRequest.HttpServerRequest,
    namespace: string
  ) {
    const permissions = access(request.headers["authorization"])
    if (permissions === undefined || !owns(account, namespace))
      return yield* new ControlPlane.Unauthorized({ error: "401 Unauthorized", code: "UNAUTHORIZED" })
    if (!permissions.includes(permission))
      return yield* new ControlPlane.Forbidden({
        error: `missing permissions: ${permission}`,
        code: "FORBIDDEN"
      })
  })

  interface Named {
    readonly request: HttpServerRequest.HttpServerRequest
    readonly params: { readonly namespace: string; readonly name: string }
  }

  const find = ({ params, request }: Named) =>
    Effect.andThen(permit(request, params.namespace), store.get(params.namespace, params.name))

  const act = <E>(change: (held: Held) => Effect.Effect<void, E>) =>
    Effect.fnUntraced(function* (named: Named) {
      const held = yield* find(named)
      yield* change(held)
      return yield* answer(held)
    })

  return HttpApiBuilder.group(ControlPlane.ControlPlane, "endpoints", (handlers) =>
    handlers
      .handle(
        "list",
        Effect.fnUntraced(function* ({ params, query, request }) {
          yield* permit(request, params.namespace)
          const all = (yield* store.all).filter(
            (held) => held.namespace === params.namespace && matches(query)(held)
          )
          const limit = Math.min(Math.max(1, Math.floor(query.limit ?? pageSize)), maxPageSize)
          const rest = all.filter((held) => held.sequence > Number(query.cursor ?? -1))
          const page = rest.slice(0, limit)
          const last = rest.length > limit ? page.at(-1) : undefined
          return {
            items: yield* Effect.forEach(page, (held) => answer(held)),
            nextCursor: last === undefined ? null : String(last.sequence),
            totalItems: all.length
          }
        })
      )
      .handleRaw(
        "create",
        Effect.fnUntraced(function* ({ params, request }) {
          yield* permit(request, params.namespace)
          const spec = yield* Effect.flatMap(Body.read(request), Validation.validate)
          return yield* answer(yield* store.create(params.namespace, spec.name, spec))
        })
      )
      .handle("get", (named) => Effect.flatMap(find(named), answer))
      .handleRaw(
        "update",
        Effect.fnUntraced(function* ({ params, request }) {
          const held = yield* find({ params, request })
          const { accountId: _, name: __, provider: ___, ...patch } = yield* Body.read(request)
          const spec = yield* Validation.validate(Body.merge(held.spec.sent, patch))
          yield* lifecycle.update(held, by, { spec, engine: choose(spec) })
          return yield* answer(held)
        })
      )
      .handle(
        "delete",
        Effect.fnUntraced(function* (named) {
          yield* Effect.flatMap(find(named), store.delete)
          return {}
        })
      )
      .handle(
        "pause",
        act((held) => lifecycle.pause(held, by))
      )
      .handle(
        "resume",
        act((held) => lifecycle.resume(held, by))
      )
      .handle(
        "scaleToZero",
        act((held) => lifecycle.scaleToZero(held, by))
      )
  )
}
