/**
 * A set of line numbers, one bit for each line up to the highest of them.
 */
export class LineSet {
  private bits = new Uint8Array(0)
  private count = 0

  get size(): number {
    return this.count
  }

  add(line: number): void {
    const at = Math.floor(line / 8)
    if (at >= this.bits.length) {
      const wider = new Uint8Array(Math.max(1024, 2 * this.bits.length, at + 1))
      wider.set(this.bits)
      this.bits = wider
    }
    const bit = 1 << (line % 8)
    const now = this.bits[at] ?? 0
    if ((now & bit) === 0) this.count++
    this.bits[at] = now | bit
  }

  has(line: number): boolean {
    return ((this.bits[Math.floor(line / 8)] ?? 0) & (1 << (line % 8))) !== 0
  }
}
