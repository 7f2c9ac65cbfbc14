/** The page of all errors, from instances of them. */
import { ExitCode } from "@stint/cli"
import { Cause } from "effect"
import { type Sample, chapters } from "./samples.ts"

const codes: ReadonlyArray<readonly [number, string]> = [
  [0, "every row succeeded; the endpoint is released, and that is confirmed"],
  [1, "a defect of Stint"],
  [2, "the usage or the input is refused; nothing was woken"],
  [3, "finished, and some rows failed: they are in `errors.jsonl`"],
  [4, "stopped: by too many failures, a deadline, the account; what was done is kept"],
  [5, "**the release is not confirmed: the endpoint may still be billing** (goes before every other code)"],
  [6, "the endpoint could not be made ready"],
  [7, "somebody else paused the endpoint; what was done is kept"],
  [8, "another run holds the output folder or the endpoint"],
  [129, "stopped by SIGHUP; the release is confirmed"],
  [130, "stopped by SIGINT (Ctrl-C); the release is confirmed"],
  [143, "stopped by SIGTERM; the release is confirmed"]
]

/** What a row fails with ends no command. */
const isOfARow = ({ _tag }: Sample["error"]) =>
  ["Fault", "ResponseTooLarge", "RequestAborted", "UnknownEncoding"].includes(_tag)

const isOfTheLibrary = ({ _tag }: Sample["error"]) => _tag === "HardwareUnavailable"

const codeOf = (error: Sample["error"]): string => {
  if (isOfARow(error)) return "of a row: the command ends with 3"
  if (isOfTheLibrary(error)) return "of the library"
  return `exit code ${ExitCode.fromCause(Cause.fail(error))}`
}

const titleOf = (error: Sample["error"]): string => {
  const reason: unknown = Reflect.get(error, "reason")
  const tag =
    typeof reason === "object" && reason !== null && "_tag" in reason
      ? `, reason \`${String(reason._tag)}\``
      : ""
  return `\`${error._tag}\`${tag}: ${codeOf(error)}`
}

const entry = ({ error, step }: Sample): string =>
  [`### ${titleOf(error)}`, "", "```text", error.message, "```", "", `What to do: ${step}`, ""].join("\n")

/** The whole page. */
export const page = (): string =>
  [
    "# Errors",
    "",
    "Every error that the command shows and the packages fail with, by the moment at which it comes: its tag, the exit code of",
    "`stint run`, and its message with values as an example. Written by `npm run errors` from the classes themselves.",
    "",
    ...codes.map(([code, meaning]) => `- \`${code}\`: ${meaning}`),
    "",
    ...chapters.flatMap(({ about, samples, title }) => [`## ${title}`, "", about, "", ...samples.map(entry)])
  ]
    .join("\n")
    .trimEnd()
    .concat("\n")
