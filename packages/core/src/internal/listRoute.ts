/**
 * The list, page by page; and the union over all namespaces of an account, which the server knows nothing of.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Endpoint } from "../Endpoint.ts"
import type { ApiError } from "../EndpointError.ts"
import type { ListOptions } from "../Endpoints.ts"
import * as ApiCall from "./apiCall.ts"
import type { Connection } from "./connection.ts"

const queryOf = (options: ListOptions | undefined) => ({
  ...(options?.search === undefined ? {} : { search: options.search }),
  ...(options?.tags === undefined ? {} : { tags: options.tags.join(",") }),
  limit: options?.pageSize ?? 100
})

const inNamespace = (
  connection: Connection,
  namespace: string,
  options: ListOptions | undefined
): Stream.Stream<Endpoint, ApiError> =>
  Stream.suspend(() => {
    const start: string | undefined = undefined
    const seen = new Set<string>()
    const isNew = (cursor: string) => !seen.has(cursor) && seen.add(cursor).has(cursor)
    return Stream.paginate<string | undefined, Endpoint, ApiError>(start, (cursor) =>
      connection.api.endpoints
        .list({
          params: { namespace },
          query: cursor === undefined ? queryOf(options) : { ...queryOf(options), cursor }
        })
        .pipe(
          ApiCall.toApiError({ method: "list", namespace }, connection.conceal),
          ApiCall.retryTransient,
          Effect.map((page) => [
            page.items.map((endpoint) => new Endpoint({ ...endpoint, namespace })),
            // A cursor with an empty page would never end, nor one that has been there before.
            page.items.length === 0
              ? Option.none()
              : Option.filter(Option.fromNullishOr(page.nextCursor), isNew)
          ])
        )
    )
  })

const isRefusal = (error: ApiError) =>
  error.reason._tag === "Unauthorized" || error.reason._tag === "Forbidden" || error.reason.status === 404

/** An organisation that does not let this token in is passed over. */
const unlessRefused = (stream: Stream.Stream<Endpoint, ApiError>, namespace: string) =>
  Stream.catchIf(stream, isRefusal, (error) =>
    Stream.unwrap(
      Effect.as(Effect.logDebug(`Skipping organisation "${namespace}": ${error.message}`), Stream.empty)
    )
  )

export const make =
  (connection: Connection, namespace: Effect.Effect<string, ApiError>) =>
  (options?: ListOptions): Stream.Stream<Endpoint, ApiError> => {
    if (options?.namespace !== "*") {
      const chosen = options?.namespace === undefined ? namespace : Effect.succeed(options.namespace)
      return Stream.unwrap(Effect.map(chosen, (ns) => inNamespace(connection, ns, options)))
    }
    return Stream.unwrap(
      Effect.map(connection.account.whoami, (who) => {
        const own = who.type === "user" ? inNamespace(connection, who.name, options) : Stream.empty
        const others = (who.orgs ?? []).map(({ name }) =>
          unlessRefused(inNamespace(connection, name, options), name)
        )
        return others.reduce((all, one) => Stream.concat(all, one), own)
      })
    )
  }
