/**
 * What needs Node: imported as `@stint/batch/node`.
 */
export * as FolderLock from "./FolderLock.ts"
