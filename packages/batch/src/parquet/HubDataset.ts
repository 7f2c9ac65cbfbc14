/**
 * Items from a dataset of the Hugging Face hub, by its name: `hf://datasets/OWNER/NAME`.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as FileSystem from "effect/FileSystem"
import type * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as HttpClient from "effect/http/HttpClient"
import { defaultHubUrl } from "@stint/core/ControlPlane"
import * as Credentials from "@stint/core/Credentials"
import * as CheckedRecords from "../internal/input/checkedRecords.ts"
import * as RowMapping from "../internal/input/rowMapping.ts"
import { type Kind, type Row, keyOf, schemaFor } from "../internal/row/rowShape.ts"
import type { Checked, SourceError } from "../Source.ts"
import { DatasetError, DatasetReason } from "./DatasetError.ts"
import * as HubCalls from "./internal/hubCalls.ts"
import * as HubFiles from "./internal/hubFiles.ts"
import * as HubName from "./internal/hubName.ts"
import * as RowGroups from "./internal/rowGroups.ts"
import * as SchemaColumns from "./internal/schemaColumns.ts"
import * as Shards from "./internal/shards.ts"
import type { CheckedOptions, Options as ReadOptions, RowOptions } from "./Parquet.ts"

export { DatasetError, DatasetReason }

/** Whose hub, and as whom. */
export interface Options {
  /** Sent to the hub, and to no other host that it redirects to. Default: none, which reads what is public. */
  readonly token?: Redacted.Redacted | undefined
  /** Default: `https://huggingface.co`. */
  readonly hubUrl?: URL | undefined
}

/** A file of a dataset. */
export interface File {
  /** Its path in the repository. */
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** Where it is, at the dataset's commit. A private one asks for the token. */
  readonly url: URL
}

/**
 * A dataset that was found: which files it is, and of which commit. They are read as they were then, whatever is pushed
 * to the dataset after it.
 */
export interface Dataset {
  /** `hf://datasets/acme/reviews@0123456/default/train`, as messages and reports have it. */
  readonly name: string
  /** `acme/reviews`. */
  readonly id: string
  /** 40 hexadecimal digits. */
  readonly commit: string
  /** `default/train`, or a path. */
  readonly part: string
  /** In the order in which they are read, that of their paths. */
  readonly files: ReadonlyArray<File>
  /** Where it was found, and who asked. */
  readonly hubUrl: URL
  readonly token: Redacted.Redacted | undefined
}

/**
 * Finds a dataset, and asks for the first bytes of it, so that what this token may not read is refused here.
 *
 * | name | is |
 * | --- | --- |
 * | `hf://datasets/acme/reviews` | the one split of its one config |
 * | `hf://datasets/acme/reviews/CONFIG` | the one split of that config |
 * | `hf://datasets/acme/reviews/CONFIG/SPLIT` | that split |
 * | `hf://datasets/acme/reviews/data/a.parquet` | a file of its own |
 * | `hf://datasets/acme/reviews@v2/data/*.parquet` | files of a branch, a tag or a commit |
 * | `hf://datasets/acme/reviews@v2/data` | all Parquet in a folder |
 *
 * Configs and splits are those of the branch that the hub converts datasets to (`@~parquet`, `@refs/convert/parquet`). Fails
 * with {@link DatasetError}.
 *
 * **Example** (How large is it?)
 *
 * ```ts
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const bytes = Effect.gen(function* () {
 *   const { commit, files } = yield* HubDataset.open("hf://datasets/acme/reviews/default/train")
 *   return { commit, bytes: files.reduce((sum, file) => sum + file.size, 0) }
 * })
 * ```
 */
export const open = Effect.fn("HubDataset.open")(function* (
  text: string,
  options: Options = {}
): Effect.fn.Return<Dataset, DatasetError, HttpClient.HttpClient> {
  const name = HubName.parse(text)
  if (typeof name === "string") {
    return yield* new DatasetError({ dataset: text, reason: "name", detail: name, choices: [] })
  }
  const { hubUrl = defaultHubUrl, token } = options
  const calls = yield* HubCalls.make(text, name.id, { hubUrl, token })
  const chosen = yield* HubFiles.choose(calls, name)
  const [first] = chosen.files
  if (first !== undefined) yield* Shards.probe(calls, chosen.commit, first)
  return {
    name: `hf://datasets/${name.id}@${chosen.commit.slice(0, 7)}/${chosen.part}`,
    id: name.id,
    commit: chosen.commit,
    part: chosen.part,
    hubUrl,
    token,
    files: chosen.files.map((file) => ({ ...file, url: new URL(Shards.urlOf(calls, chosen.commit, file)) }))
  }
})

const inAddress =
  "its address holds a name or a password, which are not sent: the token alone says who asks. Leave them out."

