/** What `measured.ts` measures, without Effect: for programs that would not load it. */

/** Runs a program that does so many things, and prints what they cost. */
export const measurePlain = async (program: () => Promise<void>, count: number): Promise<void> => {
  const cpu = process.cpuUsage()
  const from = performance.now()
  await program()
  const seconds = (performance.now() - from) / 1000
  const { system, user } = process.cpuUsage(cpu)
  const found = {
    microsEach: (system + user) / count,
    perSecond: count / seconds,
    peakMegabytes: process.resourceUsage().maxRSS / 1024
  }
  process.stdout.write(`${JSON.stringify(found)}\n`)
}
