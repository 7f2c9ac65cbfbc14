/** A network without sockets: hosts are entries of a map, and an `HttpClient` calls what they serve. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Transport } from "./store.ts"
import type { App } from "./wire.ts"

/** The domain of every host. It exists nowhere else. */
const domain = "endpoints.emulator"

/** The origins of the parts that are not endpoints. */
export interface Origins {
  readonly management: string
  readonly hub: string
  readonly catalog: string
  readonly cdn: string
}

/** The origins of the parts that are not endpoints. */
export const origins: Origins = {
  management: `http://api.${domain}`,
  hub: `http://hub.${domain}`,
  catalog: `http://ui.${domain}`,
  cdn: `http://cdn.${domain}`
}

/** A network: what is opened on it can be called by its client, and nothing else. */
export interface Memory {
  readonly transport: Transport
  /** Serves an application at an origin for good. */
  readonly serve: (origin: string, app: App) => void
  readonly client: HttpClient.HttpClient
}

/** Makes an empty network. */
export const make = (): Memory => {
  const apps = new Map<string, App>()

  const client = HttpClient.make((request, url) => {
    const broken = (description: string) =>
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, description })
      })
    const app = apps.get(url.origin)
    if (app === undefined)
      return Effect.fail(broken(`connect ECONNREFUSED ${url.host}: nothing listens there`))
    return app.pipe(
      Effect.provideService(
        HttpServerRequest.HttpServerRequest,
        HttpServerRequest.fromClientRequest(request)
      ),
      Effect.catchTag("Cut", () => Effect.fail(broken(`read ECONNRESET ${url.host}`))),
      Effect.map((response) => HttpServerResponse.toClientResponse(response, { request }))
    )
  })

  return {
    client,
    serve: (origin, app) => void apps.set(origin, app),
    transport: {
      open: (id, { region, vendor }, app) => {
        const origin = `http://${id}.${region}.${vendor}.${domain}`
        return Effect.acquireRelease(
          Effect.sync(() => {
            apps.set(origin, app)
            return origin
          }),
          () => Effect.sync(() => apps.delete(origin))
        )
      }
    }
  }
}
