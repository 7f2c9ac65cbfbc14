/**
 * Which files of a repository a name stands for.
 *
 * @source huggingface/dataset-viewer: converted files are `CONFIG/SPLIT/0000.parquet`; where the first part alone was
 * converted the folder is `partial-SPLIT`, and no name of a split has a hyphen.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { DatasetError } from "../DatasetError.ts"
import { type HubCalls, encodePath } from "./hubCalls.ts"
import { CONVERTED, type HubName, folderOf, isGlob, toExpression } from "./hubName.ts"

/** A file of a repository. */
export interface HubFile {
  readonly path: string
  readonly size: number
}

/** The files that are read, at one commit. */
export interface Chosen {
  readonly commit: string
  /** What they are of: `default/train`, or a path. */
  readonly part: string
  readonly files: ReadonlyArray<HubFile>
}

const readInfo = HttpClientResponse.schemaBodyJson(
  Schema.Struct({ sha: Schema.String.check(Schema.isPattern(/^[0-9a-f]{40,64}$/)) })
)

const Entries = Schema.Array(
  Schema.Struct({
    type: Schema.String,
    path: Schema.String,
    size: Schema.optionalKey(Schema.Int),
    lfs: Schema.optionalKey(Schema.NullOr(Schema.Struct({ size: Schema.Int })))
  })
)

const readEntries = HttpClientResponse.schemaBodyJson(Entries)

/** Whose splits are told where none was named. */
const MAX_CONFIGS = 20

const isParquet = (path: string) => /\.(parquet|pq)$/i.test(path)

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const lastOf = (path: string) => path.slice(path.lastIndexOf("/") + 1)

/** What a repository has at a commit. */
const treeOf = (calls: HubCalls, id: string, commit: string) => {
  const tree = (path: string, recursive: boolean) =>
    calls.pages(
      `${calls.base}/api/datasets/${id}/tree/${commit}${path === "" ? "" : `/${encodePath(path)}`}${recursive ? "?recursive=true" : ""}`,
      readEntries
    )
  /** As {@link tree}; nothing of a folder that is not there. */
  const entries = (path: string, recursive = false) =>
    Effect.catchIf(
      tree(path, recursive),
      ({ reason }) => reason === "file",
      () => Effect.succeed([])
    )
  const files = (path: string, recursive: boolean) =>
    Effect.map(entries(path, recursive), (all): ReadonlyArray<HubFile> =>
      all
        .filter(({ path, type }) => type === "file" && isParquet(path))
        .map(({ lfs, path, size = 0 }) => ({ path, size: lfs?.size ?? size }))
        .toSorted((a, b) => compare(a.path, b.path))
    )
  const folders = (path: string) =>
    Effect.map(entries(path), (all) =>
      all
        .filter(({ type }) => type === "directory")
        .map(({ path }) => lastOf(path))
        .toSorted(compare)
    )
  return { files, folders }
}

const commitOf = (calls: HubCalls, id: string, revision: string) =>
  Effect.map(
    calls.json(`${calls.base}/api/datasets/${id}/revision/${encodeURIComponent(revision)}`, readInfo),
    ({ value }) => value.sha
  )

const PARTIAL = "partial-"

