/**
 * Models that Hugging Face deploys with settings of its own.
 */
import * as Schema from "effect/Schema"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import { BadRequest, Conflict, Forbidden, Missing, Unauthorized } from "./ControlPlane.ts"
import * as Endpoint from "./Endpoint.ts"

const refusals = [BadRequest, Unauthorized, Forbidden, Missing, Conflict] as const

/** The body of `POST …/deploy`. */
export const DeployBody = Schema.Struct({
  namespace: Schema.String,
  repoId: Schema.String,
  endpointName: Schema.optionalKey(Schema.String),
  accelerator: Schema.optionalKey(Schema.String)
})

/** The routes below the catalog's own base. */
export const group = HttpApiGroup.make("catalog").add(
  HttpApiEndpoint.get("list", "/repo-list", {
    success: Schema.Struct({ models: Schema.Array(Schema.String) }),
    error: refusals
  }),
  HttpApiEndpoint.post("deploy", "/deploy", {
    payload: DeployBody,
    success: Schema.Struct({ endpoint: Endpoint.FromJson }),
    error: refusals
  })
)

/** The catalog's API. Its base URL is the whole of {@link defaultCatalogUrl}. */
export class CatalogApi extends HttpApi.make("@stint/core/Catalog").add(group) {}

/** Hugging Face's own catalog. */
export const defaultCatalogUrl = new URL("https://endpoints.huggingface.co/api/catalog")
