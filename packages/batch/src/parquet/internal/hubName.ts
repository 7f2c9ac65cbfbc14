/**
 * The name of a dataset on the hub, as Hugging Face's own tools and others write it.
 *
 * @source huggingface_hub, `HfFileSystem.resolve_path` and `parse_hf_uri`: `hf://datasets/OWNER/NAME[@REVISION][/PATH]`;
 * the revision is percent-decoded, and `refs/convert/NAME` and `refs/pr/N` keep their slashes.
 * @source DuckDB's `hffs.cpp` and Polars' `hugging_face.rs`: the same, with globs in the path (`*`, `**`, `?`, `[abc]`), and
 * `@~parquet` for the branch that the hub converts datasets to.
 */

/** The branch that the hub writes converted files to, as `CONFIG/SPLIT/0000.parquet`. */
export const CONVERTED = "refs/convert/parquet"

/** A dataset, and what of it. */
export interface HubName {
  /** `OWNER/NAME`. */
  readonly id: string
  /** A branch, a tag or a commit; absent: the converted branch, and `path` is `CONFIG/SPLIT`. */
  readonly revision: string | undefined
  /** Without a slash at either end. */
  readonly path: string
}

const special = /^(refs\/(?:convert\/[\w.-]+|pr\/\d+))(?:\/|$)/
const label = /^[\w.-]+$/

/** How a name is to be written. */
const FORM =
  "hf://datasets/OWNER/NAME, and after it /CONFIG/SPLIT, or @REVISION/ and the path of a file in the repository"

const decoded = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Whether a path has to be looked for. */
export const isGlob = (path: string): boolean => /[*?[]/.test(path)

const isParquet = (path: string) => /\.(parquet|pq)$/i.test(path)

/** Names of configs have dots as well, as in `20220301.en`. */
const isOther = (path: string) =>
  /\.(csv|tsv|jsonl?|ndjson|txt|md|ya?ml|xml|xlsx?|arrow|feather|orc|avro|h5|npy|npz|pkl|zip|gz|tar|bz2|xz|zst|7z|png|jpe?g|mp3|mp4|wav|flac|py)$/i.test(
    path
  )

const revisionOf = (rest: string): readonly [revision: string | undefined, path: string] => {
  const found = special.exec(rest)?.[1]
  if (found !== undefined) return [found, rest.slice(found.length + 1)]
  const slash = rest.indexOf("/")
  const revision = decoded(slash < 0 ? rest : rest.slice(0, slash))
  return [revision === "~parquet" ? CONVERTED : revision, slash < 0 ? "" : rest.slice(slash + 1)]
}

/** Reads a name; else what is wrong with it. */
export const parse = (text: string): HubName | string => {
  const [kind = "", ...rest] = text.slice("hf://".length).split("/")
  if (kind !== "datasets") {
    return kind === "buckets" || kind === "spaces" || kind === "models"
      ? `it is one of the ${kind}, and only datasets are read: write ${FORM}`
      : `write ${FORM}`
  }
  const [owner = "", named = "", ...segments] = rest
  const at = named.indexOf("@")
  const name = at < 0 ? named : named.slice(0, at)
  if (!label.test(owner) || !label.test(name)) return `write ${FORM}`
  const id = `${owner}/${name}`
  const [revision, raw] =
    at < 0 ? [undefined, segments.join("/")] : revisionOf([named.slice(at + 1), ...segments].join("/"))
  if (at >= 0 && (revision === undefined || revision === ""))
    return `it has no revision after the @: write ${FORM}`
  const path = raw.replace(/^\/+|\/+$/g, "")
  const parts = path === "" ? [] : path.split("/")
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return `"${path}" is no path in a repository`
  }
  if (isOther(path)) {
    return `"${path}" is no Parquet. Of what is stored otherwise the hub has a copy in Parquet: leave the path out, or name CONFIG/SPLIT`
  }
  // A file stands on the main branch; a config is what the hub made of it.
  const isExact = isParquet(path) || isGlob(path)
  if (revision === undefined && isExact) return { id, revision: "main", path }
  if (revision === undefined && parts.length > 2) {
    return `"${path}" is more than CONFIG/SPLIT. For a folder write hf://datasets/${id}@main/${path}`
  }
  const isConfig = revision === CONVERTED && !isExact && parts.length <= 2
  return { id, revision: isConfig ? undefined : revision, path }
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const token = /(?<=^|\/)\*\*(?:\/|$)|\*+|\?|\[[!^]?[^\]/]+\]|[^]/g

/** A glob as an expression: `*`, `?` and `[abc]` stay within a folder, `**` goes through any number of them. */
export const toExpression = (glob: string): RegExp => {
  const source = glob.replace(token, (one) => {
    if (one.startsWith("**") && one.endsWith("/")) return "(?:[^/]+/)*"
    if (one.startsWith("*")) return one === "**" && glob.endsWith("**") ? ".*" : "[^/]*"
    if (one === "?") return "[^/]"
    if (one.length === 1) return escaped(one)
    const negated = /^\[[!^]/.test(one)
    // Escaped but for the hyphen of a range.
    return `[${negated ? "^/" : ""}${escaped(one.slice(negated ? 2 : 1, -1))}]`
  })
  return new RegExp(`^${source}$`)
}

/** The folder that all that matches a glob lies in. */
export const folderOf = (glob: string): string => {
  const parts = glob.split("/")
  const first = parts.findIndex(isGlob)
  return parts.slice(0, first < 0 ? -1 : Math.min(first, parts.length - 1)).join("/")
}
