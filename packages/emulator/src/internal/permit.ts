/** Who may manage a namespace. */
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import { Forbidden, Unauthorized } from "@stint/core/ControlPlane"
import type { Access, Permission } from "./access.ts"
import { type Account, owns } from "./account.ts"

const permission: Permission = "inference.endpoints.write"

/** Fails unless the request's token may manage the namespace; without one, unless it is a token at all. */
export type Permit = (
  request: HttpServerRequest.HttpServerRequest,
  namespace?: string
) => Effect.Effect<void, Forbidden | Unauthorized>

/** Makes the check. */
export const make = (options: { readonly account: Account; readonly access: Access }): Permit =>
  Effect.fnUntraced(function* (request, namespace) {
    const permissions = options.access(request.headers["authorization"])
    if (permissions === undefined || (namespace !== undefined && !owns(options.account, namespace)))
      return yield* new Unauthorized({ error: "401 Unauthorized", code: "UNAUTHORIZED" })
    if (!permissions.includes(permission))
      return yield* new Forbidden({ error: `missing permissions: ${permission}`, code: "FORBIDDEN" })
  })
