/** What a request of the management API, the hub or the catalog is about, from its method and path. */
import type { Plane, Route } from "../Scenario.ts"

/** A part of the service that is not an endpoint. */
export type FrontPlane = Exclude<typeof Plane.Type, "data">

/** The route's name; `undefined` for paths that mean nothing. */
export type Name = typeof Route.Type | undefined

const byMethod: Readonly<Record<string, Name>> = { GET: "get", PUT: "update", DELETE: "delete" }

const byAction: Readonly<Record<string, Name>> = {
  pause: "pause",
  resume: "resume",
  "scale-to-zero": "scaleToZero",
  replica: "replicas",
  logs: "logs",
  metrics: "metrics",
  "open-metrics": "openMetrics"
}

/** Reads a path. */
export const of = (
  method: string,
  path: string
): { readonly plane: FrontPlane; readonly route: Name; readonly endpoint: string | undefined } => {
  if (path.startsWith("/api/whoami")) return { plane: "hub", route: "whoami", endpoint: undefined }
  if (path.startsWith("/api/datasets/") || path.startsWith("/datasets/")) {
    return { plane: "hub", route: "dataset", endpoint: undefined }
  }
  if (path.startsWith("/api/")) return { plane: "catalog", route: "catalog", endpoint: undefined }
  const [, , kind, , endpoint, action] = path.split("/")
  const route: Name =
    kind === "provider"
      ? "providers"
      : kind !== "endpoint"
        ? undefined
        : endpoint === undefined
          ? method === "POST"
            ? "create"
            : "list"
          : action === undefined
            ? byMethod[method]
            : byAction[action]
  return { plane: "management", route, endpoint: kind === "endpoint" ? endpoint : undefined }
}
