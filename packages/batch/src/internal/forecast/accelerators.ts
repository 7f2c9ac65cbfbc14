/**
 * What accelerators can do at most, by their makers' data sheets: for a first guess at a speed that nobody has measured.
 */

/** One accelerator. */
export interface Accelerator {
  /** Bytes of its memory that it reads in a second. */
  readonly bandwidth: number
  /** Dense 16-bit floating point operations a second. */
  readonly flops: number
  /** Bytes. */
  readonly memory: number
}

const of = (gigabytesPerSecond: number, teraflops: number, gigabytes: number): Accelerator => ({
  bandwidth: gigabytesPerSecond * 1e9,
  flops: teraflops * 1e12,
  memory: gigabytes * 1e9
})

/**
 * By instance type.
 *
 * @source NVIDIA's figures without sparsity, of the SXM variants where there are any, as published tables repeat them
 * (inferenceengineering.tech/cheat-sheets/hardware; llmbook.apartsin.com, appendix G); those of T4 and A10G are in neither and
 * unchecked. Inferentia2: awsdocs-neuron.readthedocs-hosted.com, Inferentia2 architecture
 */
const known: Readonly<Record<string, Accelerator>> = {
  "nvidia-t4": of(320, 65, 16),
  "nvidia-l4": of(300, 121, 24),
  "nvidia-a10g": of(600, 70, 24),
  "nvidia-l40s": of(864, 362, 48),
  "nvidia-a100": of(2039, 312, 80),
  "nvidia-h100": of(3350, 989, 80),
  "nvidia-h200": of(4800, 989, 141),
  "nvidia-b200": of(8000, 2250, 192),
  inf2: of(820, 190, 32)
}

/** The accelerator of an instance type; nothing for processors, and for what is not known. */
export const find = (instanceType: string): Accelerator | undefined =>
  Object.hasOwn(known, instanceType) ? known[instanceType] : undefined
