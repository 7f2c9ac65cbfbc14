/**
 * Lines of JSON.
 */
import * as FileKind from "./fileKind.ts"
import * as ProblemText from "./problemText.ts"
import { BadRecord, type Format } from "./records.ts"
import * as TextFile from "./textFile.ts"
import { type TextLine, TextLines } from "./textLines.ts"

const unreadable = {
  "not UTF-8": () => "is not UTF-8",
  "too long": (maxBytes: number) => `is longer than ${maxBytes.toLocaleString("en-US")} bytes`
}

const notJson = (line: TextLine, cause: unknown) => {
  const message = cause instanceof Error ? cause.message.replace(/ \(line 1 column \d+\)/, "") : ""
  return new BadRecord(line, { detail: ProblemText.safe(`is not JSON: ${message}`) }, "syntax")
}

const parse = (line: TextLine): unknown => {
  try {
    // Measured: JSON.parse and a decoder of values take half the time of a schema of JSON text.
    return JSON.parse(line.text)
  } catch (cause) {
    return notJson(line, cause)
  }
}

/** One JSON value a line; blank lines are passed over. */
export const format = (
  path: string,
  maxLineBytes: number = TextFile.MAX_RECORD_BYTES
): Format<TextLine, never> => ({
  unit: "line",
  open: (look) => TextFile.open(path, () => new TextLines(maxLineBytes), FileKind.jsonProblem, look),
  valueOf: (line) =>
    line.unreadable === undefined
      ? parse(line)
      : new BadRecord(line, { detail: unreadable[line.unreadable](maxLineBytes) }),
  documentProblem: ({ broken, record }) =>
    broken === "syntax" ? FileKind.documentProblem(record.text) : undefined
})
