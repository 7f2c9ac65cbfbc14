/**
 * What a file is that was given by mistake for lines of JSON, told by its first bytes.
 */
const starts = (bytes: Uint8Array, ...magic: ReadonlyArray<number>) =>
  bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte)

const UTF16 = "is UTF-16, not UTF-8: convert it first (iconv -f UTF-16 -t UTF-8)"

/** Why a file that begins with these bytes cannot hold lines of JSON; nothing if it may. */
export const problemOf = (bytes: Uint8Array): string | undefined => {
  if (starts(bytes, 0x1f, 0x8b)) return "is compressed with gzip: unpack it first (gunzip -c)"
  if (starts(bytes, 0x28, 0xb5, 0x2f, 0xfd)) return "is compressed with zstd: unpack it first (zstd -dc)"
  if (starts(bytes, 0x50, 0x4b, 0x03, 0x04)) return "is a zip archive: unpack it first"
  if (starts(bytes, 0x50, 0x41, 0x52, 0x31)) return "is Parquet: write its rows as JSONL first"
  if (starts(bytes, 0xff, 0xfe) || starts(bytes, 0xfe, 0xff)) return UTF16
  if (bytes.length < 4) return undefined
  // ASCII as UTF-16: every other byte is NUL.
  const [b0, b1, b2, b3] = bytes
  const isLittle = b0 !== 0 && b1 === 0 && b2 !== 0 && b3 === 0
  const isBig = b0 === 0 && b1 !== 0 && b2 === 0 && b3 !== 0
  return isLittle || isBig ? UTF16 : undefined
}

/** Why a file whose first line is this, and is no JSON, cannot hold lines of JSON. */
export const documentProblem = (line: string): string | undefined => {
  const text = line.trim()
  return text === "{" || text.startsWith("[")
    ? "is one JSON document over several lines, not one JSON value a line: convert it first (jq -c '.[]' for a list)"
    : undefined
}
