/**
 * What is wrong with a file, in words for the person whose file it is.
 */
import * as Predicate from "effect/Predicate"
import type * as PlatformError from "effect/PlatformError"

const byCode: Record<string, string> = {
  ENOENT: "there is no such file or folder",
  EISDIR: "it is a folder, not a file",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "it is there already, and is no folder",
  EACCES: "this user may not open it",
  EPERM: "this user may not open it",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up"
}

const codeOf = (error: unknown): string | undefined => {
  if (!Predicate.isObject(error)) return undefined
  if (Predicate.hasProperty(error, "code") && typeof error.code === "string") return error.code
  return Predicate.hasProperty(error, "cause") ? codeOf(error.cause) : undefined
}

/**
 * Says what is wrong: the disk is full, there is no such file.
 *
 * **Example** (A file that is not there)
 *
 * ```ts
 * import { FileProblem } from "@stint/batch"
 * import { Effect, FileSystem } from "effect"
 *
 * const read = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString("rows.jsonl")).pipe(
 *   Effect.mapError(FileProblem.describe)
 * )
 * ```
 */
export const describe = (error: PlatformError.PlatformError): string => {
  const code = codeOf(error.reason)
  return (code === undefined ? undefined : byCode[code]) ?? error.message
}
