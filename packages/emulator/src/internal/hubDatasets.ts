/**
 * Datasets on the hub: what is in them, at which commit, and where its bytes are.
 *
 * @source huggingface_hub: `/api/datasets/{id}/revision/{revision}`, `/api/datasets/{id}/tree/{revision}/{path}` in pages
 * chained by `Link`, `/datasets/{id}/resolve/{revision}/{path}` with `X-Repo-Commit`, `X-Linked-Size`, `X-Linked-Etag`, and
 * the refusals that `hf_raise_for_status` knows.
 * @source hub docs, "Hub API Endpoints": `/api/datasets/{id}/parquet[/{subset}[/{split}[/{n}.parquet]]]`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Engine from "../Engine.ts"
import type { Access } from "./access.ts"
import { type Commit, type Datasets, type Repository, find } from "./datasets.ts"
import * as Identifier from "./identifier.ts"
import * as Cdn from "./cdn.ts"

const refusal = (status: number, code: string | undefined, message: string) =>
  HttpServerResponse.jsonUnsafe(
    { error: message },
    {
      status,
      headers: { ...(code === undefined ? {} : { "x-error-code": code }), "x-error-message": message }
    }
  )

const invalid = refusal(401, undefined, "Invalid credentials in Authorization header")
const noRepository = (hasToken: boolean) =>
  hasToken
    ? refusal(404, "RepoNotFound", "Repository not found")
    : refusal(401, "RepoNotFound", "Repository not found")
const noRevision = (revision: string) => refusal(404, "RevisionNotFound", `Invalid rev id: ${revision}`)
const noEntry = refusal(404, "EntryNotFound", "Entry not found")

const gated = (id: string, hasToken: boolean) =>
  refusal(
    hasToken ? 403 : 401,
    "GatedRepo",
    hasToken
      ? `Access to dataset ${id} is restricted and you are not in the authorized list. Visit the dataset's page to ask for access.`
      : `Access to dataset ${id} is restricted. You must have access to it and be authenticated to access it. Please log in.`
  )

const decode = (segment: string) => {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** What stands before a path: a revision, with the slashes of `refs/…` as they are or as `%2F`. */
const revisionOf = (
  segments: ReadonlyArray<string>
): readonly [revision: string, path: ReadonlyArray<string>] => {
  const [first = "main", ...rest] = segments
  return first === "refs" && (rest[0] === "convert" || rest[0] === "pr")
    ? [segments.slice(0, 3).join("/"), segments.slice(3)]
    : [first, rest]
}

const PAGE = 1000

