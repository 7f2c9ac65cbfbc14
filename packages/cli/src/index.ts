/**
 * The `stint` command as a value, for embedding and for tests.
 */
export { cli } from "./Cli.ts"
export * as ExitCode from "./ExitCode.ts"