/**
 * As {@link open}, with the hub and the token that the environment names: `HF_ENDPOINT`, and what `Credentials.token`
 * finds. Without a token it reads what is public.
 *
 * **Example** (With the token of the environment)
 *
 * ```ts
 * import { Batch, Row } from "@stint/batch"
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const nightly = Effect.gen(function* () {
 *   const dataset = yield* HubDataset.openConfig("hf://datasets/acme/reviews")
 *   const rows = HubDataset.rows(dataset, "embed", { mapping: { id: "review_id", input: "text" } })
 *   return yield* Batch.runOn(rows.items, { name: "batch-endpoint" }, Row.job("embed"))
 * })
 * ```
 */
export const openConfig = Effect.fnUntraced(function* (
  text: string
): Effect.fn.Return<
  Dataset,
  DatasetError | Config.ConfigError | Credentials.CredentialsRefused,
  HttpClient.HttpClient
> {
  const hubUrl = Option.getOrUndefined(yield* Config.option(Config.URL("HF_ENDPOINT")))
  if (hubUrl !== undefined && (hubUrl.username !== "" || hubUrl.password !== "")) {
    return yield* new Credentials.CredentialsRefused({ variable: "HF_ENDPOINT", detail: inAddress })
  }
  const token = yield* Effect.catchTag(Credentials.token, "TokenMissing", () => Effect.succeed(undefined))
  return yield* open(text, { hubUrl, token })
})

const formatOf = (dataset: Dataset, options: RowGroups.Options) =>
  Shards.format(HubCalls.make(dataset.name, dataset.id, dataset), dataset, options)

/**
 * The items of a dataset, one a row, decoded with `schema` from the columns that it names: `Parquet.source` over all of
 * its files, one after the other, of which one is open at a time. Rows are counted from 1 through all of them.
 *
 * Fails with `SourceError` at the first row that is no item, and where a file cannot be read, naming it.
 *
 * **Example** (Two columns of a dataset)
 *
 * ```ts
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect, Schema, Stream } from "effect"
 *
 * const Review = Schema.Struct({ stars: Schema.Int, text: Schema.String })
 * const reviews = HubDataset.open("hf://datasets/acme/reviews").pipe(
 *   Effect.map((dataset) => HubDataset.source(dataset, Review)),
 *   Stream.unwrap
 * )
 * ```
 */
export const source = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  dataset: Dataset,
  schema: S,
  options?: ReadOptions
): Stream.Stream<
  S["Type"],
  SourceError,
  FileSystem.FileSystem | HttpClient.HttpClient | S["DecodingServices"]
> => {
  const format = formatOf(dataset, { ...SchemaColumns.of(schema), binary: options?.binary })
  return Stream.map(CheckedRecords.unchecked({ name: dataset.name, format, schema }), ({ item }) => item)
}

/**
 * The items of a dataset, all of it checked while it is read for the first time: {@link source} with the promises of
 * `Source.checked`.
 *
 * **Example** (Unique keys)
 *
 * ```ts
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect, Schema } from "effect"
 *
 * const Review = Schema.Struct({ id: Schema.String, text: Schema.String })
 * const reviews = Effect.map(HubDataset.open("hf://datasets/acme/reviews"), (dataset) =>
 *   HubDataset.checked(dataset, Review, { key: (review) => review.id })
 * )
 * ```
 */
export const checked = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  dataset: Dataset,
  schema: S,
  options?: CheckedOptions<S["Type"]>
): Checked<S["Type"], HttpClient.HttpClient | S["DecodingServices"]> => {
  const format = formatOf(dataset, { ...SchemaColumns.of(schema), binary: options?.binary })
  return CheckedRecords.make({ name: options?.name ?? dataset.name, format, schema }, options)
}

/**
 * The rows of a dataset for a kind of job, all of them checked while they are read for the first time: `Parquet.rows` over
 * all of its files.
 *
 * **Example** (A column as the input)
 *
 * ```ts
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const rows = Effect.map(HubDataset.openConfig("hf://datasets/acme/reviews"), (dataset) =>
 *   HubDataset.rows(dataset, "embed", { mapping: { idFromRow: true, input: "text" } })
 * )
 * ```
 */
export const rows = (
  dataset: Dataset,
  kind: Kind,
  options: RowOptions = {}
): Checked<Row, HttpClient.HttpClient> => {
  const { binary, files, mapping, ...check } = options
  const format = formatOf(dataset, { wanted: RowMapping.columnsOf(mapping ?? {}), binary })
  return CheckedRecords.make(
    {
      name: check.name ?? dataset.name,
      schema: schemaFor(kind, files),
      ...RowMapping.apply(format, mapping)
    },
    { ...check, key: keyOf }
  )
}
