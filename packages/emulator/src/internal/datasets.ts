/** The datasets of the hub, with every commit that they ever had. */
import { createHash } from "node:crypto"
import type { Dataset, Files } from "../Dataset.ts"
import * as Identifier from "./identifier.ts"

/** A file of a commit. */
export interface Blob {
  readonly path: string
  readonly bytes: Uint8Array
  /** The digest that large files are known by. */
  readonly sha256: string
}

/** What a branch was at some time. */
export interface Commit {
  readonly sha: string
  readonly blobs: ReadonlyArray<Blob>
}

/** A dataset with its branches and commits. */
export interface Repository {
  readonly id: string
  readonly dataset: Dataset
  readonly branches: ReadonlyMap<string, Commit>
  readonly commits: ReadonlyMap<string, Commit>
}

/** The datasets of the hub. */
export interface Datasets {
  readonly get: (id: string) => Repository | undefined
  /** Puts a dataset there, as the next commit of what it was. */
  readonly set: (id: string, dataset: Dataset) => void
  readonly blob: (sha256: string) => Blob | undefined
}

const CONVERTED = "refs/convert/parquet"

const commitOf = (id: string, branch: string, files: Files): Commit => {
  const blobs = Object.entries(files)
    .map(([path, bytes]) => ({ path, bytes, sha256: createHash("sha256").update(bytes).digest("hex") }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const content = blobs.map(({ path, sha256 }) => `${path} ${sha256}`).join("\n")
  return { sha: Identifier.commit(`${id} ${branch} ${content}`), blobs }
}

const names: Readonly<Record<string, string>> = { "~parquet": CONVERTED, HEAD: "main" }

/** Finds a commit by a branch, another name that the hub has for it, or its digits. */
export const find = ({ branches, commits }: Repository, revision: string): Commit | undefined =>
  branches.get(names[revision] ?? revision) ?? commits.get(revision)

/** Makes a hub with some datasets. */
export const make = (all: Readonly<Record<string, Dataset>>): Datasets => {
  const repositories = new Map<string, Repository>()
  const blobs = new Map<string, Blob>()

  const set = (id: string, dataset: Dataset) => {
    const { converted, files = converted ?? {} } = dataset
    const branches = new Map([["main", commitOf(id, "main", files)]])
    if (converted !== undefined) branches.set(CONVERTED, commitOf(id, CONVERTED, converted))
    const commits = new Map(repositories.get(id)?.commits)
    for (const commit of branches.values()) {
      commits.set(commit.sha, commit)
      for (const blob of commit.blobs) blobs.set(blob.sha256, blob)
    }
    repositories.set(id, { id, dataset, branches, commits })
  }

  for (const [id, dataset] of Object.entries(all)) set(id, dataset)
  return { get: (id) => repositories.get(id), set, blob: (sha256) => blobs.get(sha256) }
}
