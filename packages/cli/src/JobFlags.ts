/**
 * What is asked of the model beside the rows themselves: flags, and what they mean.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Flag from "effect/cli/Flag"
import { describe } from "@stint/batch/FileProblem"
import type * as Media from "@stint/batch/Media"
import type * as Row from "@stint/batch/Row"
import type * as Truncation from "@stint/batch/Truncation"

/** A flag that says what to ask cannot be used. Nothing was woken. */
export class JobFlagRefused extends Schema.TaggedError<JobFlagRefused>()("JobFlagRefused", {
  flag: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `--${this.flag} cannot be used: ${this.detail.replace(/\.?$/, ".")} Correct that and run the same command again; nothing was woken.`
  }
}

/** What can be done with a row: the kinds of job, named here so that help needs none of them. */
export const kinds = [
  "embed",
  "classify",
  "generate",
  "chat",
  "image",
  "transcribe",
  "http"
] as const satisfies ReadonlyArray<Row.Kind>

const Positive = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const Temperature = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))

export const flags = {
  system: Flag.String("system").pipe(
    Flag.withDescription("For chat: the system message that every plain row begins with"),
    Flag.optional
  ),
  maxTokens: Flag.Int("max-tokens").pipe(
    Flag.withDescription("For chat and generate: the most tokens of an answer to a plain row"),
    Flag.withSchema(Positive),
    Flag.optional
  ),
  temperature: Flag.Finite("temperature").pipe(
    Flag.withDescription("For chat and generate: how freely tokens are drawn"),
    Flag.withSchema(Temperature),
    Flag.optional
  ),
  parameters: Flag.String("parameters").pipe(
    Flag.withDescription(
      "For chat, generate, image and transcribe: what else the engine takes, as JSON or @file"
    ),
    Flag.optional
  ),
  schema: Flag.String("schema").pipe(
    Flag.withDescription("For chat: a file with the JSON Schema that every answer must fit"),
    Flag.optional
  ),
  onLength: Flag.Literals("on-length", ["fail", "keep", "retry"]).pipe(
    Flag.withDescription(
      "For chat and generate: what becomes of an answer that was cut off at its limit of tokens (keep with --max-tokens, else fail)"
    ),
    Flag.optional
  ),
  mediaFolder: Flag.String("media-folder").pipe(
    Flag.withDescription(
      "For chat, classify and transcribe: the folder of the files that rows refer to; by default that of the input"
    ),
    Flag.optional
  )
}

/** What the flags were given. */
export interface Given {
  readonly system: Option.Option<string>
  readonly maxTokens: Option.Option<number>
  readonly temperature: Option.Option<number>
  readonly parameters: Option.Option<string>
  readonly schema: Option.Option<string>
  readonly onLength: Option.Option<"fail" | "keep" | "retry">
}

type Name = keyof Given

const spelled: { readonly [K in Name]: string } = {
  system: "system",
  maxTokens: "max-tokens",
  temperature: "temperature",
  parameters: "parameters",
  schema: "schema",
  onLength: "on-length"
}

const texts: ReadonlyArray<Row.Kind> = ["chat", "generate"]

const kindsOf: { readonly [K in Name]: ReadonlyArray<Row.Kind> } = {
  system: ["chat"],
  maxTokens: texts,
  temperature: texts,
  parameters: [...texts, "image", "transcribe"],
  schema: ["chat"],
  onLength: texts
}

const names: ReadonlyArray<Name> = ["system", "maxTokens", "temperature", "parameters", "schema", "onLength"]

const givenOf = (given: Given): ReadonlyArray<Name> => names.filter((name) => given[name]._tag === "Some")

const decodeParameters = Schema.decodeEffect(Schema.fromJsonString(Schema.JsonObject))
const decodeJson = Schema.decodeEffect(Schema.fromJsonString(Schema.Json))

const readFile = Effect.fnUntraced(function* (flag: string, path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new JobFlagRefused({ flag, detail: `${path}: ${describe(error)}` })
  )
})

const parametersOf = Effect.fnUntraced(function* (given: string) {
  const text = given.startsWith("@") ? yield* readFile("parameters", given.slice(1)) : given
  return yield* Effect.mapError(
    decodeParameters(text),
    () => new JobFlagRefused({ flag: "parameters", detail: "it is no JSON object" })
  )
})

