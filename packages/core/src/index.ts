/**
 * The control plane: every management route of Hugging Face Inference Endpoints as one Effect service.
 */
export * as Account from "./Account.ts"
export * as Catalog from "./Catalog.ts"
export * as ControlPlane from "./ControlPlane.ts"
export * as Credentials from "./Credentials.ts"
export * as Endpoint from "./Endpoint.ts"
export {
  ApiError,
  CallForbidden,
  Conflict,
  EndpointFailed,
  NotFound,
  PausedByOther,
  QuotaExceeded,
  ReleaseUnconfirmed,
  Timeout
} from "./EndpointError.ts"
export * as EndpointError from "./EndpointError.ts"
export * as EndpointName from "./EndpointName.ts"
export * as EndpointMetrics from "./EndpointMetrics.ts"
export * as EndpointSpec from "./EndpointSpec.ts"
export * as Endpoints from "./Endpoints.ts"
export * as Hardware from "./Hardware.ts"
export * as Image from "./Image.ts"
export * as Logs from "./Logs.ts"
export * as Policy from "./Policy.ts"
export * as PriceList from "./PriceList.ts"
export * as Secret from "./Secret.ts"
