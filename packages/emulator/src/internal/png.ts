/** Pictures as PNG: eight bits of red, green and blue a pixel, no filter, deflated. */
import { crc32, deflateSync } from "node:zlib"

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const uint32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const body = concat([new TextEncoder().encode(type), data])
  return concat([uint32(data.length), body, uint32(crc32(body))])
}

/** A picture's file. `pixel` writes the three bytes of a place at an offset. */
export const encode = (
  width: number,
  height: number,
  pixel: (x: number, y: number, bytes: Uint8Array, offset: number) => void,
  note: string
): Uint8Array<ArrayBuffer> => {
  const row = 1 + 3 * width
  const raw = new Uint8Array(row * height)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) pixel(x, y, raw, y * row + 1 + 3 * x)
  const header = concat([uint32(width), uint32(height), Uint8Array.of(8, 2, 0, 0, 0)])
  return concat([
    signature,
    chunk("IHDR", header),
    chunk("tEXt", new TextEncoder().encode(`Software\0${note}`)),
    chunk("IDAT", deflateSync(raw, { level: 6 })),
    chunk("IEND", new Uint8Array(0))
  ])
}