const schemaOf = Effect.fnUntraced(function* (path: string) {
  const text = yield* readFile("schema", path)
  const refuse = (detail: string) => new JobFlagRefused({ flag: "schema", detail: `${path}: ${detail}` })
  const json = yield* Effect.mapError(decodeJson(text), () => refuse("it is not JSON"))
  const { fromJsonSchema } = yield* Effect.promise(() => import("@stint/batch/StructuredOutput"))
  return yield* Effect.mapError(fromJsonSchema(json), ({ message }) => refuse(message))
})

const policyOf = (policy: "fail" | "keep" | "retry"): Truncation.Policy =>
  policy === "retry" ? { retryWith: {} } : policy

/** What the flags mean to the job of a run. Fails where one does not go with the kind of job. */
export const toOptions = Effect.fnUntraced(function* (
  given: Given,
  kind: Row.Kind
): Effect.fn.Return<Row.JobOptions, JobFlagRefused, FileSystem.FileSystem> {
  for (const name of givenOf(given)) {
    if (kindsOf[name].includes(kind)) continue
    const detail = `it is for --job ${kindsOf[name].join(" or ")}, and this is ${kind}`
    return yield* new JobFlagRefused({ flag: spelled[name], detail })
  }
  const named = Option.isSome(given.parameters) ? yield* parametersOf(given.parameters.value) : undefined
  const temperature = Option.getOrUndefined(given.temperature)
  const schema = Option.isSome(given.schema) ? yield* schemaOf(given.schema.value) : undefined
  const onLength = Option.getOrUndefined(Option.map(given.onLength, policyOf))
  if (schema !== undefined && onLength === "keep") {
    return yield* new JobFlagRefused({
      flag: "on-length",
      detail: "with --schema an answer that was cut off is never kept: say fail or retry"
    })
  }
  return {
    parameters: temperature === undefined ? named : { ...named, temperature },
    maxTokens: Option.getOrUndefined(given.maxTokens),
    system: Option.getOrUndefined(given.system),
    schema,
    onLength
  }
})

const ofMedia: ReadonlyArray<Row.Kind> = ["chat", "classify", "transcribe"]

/**
 * The folder of the files that rows refer to: the one that was given, else the input's own; none for stdin, and for jobs
 * that take no files.
 */
export const folder = Effect.fnUntraced(function* (
  given: { readonly input: string; readonly mediaFolder: Option.Option<string> },
  kind: Row.Kind
): Effect.fn.Return<Media.Folder | undefined, JobFlagRefused, FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path
  const named = Option.getOrUndefined(given.mediaFolder)
  const flag = "media-folder"
  if (!ofMedia.includes(kind)) {
    if (named === undefined) return undefined
    return yield* new JobFlagRefused({ flag, detail: `it is for --job ${ofMedia.join(" or ")}` })
  }
  const place = named ?? (given.input === "-" ? undefined : path.dirname(given.input))
  if (place === undefined) return undefined
  const Media = yield* Effect.promise(() => import("@stint/batch/Media"))
  const found = Media.folder(place)
  if (named !== undefined) {
    return yield* Effect.mapError(
      found,
      ({ detail }) => new JobFlagRefused({ flag, detail: `${named}: ${detail}` })
    )
  }
  // An input that is not there is told of when it is opened.
  return yield* Effect.orElseSucceed(found, () => undefined)
})

/** How many answers were cut off and kept, in words. */
export const keptText = (count: number): string =>
  `${count.toLocaleString("en-US")} ${count === 1 ? "answer was" : "answers were"} cut off at the limit of tokens and kept as far as they go (finish_reason: length).`

/** The same rows, where no batch line is among them that says all of this itself. */
export const plainOnly = <E, R>(
  rows: Stream.Stream<Row.Row, E, R>,
  given: Given
): Stream.Stream<Row.Row, E | JobFlagRefused, R> => {
  const [name] = givenOf(given)
  if (name === undefined) return rows
  return Stream.tap(rows, (row) =>
    "custom_id" in row
      ? Effect.fail(
          new JobFlagRefused({
            flag: spelled[name],
            detail: `${row.custom_id} is a batch line, which says in its body what is asked; the flag is for rows of {"id", "input"}`
          })
        )
      : Effect.void
  )
}
