/**
 * What needs Node: imported as `@stint/batch/node`.
 */
export * as FolderLock from "./FolderLock.ts"
export * as LeaseRecords from "./LeaseRecords.ts"
export * as Sweep from "./Sweep.ts"
export * as UndiciClient from "./UndiciClient.ts"
