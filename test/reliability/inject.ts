/**
 * Loaded into a program before its own code (`node --import`): at SIGUSR2 the program meets the end that RELIABILITY_END
 * names. What it starts does not inherit this.
 */
const blockMillis = Number(process.env["RELIABILITY_BLOCK_MILLIS"] ?? 0)

process.on("SIGUSR2", () => {
  if (process.env["RELIABILITY_END"] === "block") {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMillis)
    return
  }
  const numbers = Array.from({ length: 1_000_000 }, (_, i) => i)
  const hog: Array<ReadonlyArray<number>> = []
  for (;;) hog.push(numbers.slice())
})
