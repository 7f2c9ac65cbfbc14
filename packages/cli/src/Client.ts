/**
 * The client that the command calls with.
 */
import * as Layer from "effect/Layer"
import * as HttpClient from "effect/http/HttpClient"
import * as UndiciClient from "@stint/batch/node/UndiciClient"

/** undici, as the environment configures it. A span for each request would cost as much as the request. */
export const layer = UndiciClient.layerConfig().pipe(
  Layer.provideMerge(Layer.succeed(HttpClient.TracerDisabledWhen, () => true))
)