/** What stands at a path of a commit: files and folders, all of them below it or those just there. */
const entriesOf = ({ blobs, sha }: Commit, folder: string, recursive: boolean) => {
  const prefix = folder === "" ? "" : `${folder}/`
  const entries = new Map<string, object>()
  for (const { bytes, path, sha256 } of blobs) {
    if (!path.startsWith(prefix)) continue
    const parts = path.slice(prefix.length).split("/")
    for (let depth = 1; depth < parts.length; depth++) {
      if (depth > 1 && !recursive) break
      const at = `${prefix}${parts.slice(0, depth).join("/")}`
      entries.set(at, { type: "directory", oid: Identifier.commit(`${sha} ${at}`), size: 0, path: at })
    }
    if (parts.length > 1 && !recursive) continue
    const lfs = { oid: sha256, size: bytes.byteLength, pointerSize: 134 }
    entries.set(path, { type: "file", oid: Identifier.commit(sha256), size: bytes.byteLength, lfs, path })
  }
  return [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
}

interface Options {
  readonly access: Access
  readonly datasets: Datasets
  readonly origins: () => { readonly hub: string; readonly cdn: string }
}

/** A request for a dataset that is there, from somebody who may know of it. */
interface Asked {
  readonly repository: Repository
  readonly hasToken: boolean
  readonly rest: ReadonlyArray<string>
  readonly query: URLSearchParams
  readonly origins: { readonly hub: string; readonly cdn: string }
}

const info = ({ dataset, id }: Repository, commit: Commit) => ({
  _id: Identifier.object(id),
  id,
  author: id.split("/")[0],
  sha: commit.sha,
  private: dataset.access === "private",
  gated: dataset.access === "gated" ? "manual" : false,
  disabled: false,
  lastModified: "2026-01-01T00:00:00.000Z",
  tags: [],
  downloads: 0,
  likes: 0,
  siblings: commit.blobs.map(({ path }) => ({ rfilename: path }))
})

const tree = ({ origins, query, repository }: Asked, revision: string, folder: string) => {
  const commit = find(repository, revision)
  if (commit === undefined) return noRevision(revision)
  const recursive = /^(1|true)$/i.test(query.get("recursive") ?? "")
  const all = entriesOf(commit, folder, recursive)
  if (all.length === 0 && folder !== "") return noEntry
  const limit = Math.min(PAGE, Math.max(1, Number(query.get("limit") ?? PAGE) || PAGE))
  const from = Number(query.get("cursor") ?? 0) || 0
  const path = folder === "" ? "" : `/${folder.split("/").map(encodeURIComponent).join("/")}`
  const more = new URLSearchParams(query)
  more.set("cursor", String(from + limit))
  const next = `${origins.hub}/api/datasets/${repository.id}/tree/${encodeURIComponent(revision)}${path}?${more}`
  return HttpServerResponse.jsonUnsafe(all.slice(from, from + limit), {
    headers: all.length > from + limit ? { link: `<${next}>; rel="next"` } : {}
  })
}

const parquet = ({ origins, repository }: Asked, path: ReadonlyArray<string>) => {
  const commit = find(repository, "refs/convert/parquet")
  if (commit === undefined) return noRevision("refs/convert/parquet")
  const base = `${origins.hub}/api/datasets/${repository.id}/parquet`
  const configs: Record<string, Record<string, Array<string>>> = {}
  const files = new Map<string, string>()
  for (const blob of commit.blobs) {
    const [config = "", folder = ""] = blob.path.split("/")
    const split = folder.replace(/^partial-/, "")
    const urls = ((configs[config] ??= {})[split] ??= [])
    const place = `${config}/${split}/${urls.length}.parquet`
    files.set(place, blob.path)
    urls.push(`${base}/${place}`)
  }
  const [config, split, nth] = path
  if (config === undefined) return HttpServerResponse.jsonUnsafe(configs)
  if (split === undefined)
    return configs[config] === undefined ? noEntry : HttpServerResponse.jsonUnsafe(configs[config])
  if (nth === undefined) {
    const urls = configs[config]?.[split]
    return urls === undefined ? noEntry : HttpServerResponse.jsonUnsafe(urls)
  }
  const file = files.get(path.join("/"))
  const to = `/datasets/${repository.id}/resolve/${encodeURIComponent("refs/convert/parquet")}/${file}`
  return file === undefined ? noEntry : HttpServerResponse.redirect(to, { status: 302 })
}

const api = (asked: Asked) => {
  const { repository, rest } = asked
  const [route, ...after] = rest
  const [revision, path] = revisionOf(after)
  if (route === "parquet") return parquet(asked, after)
  if (route === "tree") return tree(asked, revision, path.join("/"))
  if (route !== undefined && route !== "revision") return noEntry
  const commit = find(repository, revision)
  return commit === undefined ? noRevision(revision) : HttpServerResponse.jsonUnsafe(info(repository, commit))
}

const resolve = ({ hasToken, origins, repository, rest }: Asked) => {
  const { access = "public", granted = true } = repository.dataset
  if (access === "gated" && !(hasToken && granted)) return gated(repository.id, hasToken)
  const [route, ...after] = rest
  if (route !== "resolve") return noEntry
  const [revision, path] = revisionOf(after)
  const commit = find(repository, revision)
  if (commit === undefined) return noRevision(revision)
  const blob = commit.blobs.find((one) => one.path === path.join("/"))
  if (blob === undefined) return noEntry
  return HttpServerResponse.redirect(Cdn.locationOf(origins.cdn, blob), {
    status: 302,
    headers: {
      "x-repo-commit": commit.sha,
      "x-linked-size": String(blob.bytes.byteLength),
      "x-linked-etag": `"${blob.sha256}"`,
      "accept-ranges": "bytes"
    }
  })
}

const handler =
  (
    { access, datasets, origins }: Options,
    prefix: number,
    answer: (asked: Asked) => HttpServerResponse.HttpServerResponse
  ) =>
  (request: HttpServerRequest.HttpServerRequest) =>
    Effect.sync(() => {
      const authorization = request.headers["authorization"]
      const hasToken = access(authorization) !== undefined
      if (authorization !== undefined && !hasToken) return invalid
      const [owner = "", name = "", ...rest] = Engine.path(request).split("/").slice(prefix).map(decode)
      const repository = datasets.get(`${owner}/${name}`)
      const { access: seenBy = "public", granted = true } = repository?.dataset ?? {}
      if (repository === undefined || (seenBy === "private" && !(hasToken && granted)))
        return noRepository(hasToken)
      const query = new URLSearchParams(
        request.url.slice(request.url.indexOf("?") >= 0 ? request.url.indexOf("?") : request.url.length)
      )
      return answer({ repository, hasToken, rest, query, origins: origins() })
    })

/** Adds the routes to the router. */
export const layer = (options: Options): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  Layer.mergeAll(
    HttpRouter.add("GET", "/api/datasets/*", handler(options, 3, api)),
    HttpRouter.add("GET", "/datasets/*", handler(options, 2, resolve))
  )