/** The files of a config's split, as the hub converted them. */
const converted = Effect.fnUntraced(function* (
  calls: HubCalls,
  { id, path }: HubName
): Effect.fn.Return<Chosen, DatasetError> {
  const place = `hf://datasets/${id}`
  const commit = yield* Effect.catchIf(
    commitOf(calls, id, CONVERTED),
    ({ reason }) => reason === "revision",
    () =>
      Effect.flatMap(
        Effect.flatMap(commitOf(calls, id, "main"), (main) => treeOf(calls, id, main).files("", true)),
        (files) =>
          Effect.fail(
            files.length === 0
              ? calls.fail(
                  "unconverted",
                  "the hub has not converted it to Parquet, and it has no Parquet of its own. Download it, and give a file"
                )
              : calls.fail(
                  "unconverted",
                  "the hub has not converted it to Parquet. Name files of its own, as one of these or with *",
                  files.map((file) => `${place}/${file.path}`)
                )
          )
      )
  )
  const { files, folders } = treeOf(calls, id, commit)
  const [wantedConfig, wantedSplit] = path === "" ? [] : path.split("/")
  const configs = yield* folders("")

  /** `default/train` of all configs, or of some. */
  const choices = (of: ReadonlyArray<string>) =>
    Effect.map(
      Effect.forEach(of.slice(0, MAX_CONFIGS), (config) =>
        Effect.map(folders(config), (splits) => splits.map((split) => `${place}/${config}/${split}`))
      ),
      (told) => [...told.flat(), ...of.slice(MAX_CONFIGS).map((config) => `${place}/${config}`)]
    )

  const config = wantedConfig ?? (configs.length === 1 ? configs[0] : undefined)
  if (config === undefined) {
    return yield* calls.fail(
      configs.length === 0 ? "unconverted" : "ambiguous",
      configs.length === 0
        ? "the hub has converted none of its files to Parquet"
        : "it has more than one config. Choose one of these",
      yield* choices(configs)
    )
  }
  if (!configs.includes(config)) {
    return yield* calls.fail(
      "file",
      `it has no config "${config}". Choose one of these`,
      yield* choices(configs)
    )
  }
  const splits = yield* folders(config)
  const split = wantedSplit ?? (splits.length === 1 ? splits[0] : undefined)
  if (split === undefined) {
    return yield* calls.fail(
      splits.length === 0 ? "unconverted" : "ambiguous",
      splits.length === 0
        ? `the hub has converted nothing of its config "${config}"`
        : `its config "${config}" has more than one split. Choose one of these`,
      yield* choices([config])
    )
  }
  const isNamed = wantedSplit !== undefined
  if (splits.includes(`${PARTIAL}${split}`) || (split.startsWith(PARTIAL) && !isNamed)) {
    const part = split.startsWith(PARTIAL) ? split : `${PARTIAL}${split}`
    return yield* calls.fail(
      "partial",
      `the hub has converted only the first part of "${part.slice(PARTIAL.length)}" to Parquet. Name files of the dataset's own, with @main and their path, or take that part`,
      [`${place}/${config}/${part}`]
    )
  }
  if (!splits.includes(split)) {
    return yield* calls.fail(
      "file",
      `its config "${config}" has no split "${split}". Choose one of these`,
      yield* choices([config])
    )
  }
  const part = `${config}/${split}`
  const found = yield* files(part, true)
  if (found.length === 0) return yield* calls.fail("file", `${part} has no Parquet`)
  return { commit, part, files: found }
})

/** The files that a name stands for, in the order of their names. */
export const choose = Effect.fnUntraced(function* (
  calls: HubCalls,
  name: HubName
): Effect.fn.Return<Chosen, DatasetError> {
  const { id, path, revision } = name
  if (revision === undefined) return yield* converted(calls, name)
  const commit = yield* commitOf(calls, id, revision)
  const { files } = treeOf(calls, id, commit)
  const place = `hf://datasets/${id}@${encodeURIComponent(revision)}`
  const none = (detail: string) =>
    Effect.flatMap(files("", true), (all) =>
      Effect.fail(
        calls.fail(
          path === "" ? "ambiguous" : "file",
          all.length === 0 ? "it has no Parquet at that revision" : detail,
          all.map((file) => `${place}/${file.path}`)
        )
      )
    )
  if (path === "")
    return yield* none("it is a whole repository. Choose one of these, several of them with *, or a folder")
  const found = isGlob(path)
    ? (yield* files(folderOf(path), true)).filter((file) => toExpression(path).test(file.path))
    : isParquet(path)
      ? (yield* files(path.split("/").slice(0, -1).join("/"), false)).filter((file) => file.path === path)
      : yield* files(path, true)
  if (found.length === 0) return yield* none(`it has no Parquet at "${path}". Choose one of these`)
  return { commit, part: path, files: found }
})
