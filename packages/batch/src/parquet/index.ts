/**
 * Parquet in and out, for whoever installs `hyparquet`, `hyparquet-compressors` and `hyparquet-writer`.
 */
export * as HubDataset from "./HubDataset.ts"
export * as Parquet from "./Parquet.ts"
export * as ParquetSink from "./ParquetSink.ts"
