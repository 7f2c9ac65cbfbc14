/** The routes below `/v2/endpoint`: the contract that `@stint/core` wrote down, implemented. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as ControlPlane from "@stint/core/ControlPlane"
import * as Endpoint from "@stint/core/Endpoint"
import type { Account } from "./account.ts"
import * as Body from "./body.ts"
import type { Choose } from "./engines.ts"
import * as Faults from "./faults.ts"
import { type Held, toJson } from "./held.ts"
import * as Image from "./image.ts"
import type { Lifecycle } from "./lifecycle.ts"
import type { Limits } from "./limits.ts"
import type { Permit } from "./permit.ts"
import type { Store } from "./store.ts"
import * as Validation from "./validation.ts"

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

/** The engine of an endpoint is chosen once. */
const sameEngine = (held: Held, spec: Validation.Spec) => {
  const [old, next] = [Image.variantOf(held.spec.image), Image.variantOf(spec.image)]
  return old === next
    ? Effect.void
    : Effect.fail(
        new ControlPlane.BadRequest({
          error: `model.image: the engine of an existing endpoint cannot be changed from \`${old}\` to \`${next}\``,
          code: "VALIDATION_FAILED"
        })
      )
}

/** Makes the handlers of the group. */
export const layer = (options: {
  readonly account: Account
  readonly choose: Choose
  readonly lifecycle: Lifecycle
  readonly limits: Limits
  readonly permit: Permit
  readonly store: Store
}): Layer.Layer<HttpApiGroup.Service<"@stint/core/ControlPlane", "endpoints">> => {
  const { account, choose, lifecycle, limits, permit, store } = options
  const by = account.namespace

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
          const isWanted = matches(query)
          const limit = Math.min(Math.max(1, Math.floor(query.limit ?? pageSize)), maxPageSize)
          const after = Number(query.cursor || -1)
          const page: Array<Held> = []
          let total = 0
          let isMore = false
          for (const held of store.all()) {
            if (held.namespace !== params.namespace || !isWanted(held)) continue
            total += 1
            if (held.sequence <= after) continue
            if (page.length < limit) page.push(held)
            else isMore = true
          }
          const last = isMore ? page.at(-1) : undefined
          return {
            items: yield* Effect.forEach(page, (held) => answer(held)),
            nextCursor: last === undefined ? null : String(last.sequence),
            totalItems: total
          }
        })
      )
      .handleRaw(
        "create",
        Effect.fnUntraced(function* ({ params, request }) {
          yield* permit(request, params.namespace)
          const spec = yield* Effect.flatMap(Body.read(request), Validation.validate)
          return yield* answer(yield* store.create(params.namespace, spec.name, spec, by))
        })
      )
      .handle("get", (named) => Effect.flatMap(find(named), answer))
      .handleRaw(
        "update",
        Effect.fnUntraced(function* ({ params, request }) {
          const held = yield* find({ params, request })
          const { accountId: _, name: __, provider: ___, ...patch } = yield* Body.read(request)
          const spec = yield* Validation.validate(Body.merge(held.spec.sent, patch))
          yield* sameEngine(held, spec)
          if (held.status.state !== "paused") yield* limits.room(params.namespace, spec, held)
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
        Effect.fnUntraced(function* (named) {
          const held = yield* find(named)
          if (yield* Faults.PauseLies)
            return yield* answer({
              ...held,
              replicas: [],
              target: 0,
              status: { ...held.status, state: "paused" }
            })
          yield* lifecycle.pause(held, by)
          return yield* answer(held)
        })
      )
      .handle(
        "resume",
        act((held) =>
          held.status.state === "running"
            ? lifecycle.resume(held, by)
            : Effect.andThen(limits.room(held.namespace, held.spec, held), lifecycle.resume(held, by))
        )
      )
      .handle(
        "scaleToZero",
        act((held) => lifecycle.scaleToZero(held, by))
      )
  )
}
