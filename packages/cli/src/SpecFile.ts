/**
 * The spec file: the flat fields of `EndpointSpec` as JSON.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { describe } from "@stint/batch/FileProblem"

/** The spec file cannot be used. */
export class SpecFileError extends Schema.TaggedError<SpecFileError>()("SpecFileError", {
  path: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `The file ${this.path} cannot be used: ${this.detail.replace(/\.?$/, ".")} Correct that and run the same command again; nothing was woken.`
  }
}

const parseJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Json))

const refusal =
  (path: string) =>
  ({ message }: { readonly message: string }) =>
    new SpecFileError({ path, detail: message })

/** Reads a file as JSON. */
export const readJson = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new SpecFileError({ path, detail: describe(error) })
  )
  return yield* Effect.mapError(parseJson(text), () => new SpecFileError({ path, detail: "is not JSON" }))
})

/** Reads and checks a spec file; the error names each wrong field. */
export const read = Effect.fnUntraced(function* (path: string) {
  const { fromJson } = yield* Effect.promise(() => import("@stint/core/EndpointSpec"))
  return yield* Effect.mapError(fromJson(yield* readJson(path)), refusal(path))
})
