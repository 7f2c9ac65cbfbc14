/**
 * The management API as the environment configures it.
 */
import * as Lazy from "./Lazy.ts"

/** `Endpoints.layerConfig`, for the commands that call the API. */
export const layer = Lazy.layer(() =>
  import("@stint/core/Endpoints").then(({ layerConfig }) => layerConfig())
)
