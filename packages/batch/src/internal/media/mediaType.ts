/**
 * What kind of picture or sound bytes are, told from how they begin.
 */

interface Sign {
  readonly type: string
  readonly at?: number
  readonly bytes: string
}

const signs: ReadonlyArray<Sign> = [
  { type: "image/png", bytes: "\x89PNG\r\n\x1a\n" },
  { type: "image/jpeg", bytes: "\xff\xd8\xff" },
  { type: "image/gif", bytes: "GIF8" },
  { type: "image/bmp", bytes: "BM" },
  { type: "image/tiff", bytes: "II*\0" },
  { type: "image/tiff", bytes: "MM\0*" },
  { type: "image/webp", at: 8, bytes: "WEBP" },
  { type: "audio/wav", at: 8, bytes: "WAVE" },
  { type: "audio/flac", bytes: "fLaC" },
  { type: "audio/ogg", bytes: "OggS" },
  { type: "audio/amr", bytes: "#!AMR" },
  { type: "audio/mpeg", bytes: "ID3" },
  { type: "audio/webm", bytes: "\x1a\x45\xdf\xa3" },
  { type: "audio/m4a", at: 4, bytes: "ftypM4A" },
  { type: "video/mp4", at: 4, bytes: "ftyp" }
]

const begins = (head: Uint8Array, { at = 0, bytes }: Sign) => {
  for (let i = 0; i < bytes.length; i++) if (head[at + i] !== bytes.charCodeAt(i)) return false
  return true
}

/** Frames of MPEG audio have no name: eleven bits and a layer that there is. */
const isMpegFrame = (head: Uint8Array) => {
  const second = head[1] ?? 0
  return head[0] === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) !== 0
}

/** The kind, or nothing where none is known. */
export const of = (head: Uint8Array): string | undefined =>
  signs.find((sign) => begins(head, sign))?.type ?? (isMpegFrame(head) ? "audio/mpeg" : undefined)

/** What a kind may be called: it goes into a header. */
export const pattern: RegExp = /^(image|audio|video)\/[a-z0-9][a-z0-9.+-]{0,40}$/
