/**
 * A form with one file, as `multipart/form-data`. Made here because not every client makes one of a `FormData`.
 *
 * @source https://www.rfc-editor.org/rfc/rfc7578
 */
import { ByteDigest } from "./byteDigest.ts"

export interface File {
  readonly name: string
  readonly type: string
  readonly bytes: Uint8Array
}

/** The body of a form, and its content type. */
export interface Form {
  readonly bytes: Uint8Array
  readonly type: string
}

const encoder = new TextEncoder()

const quoted = (name: string) =>
  `"${name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22")}"`

/** The form; its boundary is a digest of the file, which does not hold its own. */
export const make = (file: File, fields: ReadonlyArray<readonly [name: string, value: string]>): Form => {
  const boundary = `stint-${new ByteDigest().update(file.bytes).hex()}`
  const disposition = (name: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(name)}`
  const before = fields.map(([name, value]) => `${disposition(name)}\r\n\r\n${value}\r\n`).join("")
  const head = encoder.encode(
    `${before}${disposition("file")}; filename=${quoted(file.name)}\r\nContent-Type: ${file.type}\r\n\r\n`
  )
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`)
  const bytes = new Uint8Array(head.length + file.bytes.length + tail.length)
  bytes.set(head)
  bytes.set(file.bytes, head.length)
  bytes.set(tail, head.length + file.bytes.length)
  return { bytes, type: `multipart/form-data; boundary=${boundary}` }
}
