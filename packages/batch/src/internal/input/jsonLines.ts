/**
 * Lines of JSON.
 */
import * as FileKind from "./fileKind.ts"
import * as JsonText from "./jsonText.ts"
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

const parse = (line: TextLine, counts: (member: string) => boolean): unknown => {
  try {
    // Measured: JSON.parse and a decoder of values take half the time of a schema of JSON text.
    const value: unknown = JSON.parse(line.text)
    if (JsonText.isTooDeep(line.text)) return new BadRecord(line, { detail: JsonText.TOO_DEEP })
    const lost = JsonText.lostNumber(line.text, counts)
    if (lost === undefined) return value
    const field = ProblemText.fieldOf(lost)
    return new BadRecord(line, {
      detail: JsonText.losesDigitsAt(lost),
      ...(field === undefined ? {} : { field })
    })
  } catch (cause) {
    return notJson(line, cause)
  }
}

/** Whether a member of a line is used: those of batch lines are, and what columns name, of `a.b` also `a`. */
const isUsed = (columns: ReadonlyArray<string> | undefined) => {
  if (columns === undefined) return () => true
  const used = new Set([
    "custom_id",
    "body",
    ...columns,
    ...columns.map((name) => name.split(".")[0] ?? name)
  ])
  return (member: string) => used.has(member)
}

/**
 * One JSON value a line; blank lines are passed over. A line is bad where a number of it loses digits: any number, or only
 * in what `columns` and batch lines take.
 */
export const format = (
  path: string,
  maxLineBytes: number = TextFile.MAX_RECORD_BYTES,
  columns?: ReadonlyArray<string>
): Format<TextLine, never> => {
  const counts = isUsed(columns)
  return {
    unit: "line",
    open: (look) => TextFile.open(path, () => new TextLines(maxLineBytes), FileKind.jsonProblem, look),
    valueOf: (line) =>
      line.unreadable === undefined
        ? parse(line, counts)
        : new BadRecord(line, { detail: unreadable[line.unreadable](maxLineBytes) }),
    documentProblem: ({ broken, record }) =>
      broken === "syntax" ? FileKind.documentProblem(record.text) : undefined
  }
}
