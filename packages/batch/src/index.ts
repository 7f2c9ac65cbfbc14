/**
 * Batch inference on an endpoint that is awake for the batch and asleep after it.
 */
export * as Batch from "./Batch.ts"
export * as Cost from "./Cost.ts"
export * as Fault from "./Fault.ts"
export * as Inference from "./Inference.ts"
export * as Job from "./Job.ts"
export * as Journal from "./Journal.ts"
export * as Limit from "./Limit.ts"
export { CurrentEndpoint, withEndpoint } from "./ManagedEndpoint.ts"
export * as ManagedEndpoint from "./ManagedEndpoint.ts"
export type { Outcome } from "./Outcome.ts"
export * as Progress from "./Progress.ts"
export * as Report from "./Report.ts"
export * as Retry from "./Retry.ts"
export * as Row from "./Row.ts"
export * as Sink from "./Sink.ts"
export * as Source from "./Source.ts"
