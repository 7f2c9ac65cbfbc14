import type { Table } from "./Contrastive.ts"

/**
 * A table in a quarter of its size, as `weights.bin` holds it: a 32-bit scale for each row, then every row's
 * values as 8-bit integers that its scale multiplies. Row 0, `[PAD]`, is nothing.
 */
export const toInt8 = ({ dimensions, rows, values }: Table): Uint8Array<ArrayBuffer> => {
  const bytes = new ArrayBuffer(rows * (Float32Array.BYTES_PER_ELEMENT + dimensions))
  const scales = new Float32Array(bytes, 0, rows)
  const integers = new Int8Array(bytes, rows * Float32Array.BYTES_PER_ELEMENT)
  for (let row = 1; row < rows; row++) {
    let largest = 0
    for (let k = 0; k < dimensions; k++) {
      largest = Math.max(largest, Math.abs(values[row * dimensions + k]!))
    }
    scales[row] = largest / 127 || 1e-9
    for (let k = 0; k < dimensions; k++) {
      integers[row * dimensions + k] = Math.round(values[row * dimensions + k]! / scales[row]!)
    }
  }
  return new Uint8Array(bytes)
}
