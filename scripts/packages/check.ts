/** One thing that was looked at, and what is wrong with it. */
import * as os from "node:os"
import { type Options, run } from "../run.ts"

export interface Check {
  readonly name: string
  /** Empty where all is well. */
  readonly complaints: ReadonlyArray<string>
}

export const check = (name: string, complaints: ReadonlyArray<string>): Check => ({ name, complaints })

/** Fails with what the command printed. */
export const must = async (
  command: string,
  args: ReadonlyArray<string>,
  options: Options
): Promise<string> => {
  const { code, output } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}\n${output}`)
  return output
}

/** What a command printed, where it did not end well. */
export const objections = async (
  command: string,
  args: ReadonlyArray<string>,
  options: Options
): Promise<ReadonlyArray<string>> => {
  const { code, output } = await run(command, args, options)
  return code === 0 ? [] : [output.trim() === "" ? `${command} ended with ${code}` : output.trimEnd()]
}

const lanes = Math.max(1, Math.min(4, os.availableParallelism()))

/** Runs the tasks on as many lanes as there are cores, four at most; the results keep the tasks' order. */
export const inLanes = async <A, B>(
  tasks: ReadonlyArray<A>,
  perform: (task: A) => Promise<B>
): Promise<ReadonlyArray<B>> => {
  const results = new Map<number, B>()
  const left = tasks.entries()
  const lane = async (): Promise<void> => {
    for (const [index, task] of left) results.set(index, await perform(task))
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result)
}
