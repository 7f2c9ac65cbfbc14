/**
 * What a file is that was given by mistake for another kind, told by its first bytes.
 */
const starts = (bytes: Uint8Array, ...magic: ReadonlyArray<number>) =>
  bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte)

const UTF16 = "is UTF-16, not UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)"

const isParquet = (bytes: Uint8Array) => starts(bytes, 0x50, 0x41, 0x52, 0x31)

const packedProblem = (bytes: Uint8Array): string | undefined => {
  if (starts(bytes, 0x1f, 0x8b)) return "is compressed with gzip: unpack it first (gunzip -c)"
  if (starts(bytes, 0x28, 0xb5, 0x2f, 0xfd)) return "is compressed with zstd: unpack it first (zstd -dc)"
  if (starts(bytes, 0x42, 0x5a, 0x68)) return "is compressed with bzip2: unpack it first (bunzip2 -c)"
  if (starts(bytes, 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) {
    return "is compressed with xz: unpack it first (xz -dc)"
  }
  if (starts(bytes, 0x50, 0x4b, 0x03, 0x04)) {
    return "is a zip archive (a spreadsheet is one too): unpack it, or save it as CSV, first"
  }
  return undefined
}

/** Why a file that begins with these bytes cannot be text. */
const textProblem = (bytes: Uint8Array): string | undefined => {
  const packed = packedProblem(bytes)
  if (packed !== undefined) return packed
  if (isParquet(bytes)) return "is Parquet: say so (for the command --input-format parquet)"
  if (starts(bytes, 0xff, 0xfe) || starts(bytes, 0xfe, 0xff)) return UTF16
  if (bytes.length < 4) return undefined
  // ASCII as UTF-16: every other byte is NUL.
  const [b0, b1, b2, b3] = bytes
  const isLittle = b0 !== 0 && b1 === 0 && b2 !== 0 && b3 === 0
  const isBig = b0 === 0 && b1 !== 0 && b2 === 0 && b3 !== 0
  return isLittle || isBig ? UTF16 : undefined
}

/** Why a file that begins with these bytes cannot hold lines of JSON; nothing if it may. */
export const jsonProblem = textProblem

const afterMark = (bytes: Uint8Array) => (starts(bytes, 0xef, 0xbb, 0xbf) ? bytes.subarray(3) : bytes)

/** Why a file that begins with these bytes cannot be CSV; nothing if it may. */
export const csvProblem = (bytes: Uint8Array): string | undefined =>
  starts(afterMark(bytes), 0x7b, 0x22)
    ? "looks like lines of JSON, not CSV: say so (for the command --input-format jsonl)"
    : textProblem(bytes)

/** Why a file that begins with these bytes is no Parquet; nothing if it may be. */
export const parquetProblem = (bytes: Uint8Array): string | undefined => {
  if (isParquet(bytes)) return undefined
  if (starts(bytes, 0x50, 0x41, 0x52, 0x45))
    return "is Parquet with an encrypted footer, which cannot be read here"
  const packed = packedProblem(bytes)
  if (packed !== undefined) return packed
  return bytes.length === 0
    ? "is empty: a Parquet file without rows has a footer still"
    : "is no Parquet file: it does not begin with PAR1. Say what it is (for the command --input-format)"
}

// Names, and between them one kind of delimiter: a header, and nothing that JSON could begin with.
const header = /^[A-Za-z_][\w.-]*(?:([,;\t|])[A-Za-z_][\w.-]*)(?:\1[A-Za-z_][\w.-]*)*$/

/** Why a file whose first line is this, and is no JSON, cannot hold lines of JSON. */
export const documentProblem = (line: string): string | undefined => {
  const text = line.trim()
  if (text === "{" || text.startsWith("[")) {
    return "is one JSON document over several lines, not one JSON value a line: convert it first (jq -c '.[]' for a list)"
  }
  return header.test(text)
    ? "looks like CSV, not lines of JSON: say so (for the command --input-format csv)"
    : undefined
}
