/**
 * What an endpoint for pictures paints with: overlapping waves of colour, decided by the prompt. It knows
 * nothing of what the prompt says; the pictures are there for the bytes.
 */
import * as Png from "./internal/png.ts"
import * as SeededRandom from "./internal/seededRandom.ts"

/** What to paint. */
export interface Options {
  readonly width: number
  readonly height: number
  /** The same seed and prompt give the same picture; 0 when left out. */
  readonly seed?: number | undefined
}

const waves = 4

/**
 * Paints a prompt: the bytes of a PNG, the same on every run.
 *
 * @example
 * ```ts
 * import { PatternPainter } from "@stint/emulator"
 *
 * export const png = PatternPainter.paint("an astronaut on a horse", { width: 64, height: 64 })
 * ```
 */
export const paint = (prompt: string, { height, seed = 0, width }: Options): Uint8Array<ArrayBuffer> => {
  const random = SeededRandom.make(SeededRandom.seedOf(`${seed} ${prompt}`))
  const drawn = Array.from({ length: 3 * waves }, () => ({
    across: (random() - 0.5) * 24,
    down: (random() - 0.5) * 24,
    phase: random() * 2 * Math.PI
  }))
  const pixel = (x: number, y: number, bytes: Uint8Array, offset: number): void => {
    for (let channel = 0; channel < 3; channel++) {
      let sum = 0
      for (let i = 0; i < waves; i++) {
        const { across, down, phase } = drawn[channel * waves + i]!
        sum += Math.sin((across * x) / width + (down * y) / height + phase)
      }
      bytes[offset + channel] = Math.round(127.5 * (1 + sum / waves))
    }
  }
  return Png.encode(width, height, pixel, "stint pattern-painter")
}

/** What it is called: `pattern-painter`. */
export const name = "pattern-painter"
