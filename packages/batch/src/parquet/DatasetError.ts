/**
 * A dataset of the hub that cannot be read.
 */
import * as Schema from "effect/Schema"

/**
 * Why a dataset cannot be read.
 *
 * | reason | means |
 * | --- | --- |
 * | `name` | the text is no name of a dataset |
 * | `missing` | the hub has none of that name, or none that this token may see |
 * | `token` | the hub does not accept the token |
 * | `gated` | its owner gives access to those who ask for it, and this token has not been given any |
 * | `denied` | the token may not read it |
 * | `revision` | it has no such branch, tag or commit |
 * | `unconverted` | the hub has not converted it to Parquet |
 * | `partial` | the hub has converted the first part of it only |
 * | `ambiguous` | it has several configs or splits, and none was named; they are in `choices` |
 * | `file` | it has no such config, split or file; those that it has are in `choices` |
 * | `unreachable` | the hub did not answer, or not as it should |
 */
export const DatasetReason = Schema.Literals([
  "name",
  "missing",
  "token",
  "gated",
  "denied",
  "revision",
  "unconverted",
  "partial",
  "ambiguous",
  "file",
  "unreachable"
])

/** Why a dataset cannot be read. */
export type DatasetReason = typeof DatasetReason.Type

const SHOWN = 20

/**
 * A dataset cannot be read, and why: `reason` is for a program, `detail` for a person. `choices` are the names to choose
 * from, written as they are to be given, where there are any.
 *
 * **Example** (What there is to choose from)
 *
 * ```ts
 * import { HubDataset } from "@stint/batch/parquet"
 * import { Effect } from "effect"
 *
 * const choices = HubDataset.open("hf://datasets/acme/reviews").pipe(
 *   Effect.as([]),
 *   Effect.catchTag("DatasetError", ({ choices }) => Effect.succeed(choices))
 * )
 * ```
 */
export class DatasetError extends Schema.TaggedError<DatasetError>()("DatasetError", {
  dataset: Schema.String,
  reason: DatasetReason,
  detail: Schema.String,
  choices: Schema.Array(Schema.String)
}) {
  override get message() {
    const rest = this.choices.length - SHOWN
    return [
      `The dataset ${this.dataset} cannot be read: ${this.detail.replace(/[.:]?$/, this.choices.length > 0 ? ":" : ".")}`,
      ...this.choices.slice(0, SHOWN).map((choice) => `  ${choice}`),
      ...(rest > 0 ? [`  … and ${rest.toLocaleString("en-US")} more`] : [])
    ].join("\n")
  }
}
